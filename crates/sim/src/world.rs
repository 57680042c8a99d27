//! The simulated host's state and what each operation does to it. Synchronous and without I/O.
//!
//! Fences outlive their machines, so that a late request can't bring back what was destroyed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::Timestamp;
use rolltop_engine::image::{ExportRequest, ImportRequest};
use rolltop_engine::{
    DiskLayer, EngineError, Flattening, ForkRequest, Known, LayerKey, Leftover, Machine, OffReason, Origin,
    Power, ResizeRequest, RevertRequest, SnapshotInfo, SnapshotRequest, StartRequest, SuspendRequest, Work,
    Writing,
};
use rolltop_model::{DesktopId, LayerId, Size, SnapshotId, TemplateVersion};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a running machine is said to take of the host's memory, bytes,
const MEMORY_BYTES: u64 = 130 * 1024 * 1024;
/// and any machine of its disk.
pub const DISK_BYTES: u64 = 40 * 1024 * 1024;
pub const LAYER_BYTES: u64 = 200 * 1024;

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    machines: BTreeMap<DesktopId, SimMachine>,
    #[serde(default)]
    snapshots: BTreeMap<SnapshotId, SimSnapshot>,
    /// The highest fence seen for each desktop there ever was.
    fences: BTreeMap<DesktopId, u64>,
}

/// One machine as the host holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimMachine {
    pub power: Power,
    pub boot: u32,
    pub template: TemplateVersion,
    pub size: Size,
    /// What it becomes at its next boot.
    #[serde(default)]
    next_size: Option<Size>,
    #[serde(default)]
    disk_gib: Option<u64>,
    /// With the digests of their keys; the one that is written to first.
    layers: Vec<(LayerId, String)>,
    /// What the layers below have is being copied.
    #[serde(default)]
    flattening: bool,
}

/// One snapshot as the host holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct SimSnapshot {
    taken_at: Timestamp,
    template: TemplateVersion,
    size: Size,
    #[serde(default)]
    disk_gib: Option<u64>,
    layers: Vec<(LayerId, String)>,
    has_memory: bool,
}

/// What an operation meant for the machine's task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    None,
    /// It came up and has to be given a guest.
    CameUp,
    /// It went down, and whoever is connected is cut off.
    WentDown,
    /// The same, and everything in it waits.
    WasSuspended,
    /// It goes on where it was.
    WasResumed,
}

impl World {
    /// Brings a new machine up, or with `cut_short` only half way.
    pub fn fork(&mut self, request: &ForkRequest, cut_short: bool) -> Result<Change, EngineError> {
        self.fence(request.desktop, request.fence)?;
        let own = (request.disk.layer, digest_of(&request.disk.key));
        if let Some(held) = self.machines.get_mut(&request.desktop) {
            if held.layers.first() != Some(&own) {
                return Err(EngineError::Host("the desktop exists on another layer".into()));
            }
            return Ok(held.come_up(request.boot, cut_short));
        }
        let (below, disk_gib) = match &request.from {
            None => (Vec::new(), None),
            Some(origin) => {
                let kept = self.kept(origin, &request.template)?;
                if kept.size != request.size {
                    return Err(EngineError::Host("the snapshot is of another size".into()));
                }
                (kept.layers.clone(), kept.disk_gib)
            }
        };
        let resumes = request.from.as_ref().and_then(|origin| self.snapshots.get(&origin.snapshot));
        let resumes = resumes.is_some_and(|kept| kept.has_memory);
        self.is_new(&own)?;
        let mut held = SimMachine {
            power: Power::Off { why: OffReason::NeverStarted },
            boot: request.boot,
            template: request.template.clone(),
            size: request.size,
            next_size: None,
            disk_gib,
            layers: std::iter::once(own).chain(below).collect(),
            flattening: false,
        };
        let change = match held.come_up(request.boot, cut_short) {
            Change::CameUp if resumes => Change::WasResumed,
            change => change,
        };
        self.machines.insert(request.desktop, held);
        Ok(change)
    }

    /// A layer comes under one machine only.
    fn is_new(&self, own: &(LayerId, String)) -> Result<(), EngineError> {
        if self.is_in_use(own.0) {
            return Err(EngineError::Host("the layer is under another desktop".into()));
        }
        Ok(())
    }

    fn kept(&self, origin: &Origin, template: &TemplateVersion) -> Result<&SimSnapshot, EngineError> {
        let kept = self.snapshots.get(&origin.snapshot).ok_or(EngineError::UnknownSnapshot)?;
        if kept.template != *template {
            return Err(EngineError::Host("the snapshot is of another template".into()));
        }
        if !digests(&origin.disk).starts_with(&kept.layers) {
            return Err(EngineError::Host("the snapshot's disk has other layers".into()));
        }
        Ok(kept)
    }

    pub fn start(&mut self, request: &StartRequest, cut_short: bool) -> Result<Change, EngineError> {
        self.fence(request.desktop, request.fence)?;
        let held = self.machines.get_mut(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        if !digests(&request.disk).starts_with(&held.layers) {
            return Err(EngineError::Host("the desktop's disk has other layers".into()));
        }
        let change = held.come_up(request.boot, cut_short);
        if change == Change::CameUp
            && let Some(size) = held.next_size.take()
        {
            held.size = size;
        }
        Ok(change)
    }

    pub fn suspend(&mut self, request: &SuspendRequest) -> Result<Change, EngineError> {
        self.fence(request.desktop, request.fence)?;
        let held = self.machines.get_mut(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        match held.power {
            Power::On { .. } => {
                held.power = Power::Off { why: OffReason::Suspended };
                held.flattening = false;
                Ok(Change::WasSuspended)
            }
            Power::Off { why: OffReason::Suspended } => Ok(Change::None),
            Power::Off { .. } => Err(EngineError::NotRunning),
        }
    }

    pub fn resume(&mut self, request: &StartRequest) -> Result<Change, EngineError> {
        self.fence(request.desktop, request.fence)?;
        let held = self.machines.get_mut(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        if request.boot <= held.boot {
            return Ok(Change::None);
        }
        match held.power {
            Power::On { .. } => Ok(Change::None),
            Power::Off { why: OffReason::Suspended } if digests(&request.disk).starts_with(&held.layers) => {
                held.boot = request.boot;
                held.power = Power::On { quarantined: true };
                Ok(Change::WasResumed)
            }
            Power::Off { why: OffReason::Suspended } => {
                Err(EngineError::MemoryUnusable("it was kept with another key".into()))
            }
            Power::Off { .. } => Err(EngineError::MemoryUnusable("none was kept".into())),
        }
    }

    /// Takes a snapshot, of the memory too where that is kept, or with `cut_short` only puts the new layer over the others
    /// (`None`).
    pub fn snapshot(
        &mut self,
        request: &SnapshotRequest,
        cut_short: bool,
        keeps_memory: bool,
    ) -> Result<Option<SnapshotInfo>, EngineError> {
        self.fence(request.desktop, request.fence)?;
        if let Some(kept) = self.snapshots.get(&request.snapshot) {
            return Ok(Some(kept.info(request.snapshot)));
        }
        let next = (request.next.layer, digest_of(&request.next.key));
        let held = self.machines.get(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        if held.layers.contains(&next) {
            return Err(EngineError::CutShort);
        }
        self.is_new(&next)?;
        let held = self.machines.get_mut(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        let kept = SimSnapshot {
            taken_at: Timestamp::now(),
            template: held.template.clone(),
            size: held.size,
            disk_gib: held.disk_gib,
            layers: held.layers.clone(),
            has_memory: keeps_memory
                && matches!(held.power, Power::On { .. } | Power::Off { why: OffReason::Suspended }),
        };
        held.layers.insert(0, next);
        held.flattening = false;
        if cut_short {
            return Ok(None);
        }
        let info = kept.info(request.snapshot);
        self.snapshots.insert(request.snapshot, kept);
        Ok(Some(info))
    }

    /// `true` if it was carried out now.
    pub fn revert(&mut self, request: &RevertRequest) -> Result<bool, EngineError> {
        self.fence(request.desktop, request.fence)?;
        let next = (request.next.layer, digest_of(&request.next.key));
        let held = self.machines.get(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        if held.layers.first() == Some(&next) {
            return Ok(false);
        }
        if matches!(held.power, Power::On { .. }) {
            return Err(EngineError::Host("the desktop runs; stop it first".into()));
        }
        let kept = self.kept(&request.from, &held.template)?.clone();
        self.is_new(&next)?;
        let held = self.machines.get_mut(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        let disk_gib = held.disk_gib().max(kept.disk_gib.unwrap_or(kept.size.disk_gib()));
        (held.size, held.next_size, held.disk_gib) = (kept.size, None, Some(disk_gib));
        held.layers = std::iter::once(next).chain(kept.layers).collect();
        let why = if kept.has_memory { OffReason::Suspended } else { OffReason::Asked };
        held.power = Power::Off { why };
        Ok(true)
    }

    pub fn resize(&mut self, request: &ResizeRequest) -> Result<(), EngineError> {
        self.fence(request.desktop, request.fence)?;
        let held = self.machines.get_mut(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        if request.disk_gib < held.disk_gib() {
            return Err(EngineError::Host("a disk does not shrink".into()));
        }
        held.disk_gib = Some(request.disk_gib);
        held.next_size = (request.size != held.size).then_some(request.size);
        Ok(())
    }

    /// The size of a snapshot's disk, GiB, if it can be read with these keys.
    pub fn can_export(&self, request: &ExportRequest) -> Result<u64, EngineError> {
        let kept = self.kept(&request.from, &request.template)?;
        Ok(kept.disk_gib.unwrap_or(kept.size.disk_gib()))
    }

    pub fn can_import(&self, request: &ImportRequest) -> Result<(), EngineError> {
        if self.snapshots.contains_key(&request.snapshot) {
            return Err(EngineError::Host("this was imported before".into()));
        }
        self.is_new(&(request.disk.layer, digest_of(&request.disk.key)))
    }

    pub fn import(&mut self, request: &ImportRequest, template: TemplateVersion) -> Result<(), EngineError> {
        self.can_import(request)?;
        let kept = SimSnapshot {
            taken_at: Timestamp::now(),
            template,
            size: request.size,
            disk_gib: Some(request.disk_gib),
            layers: vec![(request.disk.layer, digest_of(&request.disk.key))],
            has_memory: false,
        };
        self.snapshots.insert(request.snapshot, kept);
        Ok(())
    }

    /// How large the template's disk would be, GiB.
    pub fn can_save_template(&mut self, desktop: DesktopId, fence: u64) -> Result<u64, EngineError> {
        self.fence(desktop, fence)?;
        let held = self.machines.get(&desktop).ok_or(EngineError::UnknownDesktop)?;
        if !matches!(held.power, Power::On { .. }) {
            return Err(EngineError::NotRunning);
        }
        Ok(held.disk_gib())
    }

    pub fn needs_template(&self, version: &TemplateVersion) -> bool {
        let of_machines = self.machines.values().any(|held| held.template == *version);
        of_machines || self.snapshots.values().any(|kept| kept.template == *version)
    }

    /// Copies for as long as it takes to be asked a second time.
    pub fn flatten(&mut self, desktop: DesktopId, fence: u64) -> Result<Flattening, EngineError> {
        self.fence(desktop, fence)?;
        let held = self.machines.get_mut(&desktop).ok_or(EngineError::UnknownDesktop)?;
        if matches!(held.power, Power::Off { .. }) {
            return Err(EngineError::NotRunning);
        }
        if held.layers.len() > 1 && !held.flattening {
            held.flattening = true;
            return Ok(Flattening::Copying);
        }
        held.flattening = false;
        held.layers.truncate(1);
        Ok(Flattening::Flat)
    }

    pub fn snapshots(&self) -> Vec<SnapshotInfo> {
        self.snapshots.iter().map(|(id, kept)| kept.info(*id)).collect()
    }

    /// Returns the bytes freed.
    pub fn remove_snapshot(&mut self, snapshot: SnapshotId) -> u64 {
        self.snapshots.remove(&snapshot).map_or(0, |kept| kept.info(snapshot).memory_bytes + DISK_BYTES)
    }

    pub fn release(&mut self, desktop: DesktopId, fence: u64) -> Result<(), EngineError> {
        self.fence(desktop, fence)?;
        let held = self.machines.get_mut(&desktop).ok_or(EngineError::UnknownDesktop)?;
        match held.power {
            Power::On { .. } => {
                held.power = Power::On { quarantined: false };
                Ok(())
            }
            Power::Off { .. } => Err(EngineError::NotRunning),
        }
    }

    pub fn stop(&mut self, desktop: DesktopId, fence: u64) -> Result<Change, EngineError> {
        self.fence(desktop, fence)?;
        if !self.machines.contains_key(&desktop) {
            return Err(EngineError::UnknownDesktop);
        }
        Ok(self.power_off(desktop, OffReason::Asked))
    }

    /// Takes a machine away; `None` if there was none.
    pub fn destroy(&mut self, desktop: DesktopId, fence: u64) -> Result<Option<SimMachine>, EngineError> {
        self.fence(desktop, fence)?;
        Ok(self.machines.remove(&desktop))
    }

    /// A running machine goes off and a suspended one gives up its memory; one that is off stays so.
    pub fn power_off(&mut self, desktop: DesktopId, why: OffReason) -> Change {
        match self.machines.get_mut(&desktop) {
            Some(held)
                if matches!(held.power, Power::On { .. } | Power::Off { why: OffReason::Suspended }) =>
            {
                held.power = Power::Off { why };
                held.flattening = false;
                Change::WentDown
            }
            Some(_) | None => Change::None,
        }
    }

    /// The process that ran the machines is gone, and they with it.
    pub fn all_died(&mut self) {
        for held in self.machines.values_mut() {
            if matches!(held.power, Power::On { .. }) {
                held.power = Power::Off { why: OffReason::Died };
            }
        }
    }

    pub fn held(&self, desktop: DesktopId) -> Option<&SimMachine> {
        self.machines.get(&desktop)
    }

    pub fn observe(&self) -> Vec<Machine> {
        self.machines.iter().map(|(desktop, held)| held.observed(*desktop)).collect()
    }

    pub fn observe_one(&self, desktop: DesktopId) -> Option<Machine> {
        Some(self.machines.get(&desktop)?.observed(desktop))
    }

    pub fn leftovers(&self, known: &Known) -> Vec<Leftover> {
        let desktops: BTreeSet<_> = known.desktops.iter().collect();
        let snapshots: BTreeSet<_> = known.snapshots.iter().collect();
        let kept = self.snapshots.keys().filter(|id| !snapshots.contains(id));
        let machines = self.machines.keys().filter(|id| !desktops.contains(id));
        machines
            .map(|id| Leftover { kind: "machine".into(), name: id.to_string(), stays: None })
            .chain(kept.map(|id| Leftover { kind: "snapshot".into(), name: id.to_string(), stays: None }))
            .collect()
    }

    /// Removes what [`World::leftovers`] lists; gives back the machines among it.
    pub fn sweep(&mut self, known: &Known) -> Vec<DesktopId> {
        let desktops: BTreeSet<_> = known.desktops.iter().collect();
        let snapshots: BTreeSet<_> = known.snapshots.iter().collect();
        let gone: Vec<_> = self.machines.keys().filter(|id| !desktops.contains(id)).copied().collect();
        self.machines.retain(|id, _| desktops.contains(id));
        self.snapshots.retain(|id, _| snapshots.contains(id));
        gone
    }

    fn fence(&mut self, desktop: DesktopId, fence: u64) -> Result<(), EngineError> {
        let highest = self.fences.entry(desktop).or_default();
        if fence < *highest {
            return Err(EngineError::Fenced);
        }
        *highest = fence;
        Ok(())
    }

    fn is_in_use(&self, layer: LayerId) -> bool {
        self.layers().contains(&layer)
    }

    /// Those that a machine or a snapshot has.
    pub fn layers(&self) -> BTreeSet<LayerId> {
        let machines = self.machines.values().flat_map(|held| &held.layers);
        let snapshots = self.snapshots.values().flat_map(|kept| &kept.layers);
        machines.chain(snapshots).map(|(id, _)| *id).collect()
    }
}

impl SimSnapshot {
    fn info(&self, snapshot: SnapshotId) -> SnapshotInfo {
        SnapshotInfo {
            snapshot,
            taken_at: self.taken_at,
            size: self.size,
            disk_gib: self.disk_gib.unwrap_or(self.size.disk_gib()),
            layers: self.layers.iter().map(|(layer, _)| *layer).collect(),
            has_memory: self.has_memory,
            memory_bytes: if self.has_memory { MEMORY_BYTES / 4 } else { 0 },
            disk_bytes: DISK_BYTES,
            pause_ms: 0,
        }
    }
}

impl SimMachine {
    /// Repeating a start that was carried out changes nothing, even if the machine has gone off since.
    fn come_up(&mut self, boot: u32, cut_short: bool) -> Change {
        let repeated = boot <= self.boot;
        match self.power {
            Power::On { .. } => return Change::None,
            Power::Off { why: OffReason::NeverStarted } => {}
            Power::Off {
                why:
                    OffReason::Asked
                    | OffReason::Guest
                    | OffReason::Reset
                    | OffReason::Died
                    | OffReason::Suspended
                    | OffReason::HostRestarted,
            } => {
                if repeated {
                    return Change::None;
                }
            }
        }
        self.boot = boot;
        if cut_short {
            self.power = Power::Off { why: OffReason::NeverStarted };
            return Change::None;
        }
        self.power = Power::On { quarantined: true };
        Change::CameUp
    }

    fn observed(&self, desktop: DesktopId) -> Machine {
        let memory_bytes = match self.power {
            Power::On { .. } => MEMORY_BYTES,
            Power::Off { .. } => 0,
        };
        Machine {
            desktop,
            power: self.power,
            boot: self.boot,
            layer: self.layer(),
            size: self.size,
            disk_gib: self.disk_gib(),
            memory_bytes,
            disk_bytes: DISK_BYTES,
            writing: Writing::Freely,
            work: Work::default(),
        }
    }

    fn disk_gib(&self) -> u64 {
        self.disk_gib.unwrap_or(self.size.disk_gib())
    }

    /// The one it writes to.
    pub fn layer(&self) -> LayerId {
        self.layers.first().map_or(LayerId::from_u128(0), |(layer, _)| *layer)
    }
}

/// How long a machine of the simulation takes to shut down when asked nicely.
pub const SHUTDOWN: Duration = Duration::from_millis(20);

fn digests(disk: &[DiskLayer]) -> Vec<(LayerId, String)> {
    disk.iter().map(|layer| (layer.layer, digest_of(&layer.key))).collect()
}

/// Keys are not kept, as a real host does not keep them.
fn digest_of(key: &LayerKey) -> String {
    Sha256::digest(key.bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
