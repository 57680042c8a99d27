//! Turning machines on and off, and noticing when one turns itself off.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::pin::pin;
use std::sync::{Arc, Weak};
use std::time::Duration;

use rolltop_engine::{DiskLayer, EngineError, OffReason, StartRequest, Writing};
use rolltop_model::{DesktopId, LayerId};
use rolltop_template::Manifest;
use serde_json::{Value, json};
use tokio::time::MissedTickBehavior;

use super::Host;
use super::desktop::{Desktop, Gated};
use super::writing;
use crate::accel;
use crate::cgroup::Share;
use crate::command_line::CONSOLE;
use crate::console;
use crate::fault::{Fault, told};
use crate::host_status;
use crate::identity::BakeIdentity;
use crate::machine::{self, Boot, LOG, Life, Memory, Running, Watched};
use crate::process::Process;
use crate::process::View;
use crate::qmp::Event;
use crate::record::{Phase, Record, Started, host_boot};

/// How often a running machine's logs and pauses are looked after.
const ROUNDS: Duration = Duration::from_secs(10);

impl Host {
    pub(crate) async fn start(self: Arc<Self>, request: StartRequest) -> Result<(), EngineError> {
        let (desktop, mut held) = self.hold(request.desktop).await;
        let outcome = self.start_held(&desktop, &mut held, &request).await;
        self.let_go(request.desktop, &mut held);
        outcome
    }

    async fn start_held(
        self: &Arc<Self>,
        desktop: &Arc<Desktop>,
        held: &mut Gated,
        request: &StartRequest,
    ) -> Result<(), EngineError> {
        self.pass_fence(request.desktop, held, request.fence).await?;
        let record = held.record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        if held.running.is_some() {
            return Ok(());
        }
        if !record.has_disk {
            return Err(EngineError::Host("the desktop was never completely made; fork it again".into()));
        }
        let repeated = request.boot <= record.boot;
        if repeated && matches!(record.phase, Phase::Off(why) if why != OffReason::NeverStarted) {
            // It was carried out, and the machine has gone off since.
            return Ok(());
        }
        let manifest = self.manifest(&record.template)?;
        let _room = self.room_for(0, Some(0))?;
        let memory = self.blank_memory(record.next_size.unwrap_or(record.size))?;
        self.give_up_memory(record.desktop).await?;
        let starting = |record: &mut Record| {
            record.size = record.next_size.take().unwrap_or(record.size);
            record.boot = request.boot;
            record.phase = Phase::Starting;
            record.quarantined = true;
        };
        record.change(&self.layout, starting).await?;
        let index = record.index;
        desktop.show(held);
        let started = async {
            let tap = self.network.create(index).await?;
            self.boot(desktop, held, &request.disk, &manifest, memory, tap).await
        };
        let started = started.await;
        if started.is_err() {
            self.abandon(desktop, held).await;
        }
        started
    }

    /// Starts the machine of the held desktop and writes down that it is on.
    pub(super) async fn boot(
        self: &Arc<Self>,
        desktop: &Arc<Desktop>,
        held: &mut Gated,
        disk: &[DiskLayer],
        manifest: &Manifest,
        memory: Memory,
        tap: OwnedFd,
    ) -> Result<(), EngineError> {
        let qemu = self.qemu().await?;
        let record = held.record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        let disk = own_layers(disk, &record.layers)
            .ok_or_else(|| EngineError::Host("the desktop's disk has other layers".into()))?;
        let name = record.desktop.to_string();
        let machine = match memory.machine() {
            Some(machine) => machine.clone().in_qemu(&qemu),
            None => BakeIdentity::current(&qemu, record.size, &manifest.cmdline),
        };
        record.started =
            Some(Started { machine: machine.clone(), ram: memory.base(), host_boot: host_boot() });
        // Written before the machine runs, so that it is right whenever there is one.
        record.save(&self.layout).await?;
        let directory = self.layout.desktop(record.desktop);
        let reads = [self.layout.template(&record.template), self.layout.blank()];
        let view = self.layout.view(Some(&directory), &[self.layout.layers()], &reads);
        let (running, watched) = machine::boot(Boot {
            directory,
            cgroups: self.cgroups.create(&name, record.size, Share::Full)?,
            name,
            program: self.config.qemu.clone(),
            accel: qemu.accel,
            machine,
            size: record.size,
            disk_gib: record.disk_gib(),
            template: format!("../../templates/{}", record.template),
            kernel_arguments: manifest.cmdline.clone(),
            memory,
            disk: disk.to_vec(),
            base: record.base.clone(),
            layers: self.layout.layers(),
            uid: self.uid(record.index),
            groups: accel::groups(qemu.accel),
            view: View { devices: accel::devices(qemu.accel), ..view },
            tap,
        })
        .await?;
        if let Phase::Resuming { boot } = record.phase {
            record.boot = boot;
        }
        record.phase = Phase::On;
        let saved = record.save(&self.layout).await;
        let grown = self.grow_disk(record, &running).await;
        held.running = Some(running);
        desktop.show(held);
        self.watch(desktop, watched);
        saved?;
        Ok(grown?)
    }

    pub(crate) async fn release(self: Arc<Self>, id: DesktopId, fence: u64) -> Result<(), EngineError> {
        let (desktop, mut held) = self.hold(id).await;
        let outcome = async {
            self.pass_fence(id, &mut held, fence).await?;
            let Gated { record, running, .. } = &mut *held;
            let record = record.as_mut().ok_or(EngineError::UnknownDesktop)?;
            if running.is_none() {
                return Err(EngineError::NotRunning);
            }
            if record.quarantined {
                // First written down, then done: what is open is never taken for closed.
                let released = |record: &mut Record| {
                    record.was_released = true;
                    record.quarantined = false;
                };
                record.change(&self.layout, released).await?;
            }
            self.network.release(record.index).await?;
            desktop.show(&held);
            Ok(())
        };
        let outcome = outcome.await;
        self.let_go(id, &mut held);
        outcome
    }

    pub(crate) async fn stop(
        self: Arc<Self>,
        id: DesktopId,
        fence: u64,
        grace: Duration,
    ) -> Result<(), EngineError> {
        let (desktop, mut held) = self.hold(id).await;
        let outcome = async {
            self.pass_fence(id, &mut held, fence).await?;
            let Gated { record, running, .. } = &mut *held;
            let record = record.as_mut().ok_or(EngineError::UnknownDesktop)?;
            if running.is_none() {
                if record.phase == Phase::Off(OffReason::Suspended) {
                    self.give_up_memory(id).await?;
                    self.turn_off(&desktop, &mut held, OffReason::Asked).await?;
                }
                return Ok(());
            }
            record.phase = Phase::Stopping;
            if let Err(fault) = record.save(&self.layout).await {
                // A full disk keeps nobody from stopping.
                tracing::warn!(desktop = %id, error = told(&fault), "that it stops could not be written down");
            }
            // From here on it may write what it has to.
            desktop.show(&held);
            let Some(running) = &mut held.running else { return Ok(()) };
            running.power_down(grace).await;
            self.turn_off(&desktop, &mut held, OffReason::Asked).await
        };
        let outcome = outcome.await;
        self.let_go(id, &mut held);
        outcome
    }

    /// Ends the machine, if it has not ended, and gives back what only a running one needs.
    pub(super) async fn turn_off(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        why: OffReason,
    ) -> Result<(), EngineError> {
        if let Some(running) = &held.running {
            running.end().await?;
        }
        held.running = None;
        let Some(record) = held.record.as_mut() else { return Ok(()) };
        record.phase = Phase::Off(why);
        record.quarantined = true;
        let saved = record.save(&self.layout).await;
        let (id, index) = (record.desktop, record.index);
        desktop.show(held);
        machine::remove_sockets(&self.layout.desktop(id))?;
        self.network.remove(index).await?;
        self.cgroups.remove(&id.to_string()).await?;
        Ok(saved?)
    }

    /// After a start or fork that failed: nothing stays running, and the record says so.
    pub(super) async fn abandon(&self, desktop: &Desktop, held: &mut Gated) {
        if let Err(error) = self.turn_off(desktop, held, OffReason::NeverStarted).await {
            tracing::warn!(%error, "something of a start that failed is left over");
        }
    }

    /// Looks after a running machine in a task of its own, until it ends or we let go of it.
    pub(super) fn watch(self: &Arc<Self>, desktop: &Arc<Desktop>, watched: Watched) {
        let (host, desktop) = (Arc::downgrade(self), Arc::downgrade(desktop));
        tokio::spawn(async move {
            let process = watched.process;
            if look_after(&host, &desktop, watched).await
                && let (Some(host), Some(desktop)) = (host.upgrade(), desktop.upgrade())
            {
                host.settle(&desktop, process).await;
            }
        });
    }

    /// Writes down that a machine has turned itself off.
    async fn settle(&self, desktop: &Desktop, process: Process) {
        let mut held = desktop.hold().await;
        let Some(running) = held.running.as_ref().filter(|running| running.process == process) else {
            return;
        };
        let why = match (held.record.as_ref().map(|record| record.phase), *running.life.borrow()) {
            (Some(Phase::Stopping), _) => OffReason::Asked,
            (_, Life::ShutDown) => OffReason::Guest,
            (_, Life::Reset) => OffReason::Reset,
            (_, Life::Ended | Life::Up) => OffReason::Died,
        };
        let id = held.record.as_ref().map(|record| record.desktop);
        tracing::info!(desktop = ?id, ?why, "a desktop is off");
        if let Err(error) = self.turn_off(desktop, &mut held, why).await {
            tracing::warn!(desktop = ?id, %error, "something of a desktop that is off is left over");
        }
    }
}

/// Those of the layers given that are a disk's: all of them, or those above what it does not need any more.
pub(super) fn own_layers<'a>(given: &'a [DiskLayer], own: &[LayerId]) -> Option<&'a [DiskLayer]> {
    let disk = given.get(..own.len())?;
    disk.iter().map(|layer| layer.layer).eq(own.iter().copied()).then_some(disk)
}

/// Waits until the machine turns itself off (`true`) or nobody holds it any more (`false`).
async fn look_after(host: &Weak<Host>, desktop: &Weak<Desktop>, watched: Watched) -> bool {
    let Watched { process, monitor, mut events, life } = watched;
    let mut ended = pin!(process.ended());
    let mut rounds = tokio::time::interval(ROUNDS);
    let mut looks = tokio::time::interval(writing::LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut watch = writing::Watch::default();
    loop {
        tokio::select! {
            () = &mut ended => {
                life.send_replace(Life::Ended);
                return true;
            }
            () = life.closed() => return false,
            event = next(&mut events) => match event {
                Some(event) => if let Some(end) = guests_end(&event) {
                    life.send_replace(end);
                    return true;
                },
                None => events = None,
            },
            _ = looks.tick() => {
                let (Some(host), Some(desktop)) = (host.upgrade(), desktop.upgrade()) else { return false };
                host.hold_back(&desktop, monitor.as_deref(), &mut watch).await;
            }
            _ = rounds.tick() => {
                let (Some(host), Some(desktop)) = (host.upgrade(), desktop.upgrade()) else { return false };
                match host.round(&desktop, monitor.as_deref()).await {
                    None | Some(Life::Up) => {}
                    Some(end) => {
                        life.send_replace(end);
                        return true;
                    }
                }
            }
        }
    }
}

/// The next event; never, once there are none to come.
async fn next(events: &mut Option<tokio::sync::mpsc::Receiver<Event>>) -> Option<Event> {
    match events {
        Some(events) => events.recv().await,
        None => std::future::pending().await,
    }
}

/// What an event says of a guest's end.
fn guests_end(event: &Event) -> Option<Life> {
    let by_guest = event.data.get("guest").and_then(Value::as_bool) == Some(true);
    match event.data.get("reason").and_then(Value::as_str) {
        _ if event.name != "SHUTDOWN" || !by_guest => None,
        Some("guest-reset") => Some(Life::Reset),
        Some(_) | None => Some(Life::ShutDown),
    }
}

impl Host {
    /// Keeps logs short, and lets a machine go on that waited for room on the disk. Says what
    /// became of it, in case the event was lost; `None` where it can't be told.
    async fn round(&self, desktop: &Desktop, monitor: Option<&crate::qmp::Monitor>) -> Option<Life> {
        let record = desktop.record()?;
        let directory = self.layout.desktop(record.desktop);
        for name in [CONSOLE, LOG] {
            if let Err(error) = console::trim(&directory.join(name)) {
                tracing::debug!(%error, "a log was not looked after");
            }
        }
        let monitor = monitor?;
        let status = monitor.status().await.ok()?;
        let room = host_status::room(self.layout.root(), self.config.min_free_disk, 0).is_ok();
        if status == "io-error" && room && desktop.writing() == Writing::Freely {
            match monitor.run("cont", json!({})).await {
                Ok(_) => tracing::info!(desktop = %record.desktop, "there is room again; a desktop goes on"),
                Err(error) => tracing::warn!(error = told(&error), "a desktop waits although there is room"),
            }
        }
        Some(if status == "shutdown" { machine::why_shut_down(&directory) } else { Life::Up })
    }

    /// What has become meanwhile of a machine found running.
    pub(super) async fn life_of(running: &Running, directory: &Path) -> Result<Life, Fault> {
        let ended = running.monitor()?.status().await? == "shutdown";
        Ok(if ended { machine::why_shut_down(directory) } else { Life::Up })
    }
}
