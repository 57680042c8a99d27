//! The simulated host's state and what each operation does to it. Synchronous and without I/O.
//!
//! Fences outlive their machines, so that a late request can't bring back what was destroyed.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rolltop_engine::{
    EngineError, ForkRequest, Known, LayerKey, LayerSpec, Leftover, Machine, OffReason, Power, StartRequest,
    SuspendRequest,
};
use rolltop_model::{DesktopId, LayerId, Size, TemplateVersion};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// What a running machine is said to take of the host's memory, bytes,
const MEMORY_BYTES: u64 = 130 * 1024 * 1024;
/// and any machine of its disk.
const DISK_BYTES: u64 = 40 * 1024 * 1024;
pub const BLANK_LAYER_BYTES: u64 = 200 * 1024;

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct World {
    machines: BTreeMap<DesktopId, Held>,
    /// Blank layers and the digests of their keys.
    blank: BTreeMap<LayerId, String>,
    /// The highest fence seen for each desktop there ever was.
    fences: BTreeMap<DesktopId, u64>,
}

/// One machine as the host holds it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Held {
    pub power: Power,
    pub boot: u32,
    pub template: TemplateVersion,
    pub size: Size,
    pub layer: LayerId,
    key_digest: String,
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
    pub fn prepare_layer(&mut self, spec: &LayerSpec) -> Result<(), EngineError> {
        match self.blank.get(&spec.layer) {
            Some(digest) if *digest != digest_of(&spec.key) => {
                Err(EngineError::Host("the layer exists with another key".into()))
            }
            Some(_) => Ok(()),
            None if self.layer_in_use(spec.layer).is_some() => Ok(()),
            None => {
                self.blank.insert(spec.layer, digest_of(&spec.key));
                Ok(())
            }
        }
    }

    pub fn blank_layers(&self) -> Vec<LayerId> {
        self.blank.keys().copied().collect()
    }

    /// Brings a new machine up, or with `cut_short` only half way.
    pub fn fork(&mut self, request: &ForkRequest, cut_short: bool) -> Result<Change, EngineError> {
        self.fence(request.desktop, request.fence)?;
        let key_digest = digest_of(&request.key);
        if let Some(held) = self.machines.get_mut(&request.desktop) {
            if held.layer != request.layer || held.key_digest != key_digest {
                return Err(EngineError::Host("the desktop exists on another layer".into()));
            }
            return Ok(held.come_up(request.boot, cut_short));
        }
        if self.layer_in_use(request.layer).is_some() {
            return Err(EngineError::Host("the layer is under another desktop".into()));
        }
        if self.blank.get(&request.layer).is_some_and(|digest| *digest != key_digest) {
            return Err(EngineError::Host("the layer has another key".into()));
        }
        self.blank.remove(&request.layer);
        let mut held = Held {
            power: Power::Off { why: OffReason::NeverStarted },
            boot: request.boot,
            template: request.template.clone(),
            size: request.size,
            layer: request.layer,
            key_digest,
        };
        let change = held.come_up(request.boot, cut_short);
        self.machines.insert(request.desktop, held);
        Ok(change)
    }

    pub fn start(&mut self, request: &StartRequest, cut_short: bool) -> Result<Change, EngineError> {
        self.fence(request.desktop, request.fence)?;
        let held = self.machines.get_mut(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        if held.key_digest != digest_of(&request.key) {
            return Err(EngineError::Host("the layer has another key".into()));
        }
        Ok(held.come_up(request.boot, cut_short))
    }

    pub fn suspend(&mut self, request: &SuspendRequest) -> Result<Change, EngineError> {
        self.fence(request.desktop, request.fence)?;
        let held = self.machines.get_mut(&request.desktop).ok_or(EngineError::UnknownDesktop)?;
        match held.power {
            Power::On { .. } => {
                held.power = Power::Off { why: OffReason::Suspended };
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
            Power::Off { why: OffReason::Suspended } if held.key_digest == digest_of(&request.key) => {
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
    pub fn destroy(&mut self, desktop: DesktopId, fence: u64) -> Result<Option<Held>, EngineError> {
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

    pub fn held(&self, desktop: DesktopId) -> Option<&Held> {
        self.machines.get(&desktop)
    }

    pub fn observe(&self) -> Vec<Machine> {
        self.machines.iter().map(|(desktop, held)| held.observed(*desktop)).collect()
    }

    pub fn leftovers(&self, known: &Known) -> Vec<Leftover> {
        let desktops: BTreeSet<_> = known.desktops.iter().collect();
        let layers: BTreeSet<_> = known.layers.iter().collect();
        let machines = self.machines.keys().filter(|id| !desktops.contains(id));
        let blank = self.blank.keys().filter(|id| !layers.contains(id));
        machines
            .map(|id| Leftover { kind: "machine".into(), name: id.to_string() })
            .chain(blank.map(|id| Leftover { kind: "disk layer".into(), name: id.to_string() }))
            .collect()
    }

    /// Removes what [`World::leftovers`] lists; gives back the machines among it.
    pub fn sweep(&mut self, known: &Known) -> Vec<DesktopId> {
        let gone: Vec<_> = self.machines.keys().filter(|id| !known.desktops.contains(id)).copied().collect();
        self.machines.retain(|id, _| known.desktops.contains(id));
        self.blank.retain(|id, _| known.layers.contains(id));
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

    fn layer_in_use(&self, layer: LayerId) -> Option<DesktopId> {
        self.machines.iter().find(|(_, held)| held.layer == layer).map(|(desktop, _)| *desktop)
    }
}

impl Held {
    /// Repeating a start that was carried out changes nothing, even if the machine has gone off since.
    fn come_up(&mut self, boot: u32, cut_short: bool) -> Change {
        let repeated = boot <= self.boot;
        match self.power {
            Power::On { .. } => return Change::None,
            Power::Off { why: OffReason::NeverStarted } => {}
            Power::Off {
                why: OffReason::Asked | OffReason::Guest | OffReason::Died | OffReason::Suspended,
            } if repeated => {
                return Change::None;
            }
            Power::Off {
                why: OffReason::Asked | OffReason::Guest | OffReason::Died | OffReason::Suspended,
            } => {}
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
        Machine { desktop, power: self.power, boot: self.boot, memory_bytes, disk_bytes: DISK_BYTES }
    }
}

/// How long a machine of the simulation takes to shut down when asked nicely.
pub const SHUTDOWN: Duration = Duration::from_millis(20);

/// Keys are not kept, as a real host does not keep them.
fn digest_of(key: &LayerKey) -> String {
    Sha256::digest(key.bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
