//! Holding back machines that would take more of the host's disk than there is for them, before it is full: a disk without
//! a free block keeps Rolltop's own data from being written, and takes neighbours with it.
//!
//! Two measures are taken twice a second, by the task that looks after a machine: what the disk has left, and what the
//! machine has taken. First it writes slowly, so that somebody can go in and make room; then it stands still. Where the disk
//! itself runs short only those stand still that take more of it. It goes on by itself.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

use rolltop_engine::{DiskAllowance, EngineError, LayerUse, Shortage, Writing};
use rolltop_model::DesktopId;
use serde_json::json;

use super::Host;
use super::desktop::Desktop;
use crate::fault::{Doing, Fault, told};
use crate::host_status;
use crate::layout::file_bytes;
use crate::qmp::Monitor;
use crate::record::{Phase, Record};

/// How often a machine is looked at. At most half a second of writing passes unseen.
pub(super) const LOOK: Duration = Duration::from_millis(500);
/// What one that writes slowly may write, bytes a second.
const SLOWLY: u64 = 1 << 20;

/// What machines write to: the part of the device `vda` that has the disk.
const DEVICE: &str = "/machine/peripheral/vda/virtio-backend";

/// What the task that looks after a machine knows of its writing.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// What was last measured of its own on the disk, bytes.
    bytes: Option<u64>,
    /// What its QEMU was last told; nothing, where an earlier process of ours may have told it something.
    told: Option<Writing>,
}

/// What is measured of a machine and its host.
#[derive(Debug, Clone, Copy)]
struct Seen {
    /// Free on the disk, bytes.
    free: u64,
    /// See [`crate::QemuConfig::reserve_disk`].
    reserve: u64,
    /// The machine's own, bytes.
    bytes: u64,
    /// It has taken more since it was last looked at.
    grows: bool,
    allowance: Option<DiskAllowance>,
}

impl Seen {
    /// How it may write from now on.
    fn judged(&self, before: Writing) -> Writing {
        let Self { free, reserve, bytes, grows, allowance } = *self;
        // Who stands still goes on when there is a little more than what made it stand still.
        let stands_still = before == Writing::Stopped(Shortage::HostDisk);
        let enough = reserve.saturating_add(reserve / 2);
        let is_short = if stands_still { free < enough } else { free < reserve && grows };
        let of_allowance = |from: fn(&DiskAllowance) -> u64| allowance.is_some_and(|all| bytes >= from(&all));
        if is_short {
            Writing::Stopped(Shortage::HostDisk)
        } else if of_allowance(|all| all.stop_from) {
            Writing::Stopped(Shortage::Allowance)
        } else if free < reserve.saturating_mul(2) {
            Writing::Slowly(Shortage::HostDisk)
        } else if of_allowance(|all| all.slow_from) {
            Writing::Slowly(Shortage::Allowance)
        } else {
            Writing::Freely
        }
    }
}

impl Host {
    pub(crate) fn allow_disk(&self, allowances: Vec<DiskAllowance>) {
        *self.allowances() = allowances.into_iter().map(|allowance| (allowance.desktop, allowance)).collect();
    }

    fn allowances(&self) -> MutexGuard<'_, std::collections::HashMap<DesktopId, DiskAllowance>> {
        self.allowances.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) async fn layers(self: Arc<Self>) -> Result<Vec<LayerUse>, EngineError> {
        let measuring = tokio::task::spawn_blocking(move || {
            let entries = std::fs::read_dir(self.layout.layers()).doing("looking at layers")?;
            let measured = entries.flatten().filter_map(|entry| {
                let name = entry.file_name();
                let layer = name.to_str()?.strip_suffix(".qcow2")?.parse().ok()?;
                Some(LayerUse { layer, bytes: file_bytes(&entry.path()) })
            });
            Ok::<_, Fault>(measured.collect())
        });
        Ok(measuring.await.map_err(|_| EngineError::Host("measuring broke off".into()))??)
    }

    /// Looks at what a running machine has taken of the disk, and has it write as it may.
    pub(super) async fn hold_back(
        self: &Arc<Self>,
        desktop: &Desktop,
        monitor: Option<&Monitor>,
        watch: &mut Watch,
    ) {
        let (Some(monitor), Some(record)) = (monitor, desktop.record()) else { return };
        // One that is to shut down may write what it has to.
        if record.phase == Phase::Stopping {
            return;
        }
        let Some(seen) = self.look(&record, watch).await else { return };
        let before = desktop.writing();
        match self.have_it_write(desktop, monitor, watch.told, seen, before).await {
            Ok(Some(writing)) => {
                watch.told = Some(writing);
                desktop.show_writing(writing);
                if writing != before {
                    let Seen { free, bytes, .. } = seen;
                    tracing::info!(desktop = %record.desktop, ?writing, bytes, free, "its writing changes");
                }
            }
            Ok(None) => {}
            Err(fault) => {
                tracing::warn!(desktop = %record.desktop, error = told(&fault), "its writing could not be looked after");
            }
        }
    }

    async fn look(self: &Arc<Self>, record: &Record, watch: &mut Watch) -> Option<Seen> {
        let (host, desktop, layer) = (Arc::clone(self), record.desktop, record.layer());
        let measuring = tokio::task::spawn_blocking(move || {
            (host_status::disk(host.layout.root()).available, host.layout.own_bytes(desktop, layer))
        });
        let (free, bytes) = measuring.await.ok()?;
        let grows = watch.bytes.replace(bytes).is_some_and(|before| bytes > before);
        let allowance = self.allowances().get(&desktop).copied();
        Some(Seen { free, reserve: self.config.reserve_disk, bytes, grows, allowance })
    }

    /// How its QEMU has it write from now on; `None` where that can't be said now, because somebody acts on it.
    async fn have_it_write(
        &self,
        desktop: &Desktop,
        monitor: &Monitor,
        told: Option<Writing>,
        seen: Seen,
        before: Writing,
    ) -> Result<Option<Writing>, Fault> {
        let mut writing = seen.judged(before);
        let asks = told != Some(writing) || writing.is_stopped() || seen.free < seen.reserve;
        let status = if asks { monitor.status().await? } else { return Ok(Some(writing)) };
        if status == "io-error" && seen.free < seen.reserve {
            // Others were faster: there was no block left for what it wrote.
            writing = Writing::Stopped(Shortage::HostDisk);
        }
        match status.as_str() {
            "running" if writing.is_stopped() => {
                monitor.run("stop", json!({})).await?;
            }
            "paused" | "io-error" if !writing.is_stopped() => {
                // Whoever snapshots or suspends it has it stand still, too.
                let Some(_held) = desktop.try_hold() else { return Ok(None) };
                monitor.run("cont", json!({})).await?;
            }
            _ => {}
        }
        let slow = |writing| !matches!(writing, Writing::Freely);
        if told.map(slow) != Some(slow(writing)) {
            limit_writes(monitor, if slow(writing) { SLOWLY } else { 0 }).await?;
        }
        Ok(Some(writing))
    }
}

/// At most so many bytes a second; 0 for no bound but the host's.
async fn limit_writes(monitor: &Monitor, bytes_per_second: u64) -> Result<(), Fault> {
    let bounds = json!({
        "id": DEVICE, "bps": 0, "bps_rd": 0, "bps_wr": bytes_per_second, "iops": 0, "iops_rd": 0, "iops_wr": 0,
    });
    monitor.run("block_set_io_throttle", bounds).await?;
    Ok(())
}

/// Room on the disk that operations under way will take, bytes. Without it each of several that begin at the same time would
/// count on the same room.
#[derive(Debug, Default)]
pub(super) struct Promised(Arc<AtomicU64>);

/// Room that is somebody's until this is dropped.
#[derive(Debug)]
pub(super) struct Promise {
    bytes: u64,
    all: Arc<AtomicU64>,
}

impl Promised {
    fn take(&self, bytes: u64) -> Promise {
        self.0.fetch_add(bytes, Ordering::SeqCst);
        Promise { bytes, all: Arc::clone(&self.0) }
    }

    fn bytes(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        self.all.fetch_sub(self.bytes, Ordering::SeqCst);
    }
}

impl Host {
    /// Room for `bytes` beside what is to stay free and what others were promised, and for `memory` bytes beside what of that
    /// is to stay free; held until it is dropped.
    pub(super) fn room_for(&self, bytes: u64, memory: Option<u64>) -> Result<Promise, EngineError> {
        let promise = self.promised.take(bytes);
        let disk = self.config.min_free_disk.saturating_add(self.promised.bytes());
        let memory = memory.map_or(0, |memory| self.config.min_free_memory.saturating_add(memory));
        host_status::room(self.layout.root(), disk, memory)?;
        Ok(promise)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;

    fn seen(free: u64, bytes: u64, grows: bool) -> Seen {
        let allowance =
            DiskAllowance { desktop: DesktopId::from_u128(1), slow_from: 10 * GIB, stop_from: 11 * GIB };
        Seen { free, reserve: GIB, bytes, grows, allowance: Some(allowance) }
    }

    #[test]
    fn who_writes_is_slowed_then_stopped_and_goes_on_when_there_is_a_little_more_room() {
        let disk = |free, grows, before| seen(free, 0, grows).judged(before);
        let (slow, stopped) = (Writing::Slowly(Shortage::HostDisk), Writing::Stopped(Shortage::HostDisk));
        assert_eq!(disk(2 * GIB, true, Writing::Freely), Writing::Freely);
        assert_eq!(disk(2 * GIB - 1, true, Writing::Freely), slow);
        assert_eq!(disk(GIB, true, slow), slow);
        assert_eq!(disk(GIB - 1, true, slow), stopped);
        assert_eq!(disk(GIB - 1, false, slow), slow, "who does not write goes on");
        assert_eq!(disk(GIB + GIB / 2 - 1, false, stopped), stopped, "or it would stop and go");
        assert_eq!(disk(GIB + GIB / 2, false, stopped), slow);
        let none = Seen { reserve: 0, ..seen(0, 0, true) };
        assert_eq!(none.judged(Writing::Freely), Writing::Freely, "a reserve of 0 holds nobody back");
    }

    #[test]
    fn an_allowance_is_its_own_measure_and_the_disk_comes_first() {
        let own = |bytes, before| seen(100 * GIB, bytes, true).judged(before);
        let (slow, stopped) = (Writing::Slowly(Shortage::Allowance), Writing::Stopped(Shortage::Allowance));
        assert_eq!(own(10 * GIB - 1, Writing::Freely), Writing::Freely);
        assert_eq!(own(10 * GIB, Writing::Freely), slow);
        assert_eq!(own(11 * GIB, slow), stopped);
        assert_eq!(own(11 * GIB - 1, stopped), slow, "as soon as it may have more, or has less");
        assert_eq!(seen(0, 11 * GIB, true).judged(slow), Writing::Stopped(Shortage::HostDisk));
        assert_eq!(seen(GIB, 11 * GIB, true).judged(slow), stopped, "to stand still comes before to be slow");
        let free = Seen { allowance: None, ..seen(100 * GIB, u64::MAX, true) };
        assert_eq!(free.judged(stopped), Writing::Freely);
    }

    #[test]
    fn what_is_promised_is_promised_once() {
        let promised = Promised::default();
        let (one, two) = (promised.take(5), promised.take(7));
        assert_eq!(promised.bytes(), 12);
        drop(one);
        assert_eq!(promised.bytes(), 7);
        drop(two);
        assert_eq!(promised.bytes(), 0);
    }
}
