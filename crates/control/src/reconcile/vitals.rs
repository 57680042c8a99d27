//! What each machine used when it was last looked at. In memory only: it is out of date anyway.

use std::collections::HashMap;
use std::sync::{PoisonError, RwLock};

use rolltop_engine::Machine;
use rolltop_model::DesktopId;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Vital {
    pub(crate) memory_bytes: u64,
    pub(crate) disk_bytes: u64,
}

#[derive(Default)]
pub(crate) struct Vitals(RwLock<HashMap<DesktopId, Vital>>);

impl Vitals {
    pub(crate) fn of(&self, desktop: DesktopId) -> Option<Vital> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(&desktop).copied()
    }

    pub(super) fn replace(&self, machines: &[Machine]) {
        let fresh = machines.iter().map(|machine| (machine.desktop, vital(machine))).collect();
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = fresh;
    }

    pub(super) fn note(&self, machine: &Machine) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(machine.desktop, vital(machine));
    }
}

fn vital(machine: &Machine) -> Vital {
    Vital { memory_bytes: machine.memory_bytes, disk_bytes: machine.disk_bytes }
}
