//! Suspending and resuming: memory to the disk, and back.
//!
//! The manifest decides. As long as it is there the machine does not run, and the disk is as it
//! was when the memory was kept; so whatever is cut short ends in a machine that either runs on or
//! is suspended, and never in both.

use std::path::PathBuf;
use std::sync::Arc;

use rolltop_engine::{DiskLayer, EngineError, LayerKey, OffReason, StartRequest, SuspendRequest};
use rolltop_model::DesktopId;
use serde_json::json;

use super::Host;
use super::desktop::{Desktop, Gated};
use crate::fault::{Fault, blocking, told};
use crate::identity::BakeIdentity;
use crate::machine::{self, Memory, Running};
use crate::memory::{self, Kept, Manifest, Source};
use crate::process::{Process, devices_descriptor, devices_written};
use crate::qemu::Qemu;
use crate::record::{Phase, Record, Started};

impl Host {
    pub(crate) async fn suspend(self: Arc<Self>, request: SuspendRequest) -> Result<(), EngineError> {
        let (desktop, mut held) = self.hold(request.desktop).await;
        let outcome = self.suspend_held(&desktop, &mut held, &request).await;
        self.let_go(request.desktop, &mut held);
        outcome
    }

    async fn suspend_held(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        request: &SuspendRequest,
    ) -> Result<(), EngineError> {
        self.pass_fence(request.desktop, held, request.fence).await?;
        self.end_flattening(desktop, held).await?;
        let Gated { record, running, .. } = &mut *held;
        let record = record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        let Some(running) = running else {
            return match record.phase {
                Phase::Off(OffReason::Suspended) => Ok(()),
                _ => Err(EngineError::NotRunning),
            };
        };
        match running.monitor()?.status().await?.as_str() {
            // Or it stands still for want of room.
            "running" | "paused" => {}
            "io-error" => return Err(EngineError::DiskFull),
            _ => return Err(EngineError::NotRunning),
        }
        let saving = self.saving(record, running.process)?;
        let (needed, saving) = blocking(move || Ok((saving.source().bytes()?, saving))).await?;
        let _room = self.room_for(needed, None)?;
        record.change(&self.layout, |record| record.phase = Phase::Suspending).await?;
        if let Err(fault) = stand_still_and_keep(running, saving, request.key.clone()).await {
            tracing::warn!(desktop = %request.desktop, error = told(&fault), "it could not be suspended");
            self.go_on(record, running).await?;
            desktop.show(held);
            return Err(fault.into());
        }
        self.turn_off(desktop, held, OffReason::Suspended).await
    }

    pub(super) fn saving(&self, record: &Record, process: Process) -> Result<Saving, EngineError> {
        let Some(Started { machine, ram, .. }) = record.started.clone() else {
            return Err(EngineError::Host(
                "it was started by an earlier version of Rolltop; restart it once, then it can be suspended"
                    .into(),
            ));
        };
        Ok(Saving {
            directory: self.layout.desktop(record.desktop),
            disk: self.layout.layer(record.layer()),
            process,
            base: self.layout.root().join(&ram),
            manifest: Manifest::new(record.desktop, record.layer(), machine, ram),
        })
    }

    /// Lets a machine go on that stood still to be suspended. What was kept of it goes first.
    async fn go_on(&self, record: &mut Record, running: &Running) -> Result<(), EngineError> {
        self.give_up_memory(record.desktop).await?;
        // Before anything is written down, for which there may be no room.
        running.monitor()?.run("cont", json!({})).await?;
        record.phase = Phase::On;
        Ok(record.save(&self.layout).await?)
    }

    /// Removes a kept memory, if there is one, for good.
    pub(super) async fn give_up_memory(&self, id: DesktopId) -> Result<(), EngineError> {
        let directory = self.layout.desktop(id);
        blocking(move || memory::discard(&directory)).await?;
        Ok(())
    }

    pub(crate) async fn resume(self: Arc<Self>, request: StartRequest) -> Result<(), EngineError> {
        let (desktop, mut held) = self.hold(request.desktop).await;
        let outcome = self.resume_held(&desktop, &mut held, &request).await;
        self.let_go(request.desktop, &mut held);
        outcome
    }

    async fn resume_held(
        self: &Arc<Self>,
        desktop: &Arc<Desktop>,
        held: &mut Gated,
        request: &StartRequest,
    ) -> Result<(), EngineError> {
        self.pass_fence(request.desktop, held, request.fence).await?;
        let record = held.record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        if held.running.is_some() || request.boot <= record.boot {
            return Ok(());
        }
        let template = self.manifest(&record.template)?;
        let now = self.fit(&template, record.size).await?;
        let directory = self.layout.desktop(record.desktop);
        let Some(memory) = self.kept_memory(directory, &request.disk, now).await? else {
            return Err(EngineError::MemoryUnusable("none was kept".into()));
        };
        let _room = self.room_for(0, Some(0))?;
        let resuming = |record: &mut Record| {
            record.phase = Phase::Resuming { boot: request.boot };
            record.quarantined = true;
        };
        record.change(&self.layout, resuming).await?;
        let index = record.index;
        desktop.show(held);
        let resumed = async {
            let tap = self.network.create(index).await?;
            self.boot(desktop, held, &request.disk, &template, memory, tap).await
        };
        let resumed = resumed.await;
        if resumed.is_err() {
            let is_kept = memory::is_kept(&self.layout.desktop(request.desktop));
            let why = if is_kept { OffReason::Suspended } else { OffReason::Died };
            if let Err(error) = self.turn_off(desktop, held, why).await {
                tracing::warn!(%error, "something of a resume that failed is left over");
            }
        }
        resumed
    }

    /// The memory that a directory keeps, opened and found to fit a machine that is `now`.
    pub(super) async fn kept_memory(
        &self,
        directory: PathBuf,
        disk: &[DiskLayer],
        (now, qemu): (BakeIdentity, Arc<Qemu>),
    ) -> Result<Option<Memory>, EngineError> {
        let disk = disk.to_vec();
        let opened = blocking(move || {
            let Some(manifest) = Manifest::load(&directory)? else { return Ok(None) };
            if let Some(why) = manifest.machine.mismatch(&now, &qemu) {
                return Err(Fault::Memory(why));
            }
            let kept = Kept::open(&directory, manifest.key(&disk)?, &manifest)?;
            let ram = format!("../../{}", manifest.base);
            Ok(Some(Memory::Resumed { ram, kept, machine: manifest.machine.in_qemu(&qemu) }))
        });
        Ok(opened.await?)
    }

    /// What has become of a machine that an earlier process of ours was suspending or resuming:
    /// why it is off, or `None` if it runs on.
    pub(super) async fn after_broken_suspend(
        self: &Arc<Self>,
        held: &mut Gated,
        process: Option<Process>,
    ) -> Result<Option<OffReason>, EngineError> {
        let Some(record) = held.record.as_mut() else { return Ok(None) };
        let directory = self.layout.desktop(record.desktop);
        let is_kept = memory::is_kept(&directory);
        match process {
            Some(process) if is_kept => {
                process.kill().await?;
                Ok(Some(OffReason::Suspended))
            }
            None if is_kept => Ok(Some(OffReason::Suspended)),
            None => Ok(Some(record.lost())),
            Some(process) => {
                let (running, watched) = machine::adopt(&directory, process).await;
                if let Phase::Resuming { boot } = record.phase {
                    record.boot = boot;
                }
                self.go_on(record, &running).await?;
                held.running = Some(running);
                let Some(desktop) = self.find(record.desktop) else { return Ok(None) };
                self.watch(&desktop, watched);
                Ok(None)
            }
        }
    }
}

/// All that keeping a machine's memory takes.
pub(super) struct Saving {
    /// Where to.
    pub directory: PathBuf,
    /// The layer it writes to.
    pub disk: PathBuf,
    pub process: Process,
    base: PathBuf,
    pub manifest: Manifest,
}

impl Saving {
    pub(super) fn source(&self) -> Source<'_> {
        Source { process: self.process, base: &self.base }
    }
}

/// Afterwards the machine stands still and, if it went well, everything of it is durable.
async fn stand_still_and_keep(running: &Running, saving: Saving, key: LayerKey) -> Result<(), Fault> {
    let devices = stand_still(running).await?;
    blocking(move || {
        memory::sync(&saving.disk)?;
        saving.source().keep(&saving.directory, &key, &devices, saving.manifest.clone())
    })
    .await
}

/// Stops the machine; the state of its devices.
pub(super) async fn stand_still(running: &Running) -> Result<Vec<u8>, Fault> {
    let monitor = running.monitor()?;
    let descriptor = devices_descriptor(running.process)?;
    monitor.run("stop", json!({})).await?;
    let file = format!("/proc/self/fd/{descriptor}");
    monitor.run("xen-save-devices-state", json!({ "filename": file, "live": false })).await?;
    devices_written(running.process, descriptor)
}
