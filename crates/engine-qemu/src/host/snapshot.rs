//! Snapshots: a point in time of a machine, and the way back to it.
//!
//! ```text
//!            a blank layer is put over the machine's disk, and written down
//!                                   │
//!  running: stand still, copy the memory, write to the new layer, go on (a fraction of a second)
//!  suspended: link its memory       │        off: nothing more
//!                                   ▼
//!            the layer below is frozen; memory is written; snapshot.json comes last
//! ```
//!
//! A layer under another one is never written to again, so a snapshot is a name for it, and
//! every machine made from a snapshot lies over the same one. What is cut short leaves a machine
//! whose disk has one more layer, which is the same disk, and no snapshot.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rolltop_engine::{
    DiskLayer, EngineError, OffReason, Origin, RevertRequest, SnapshotInfo, SnapshotRequest,
};
use rolltop_model::{DesktopId, LayerId, Size, SnapshotId, TemplateVersion};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Host;
use super::desktop::{Desktop, Gated};
use super::power::own_layers;
use super::suspend::stand_still;
use super::transfer::IMPORTED;
use crate::command_line::secret_name;
use crate::durable;
use crate::fault::{Doing, Fault, blocking, told};
use crate::host_status;
use crate::layout::{file_bytes, layer_name, layer_seen_from_machine, make_directory};
use crate::machine::{Running, freeze, hand_over};
use crate::memory;
use crate::record::{Phase, Record};

/// The record's name in a snapshot's directory.
const RECORD: &str = "snapshot.json";

/// One snapshot, on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotRecord {
    pub snapshot: SnapshotId,
    pub taken_at: Timestamp,
    pub template: TemplateVersion,
    pub size: Size,
    /// Its disk, where that was made larger than its first size has it.
    #[serde(default)]
    pub disk_gib: Option<u64>,
    /// The bake its disk lies over; `None` for the plain image.
    pub base: Option<String>,
    /// The latest first.
    pub layers: Vec<LayerId>,
    pub has_memory: bool,
    pub pause_ms: u64,
}

impl SnapshotRecord {
    pub(super) fn load(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(directory.join(RECORD)).ok()?).ok()
    }

    pub(super) fn save(&self, directory: &Path) -> Result<(), Fault> {
        let text = serde_json::to_vec_pretty(self).map_err(|error| Fault::Other(error.to_string()))?;
        durable::write(&directory.join(RECORD), &text, 0o600)
    }

    pub(super) fn disk_gib(&self) -> u64 {
        self.disk_gib.unwrap_or(self.size.disk_gib())
    }

    /// The latest of its layers.
    pub(super) fn layer(&self) -> LayerId {
        self.layers.first().copied().unwrap_or(LayerId::from_u128(0))
    }
}

impl Host {
    pub(crate) fn snapshots(&self) -> Vec<SnapshotInfo> {
        self.snapshot_records().iter().map(|record| self.info(record)).collect()
    }

    pub(super) fn snapshot_records(&self) -> Vec<SnapshotRecord> {
        let entries = std::fs::read_dir(self.layout.snapshots()).into_iter().flatten().flatten();
        entries.filter_map(|entry| SnapshotRecord::load(&entry.path())).collect()
    }

    fn info(&self, record: &SnapshotRecord) -> SnapshotInfo {
        let directory = self.layout.snapshot(record.snapshot);
        SnapshotInfo {
            snapshot: record.snapshot,
            taken_at: record.taken_at,
            size: record.size,
            disk_gib: record.disk_gib(),
            layers: record.layers.clone(),
            has_memory: record.has_memory,
            memory_bytes: file_bytes(&directory.join(memory::SEALED)),
            disk_bytes: file_bytes(&self.layout.layer(record.layer())),
            pause_ms: record.pause_ms,
        }
    }

    /// Every layer that a machine or a snapshot needs.
    pub(super) fn needed_layers(&self) -> Vec<LayerId> {
        let desktops: Vec<Record> = self.desktops().values().filter_map(|desktop| desktop.record()).collect();
        let mut needed: Vec<LayerId> = desktops.iter().flat_map(Record::all_layers).collect();
        needed.extend(self.snapshot_records().into_iter().flat_map(|record| record.layers));
        needed
    }

    /// Whether a snapshot, or a machine that is not this one, needs a layer.
    pub(super) fn is_anothers(&self, layer: LayerId, desktop: DesktopId) -> bool {
        let others =
            |record: &Record| record.desktop != desktop && record.all_layers().any(|one| one == layer);
        self.desktops().values().filter_map(|entry| entry.record()).any(|record| others(&record))
            // Only then are the snapshots' records worth reading.
            || self.layout.layer(layer).exists()
                && self.snapshot_records().iter().any(|record| record.layers.contains(&layer))
    }

    /// Removes those layers that nothing needs any more. Returns the bytes freed.
    pub(super) fn remove_unneeded(&self, layers: &[LayerId]) -> Result<u64, Fault> {
        let needed = self.needed_layers();
        let mut freed = 0;
        for layer in layers.iter().filter(|layer| !needed.contains(layer)) {
            let path = self.layout.layer(*layer);
            freed += file_bytes(&path);
            durable::remove(&path)?;
        }
        Ok(freed)
    }

    pub(crate) async fn snapshot(
        self: Arc<Self>,
        request: SnapshotRequest,
    ) -> Result<SnapshotInfo, EngineError> {
        let (desktop, mut held) = self.hold(request.desktop).await;
        let directory = self.layout.snapshot(request.snapshot);
        self.snapshots_making().insert(directory.clone());
        let outcome = self.snapshot_held(&desktop, &mut held, &request).await;
        self.snapshots_making().remove(&directory);
        if outcome.is_err() && SnapshotRecord::load(&directory).is_none() {
            remove_directory(&directory)?;
        }
        self.let_go(request.desktop, &mut held);
        outcome
    }

    async fn snapshot_held(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        request: &SnapshotRequest,
    ) -> Result<SnapshotInfo, EngineError> {
        self.pass_fence(request.desktop, held, request.fence).await?;
        let directory = self.layout.snapshot(request.snapshot);
        if let Some(record) = SnapshotRecord::load(&directory) {
            return Ok(self.info(&record)); // taken before
        }
        self.end_flattening(desktop, held).await?;
        let record = held.record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        if !record.has_disk {
            return Err(EngineError::Host("the desktop was never completely made".into()));
        }
        if record.all_layers().any(|layer| layer == request.next.layer) {
            return Err(EngineError::CutShort);
        }
        let _room = self.room_for(0, None)?;
        make_directory(&directory)?;
        self.place_layer(request.desktop, &request.next, record.disk_gib(), &layer_name(record.layer()))
            .await?;
        let next = request.next.layer;
        if let Err(fault) = record.change(&self.layout, |record| record.next = Some(next)).await {
            // Unless it may be written down all the same.
            if Record::load(&self.layout.desktop(record.desktop)).is_some_and(|kept| kept.next.is_none()) {
                durable::remove(&self.layout.layer(next))?;
            }
            return Err(fault.into());
        }
        desktop.show(held);
        let taken = self.take(desktop, held, request, &directory).await;
        // A machine that has ended meanwhile may have written to the new layer.
        if let Some(record) = held.record.as_mut()
            && record.next.is_some()
        {
            record.take_next();
            record.save(&self.layout).await?;
        }
        desktop.show(held);
        let taken = taken?;
        taken.save(&directory)?;
        Ok(self.info(&taken))
    }

    /// Everything but the snapshot's record.
    async fn take(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        request: &SnapshotRequest,
        directory: &Path,
    ) -> Result<SnapshotRecord, EngineError> {
        let Gated { record, running, .. } = &mut *held;
        let record = record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        let mut taken = SnapshotRecord {
            snapshot: request.snapshot,
            taken_at: Timestamp::now(),
            template: record.template.clone(),
            size: record.size,
            disk_gib: record.disk_gib,
            base: record.base.clone(),
            layers: record.layers.clone(),
            has_memory: true,
            pause_ms: 0,
        };
        let frozen = self.layout.layer(record.layer());
        match running {
            Some(running) => {
                let outcome = self.take_running(record, running, request, directory, &mut taken).await;
                // Wherever it failed: what it writes to is asked of the machine. One that has ended can't say.
                if outcome.is_err()
                    && let Err(fault) = self.settle_next(record, running).await
                {
                    tracing::warn!(desktop = %record.desktop, error = told(&fault), "it does not say what it writes to");
                }
                outcome?;
            }
            None if record.phase == Phase::Off(OffReason::Suspended) => {
                let (from, to) = (self.layout.desktop(record.desktop), directory.to_owned());
                blocking(move || memory::link(&from, &to)).await?;
            }
            None => taken.has_memory = false,
        }
        record.take_next();
        record.save(&self.layout).await?;
        desktop.show(held);
        blocking(move || {
            memory::sync(&frozen)?;
            freeze(&frozen)
        })
        .await?;
        Ok(taken)
    }

    async fn take_running(
        &self,
        record: &mut Record,
        running: &Running,
        request: &SnapshotRequest,
        directory: &Path,
        taken: &mut SnapshotRecord,
    ) -> Result<(), EngineError> {
        match running.monitor()?.status().await?.as_str() {
            // Or it stands still for want of room.
            "running" | "paused" => {}
            "io-error" => return Err(EngineError::DiskFull),
            _ => return Err(EngineError::NotRunning),
        }
        let saving = self.saving(record, running.process)?;
        // Where the host has too little memory for a copy, the machine stands still for as long as writing takes.
        let most = host_status::memory().available / 2;
        let ((needed, mut room), saving) =
            blocking(move || Ok((saving.source().room(most)?, saving))).await?;
        let _kept = self.room_for(needed, None)?;
        hand_over(&self.layout.layer(request.next.layer), running.process.uid()?)?;
        add_layer(running, &request.next).await?;
        let since = Instant::now();
        let copied = async {
            let devices = stand_still(running).await?;
            taken.taken_at = Timestamp::now();
            let (to, key) = (directory.to_owned(), request.key.clone());
            let (room, saving, devices) = blocking(move || {
                match &mut room {
                    Some(room) => saving.source().capture(room)?,
                    None => saving.source().keep(&to, &key, &devices, saving.manifest.clone())?,
                }
                Ok((room, saving, devices))
            })
            .await?;
            let nodes =
                json!({ "node": record.layer().to_string(), "overlay": request.next.layer.to_string() });
            running.monitor()?.run("blockdev-snapshot", nodes).await?;
            Ok::<_, Fault>((devices, room, saving))
        };
        let copied = copied.await;
        running.monitor()?.run("cont", json!({})).await?;
        taken.pause_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
        let (devices, room, saving) = copied?;
        tracing::debug!(desktop = %record.desktop, pause = ?since.elapsed(), "a snapshot is copied");
        let Some(room) = room else { return Ok(()) };
        let (directory, key) = (directory.to_owned(), request.key.clone());
        blocking(move || {
            saving.source().keep_captured(&room, &directory, &key, &devices, saving.manifest.clone())
        })
        .await?;
        Ok(())
    }

    /// Finds out whether a machine writes to the layer that was being put over the others, and
    /// writes that down. One that it does not write to is removed.
    async fn settle_next(&self, record: &mut Record, running: &Running) -> Result<(), Fault> {
        let Some(next) = record.next else { return Ok(()) };
        if writes_to(running, next).await? {
            record.take_next();
            return record.save(&self.layout).await;
        }
        if let Err(fault) = remove_layer(running, next).await {
            tracing::debug!(error = told(&fault), "a layer was not opened, or stays open unused");
        }
        record.next = None;
        record.save(&self.layout).await?;
        durable::remove(&self.layout.layer(next))?;
        Ok(())
    }

    /// The same for a machine found running, which goes on if it was left standing.
    pub(super) async fn settle_layers(&self, held: &mut Gated, running: &Running) -> Result<(), Fault> {
        let Some(record) = held.record.as_mut() else { return Ok(()) };
        self.settle_next(record, running).await?;
        if running.monitor()?.status().await? == "paused" {
            // It stood still for a snapshot.
            running.monitor()?.run("cont", json!({})).await?;
        }
        // It may be written down and not done yet.
        self.grow_disk(record, running).await
    }

    /// The snapshot to make a machine of this template from, and its layers.
    pub(super) fn snapshot_for<'a>(
        &self,
        origin: &'a Origin,
        template: &TemplateVersion,
    ) -> Result<(SnapshotRecord, &'a [DiskLayer]), EngineError> {
        let record = SnapshotRecord::load(&self.layout.snapshot(origin.snapshot));
        let record = record.ok_or(EngineError::UnknownSnapshot)?;
        if record.template != *template {
            return Err(EngineError::Host("the snapshot is of another template".into()));
        }
        let layers = own_layers(&origin.disk, &record.layers)
            .ok_or_else(|| EngineError::Host("the snapshot's disk has other layers".into()))?;
        Ok((record, layers))
    }

    pub(crate) async fn revert(self: Arc<Self>, request: RevertRequest) -> Result<(), EngineError> {
        let _still = self.removing.read().await;
        let (desktop, mut held) = self.hold(request.desktop).await;
        let outcome = self.revert_held(&desktop, &mut held, &request).await;
        self.let_go(request.desktop, &mut held);
        outcome
    }

    async fn revert_held(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        request: &RevertRequest,
    ) -> Result<(), EngineError> {
        self.pass_fence(request.desktop, held, request.fence).await?;
        let record = held.record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        if record.layer() == request.next.layer {
            return Ok(()); // carried out before
        }
        if held.running.is_some() {
            return Err(EngineError::Host("the desktop runs; stop it first".into()));
        }
        let (snapshot, _) = self.snapshot_for(&request.from, &record.template)?;
        let _room = self.room_for(0, None)?;
        let disk_gib = record.disk_gib().max(snapshot.disk_gib());
        self.place_layer(request.desktop, &request.next, disk_gib, &layer_name(snapshot.layer())).await?;
        self.give_up_memory(record.desktop).await?;
        let (from, to) = (self.layout.snapshot(snapshot.snapshot), self.layout.desktop(record.desktop));
        if snapshot.has_memory {
            blocking(move || memory::link(&from, &to)).await?;
        }
        let before: Vec<LayerId> = record.all_layers().collect();
        record.layers = std::iter::once(request.next.layer).chain(snapshot.layers).collect();
        record.next = None;
        record.base = snapshot.base;
        // A memory is of the size that it was kept with.
        record.size = snapshot.size;
        record.next_size = None;
        record.disk_gib = Some(disk_gib);
        record.phase = Phase::Off(if snapshot.has_memory { OffReason::Suspended } else { OffReason::Asked });
        record.save(&self.layout).await?;
        desktop.show(held);
        self.remove_unneeded(&before)?;
        Ok(())
    }

    pub(crate) async fn remove_snapshot(self: Arc<Self>, id: SnapshotId) -> Result<u64, EngineError> {
        // Not while a machine is being made from one.
        let _alone = self.removing.write().await;
        Ok(self.remove_snapshot_files(id)?)
    }

    pub(super) fn remove_snapshot_files(&self, id: SnapshotId) -> Result<u64, Fault> {
        let directory = self.layout.snapshot(id);
        let Some(record) = SnapshotRecord::load(&directory) else {
            remove_directory(&directory)?;
            return Ok(0);
        };
        let memory = file_bytes(&directory.join(memory::SEALED));
        durable::remove(&directory.join(RECORD))?;
        durable::sync_directory(&directory)?;
        remove_directory(&directory)?;
        let freed = memory + self.remove_unneeded(&record.layers)?;
        if record.template.name() == IMPORTED {
            self.forget_imported()?;
        }
        Ok(freed)
    }
}

pub(super) fn remove_directory(path: &Path) -> Result<(), Fault> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error).doing_with("removing", path),
        _ => Ok(()),
    }
}

/// Has a running machine open a layer that it does not write to yet.
async fn add_layer(running: &Running, next: &DiskLayer) -> Result<(), Fault> {
    let monitor = running.monitor()?;
    let secret = secret_name(next.layer);
    let key = STANDARD.encode(next.key.bytes());
    monitor.run("object-add", json!({ "qom-type": "secret", "id": secret, "data": key })).await?;
    let node = json!({
        "driver": "qcow2",
        "node-name": next.layer.to_string(),
        "discard": "unmap",
        "file": { "driver": "file", "filename": layer_seen_from_machine(next.layer), "discard": "unmap" },
        "encrypt": { "format": "luks", "key-secret": secret },
        "backing": null,
    });
    monitor.run("blockdev-add", node).await?;
    Ok(())
}

pub(super) async fn remove_layer(running: &Running, layer: LayerId) -> Result<(), Fault> {
    let monitor = running.monitor()?;
    monitor.run("blockdev-del", json!({ "node-name": layer.to_string() })).await?;
    monitor.run("object-del", json!({ "id": secret_name(layer) })).await?;
    Ok(())
}

/// Whether the guest's disk is this layer.
async fn writes_to(running: &Running, layer: LayerId) -> Result<bool, Fault> {
    let disks = running.monitor()?.run("query-block", json!({})).await?;
    let name = layer.to_string();
    let disks = disks.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(disks
        .iter()
        .any(|disk| disk.pointer("/inserted/node-name").and_then(Value::as_str) == Some(name.as_str())))
}
