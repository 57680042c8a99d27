//! Whose what is on the host's disk is, how much that is, and which machines are held back because of it.
//!
//! The engine has a machine write slowly from a number of bytes on and stand still from another; both are said here, so that
//! a workspace that has all it may makes at most a little more: [`SLACK`] for each of its machines that writes.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rolltop_engine::{DiskAllowance, EngineError, Machine, Power, Shortage, Writing};
use rolltop_model::{DesktopId, FailReason, LayerId, WorkspaceId};
use rolltop_store::{By, DiskUse, Standing, StoreError, happening};

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;
use crate::kernel::state::default_state;
use crate::snapshots::taking;
use crate::templates::list::Templates;

/// What a machine may write slowly before it stands still, bytes: so that somebody can go in and make room.
const SLACK: u64 = 1 << 30;

/// What is known of machines and the disk. In memory only.
#[derive(Default)]
pub(crate) struct DiskRoom(Mutex<State>);
default_state!(DiskRoom);

#[derive(Default)]
struct State {
    /// Machines whose workspace has all it may.
    full_since: HashMap<DesktopId, Full>,
    writing: HashMap<DesktopId, Writing>,
    /// What was written down of the host's disk; `None` before anything was.
    noted: Option<DiskUse>,
    /// An earlier process of ours may have said something.
    has_said: bool,
}

/// A machine since its workspace came to have all it may.
struct Full {
    layer: LayerId,
    /// What it had then, or when it began with this layer, and what it has, bytes.
    began: u64,
    has: u64,
    /// What of [`SLACK`] was left when it began with this layer.
    slack: u64,
}

impl DiskRoom {
    /// What a machine may take, whose workspace may take `left` more.
    fn allowance(&self, machine: &Machine, left: u64) -> DiskAllowance {
        let mut state = self.state();
        let (desktop, has) = (machine.desktop, machine.disk_bytes);
        if left > 0 {
            state.full_since.remove(&desktop);
            let slow_from = has.saturating_add(left);
            return DiskAllowance { desktop, slow_from, stop_from: slow_from.saturating_add(SLACK) };
        }
        let new = Full { layer: machine.layer, began: has, has, slack: SLACK };
        let full = state.full_since.entry(desktop).or_insert(new);
        if full.layer == machine.layer {
            full.has = has;
        } else {
            // What it wrote before counts: or whoever has it restarted again and again could write without end.
            let slack = full.slack.saturating_sub(full.has.saturating_sub(full.began));
            *full = Full { layer: machine.layer, began: has, has, slack };
        }
        DiskAllowance { desktop, slow_from: 0, stop_from: full.began.saturating_add(full.slack) }
    }

    /// Takes note of how machines may write; those for which that has changed, with what it was.
    fn changes(&self, machines: &[Machine]) -> Vec<(DesktopId, Writing, Writing)> {
        let mut state = self.state();
        let before = std::mem::take(&mut state.writing);
        state.writing = machines.iter().map(|machine| (machine.desktop, machine.writing)).collect();
        let changed = machines.iter().filter_map(|machine| {
            let was = before.get(&machine.desktop).copied().unwrap_or_default();
            (was != machine.writing).then_some((machine.desktop, was, machine.writing))
        });
        changed.collect()
    }

    fn keep_only(&self, machines: &[Machine]) {
        let running: HashSet<DesktopId> = machines.iter().map(|machine| machine.desktop).collect();
        self.state().full_since.retain(|id, _| running.contains(id));
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Every change is to one entry, so a panic elsewhere leaves nothing half done.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is told of a machine that is held back.
pub(crate) fn trouble_of(writing: Writing) -> Option<FailReason> {
    match writing {
        Writing::Freely => None,
        Writing::Slowly(Shortage::HostDisk) => Some(FailReason::SlowedHostDisk),
        Writing::Slowly(Shortage::Allowance) => Some(FailReason::SlowedQuota),
        Writing::Stopped(Shortage::HostDisk) => Some(FailReason::PausedHostDisk),
        Writing::Stopped(Shortage::Allowance) => Some(FailReason::PausedQuota),
    }
}

pub(crate) async fn pass(kernel: &Kernel, standings: &[Arc<Standing>], machines: &[Machine]) {
    if let Err(error) = note(kernel, machines).await {
        tracing::warn!(error = chain(&error), "what is on the disk is not counted");
    }
    if let Err(error) = allow(kernel, standings, machines).await {
        tracing::warn!(error = chain(&error), "what machines may write is not said");
    }
    for (desktop, was, writing) in kernel.state::<DiskRoom>().changes(machines) {
        if let Err(error) = tell(kernel, desktop, was, writing).await {
            tracing::warn!(%desktop, error = chain(&error), "that its writing changes could not be told");
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum DiskFault {
    #[error("the host did not do it")]
    Engine(#[from] EngineError),
    #[error("the database did not do it")]
    Store(#[from] StoreError),
}

async fn note(kernel: &Kernel, machines: &[Machine]) -> Result<(), DiskFault> {
    // Without layers all that a machine has of the disk is its own.
    let layers = match kernel.engine.layers() {
        Ok(layers) => layers.layer_uses().await?,
        Err(_) => Vec::new(),
    };
    let layers: HashMap<LayerId, u64> = layers.into_iter().map(|layer| (layer.layer, layer.bytes)).collect();
    let kept = |machine: &Machine| {
        machine.disk_bytes.saturating_sub(layers.get(&machine.layer).copied().unwrap_or(0))
    };
    let desktops = machines.iter().map(|machine| (machine.desktop, kept(machine))).collect();
    let templates = kernel.state::<Templates>().list(kernel.engine.as_ref()).await?;
    let templates = templates.into_iter().map(|template| (template.version, template.disk_bytes)).collect();
    let now = DiskUse { layers, desktops, templates };
    // Where this fails, it is read from the rows again.
    let before = kernel.state::<DiskRoom>().state().noted.take();
    let noted = kernel.store.note_disk_use(now, before).await?;
    kernel.state::<DiskRoom>().state().noted = Some(noted);
    Ok(())
}

async fn allow(kernel: &Kernel, standings: &[Arc<Standing>], machines: &[Machine]) -> Result<(), DiskFault> {
    let mut allowances = Vec::new();
    if kernel.config.disk_limit.is_some() {
        kernel.state::<DiskRoom>().keep_only(machines);
        let of: HashMap<DesktopId, WorkspaceId> = standings.iter().map(|at| (at.id, at.workspace)).collect();
        let mut left: HashMap<WorkspaceId, u64> = HashMap::new();
        let running = machines.iter().filter(|machine| matches!(machine.power, Power::On { .. }));
        for machine in running {
            let Some(workspace) = of.get(&machine.desktop) else { continue };
            let left = match left.get(workspace) {
                Some(left) => *left,
                None => {
                    let bytes = kernel.disk_left(*workspace).await?.unwrap_or(u64::MAX);
                    left.insert(*workspace, bytes);
                    bytes
                }
            };
            allowances.push(kernel.state::<DiskRoom>().allowance(machine, left));
        }
        for (workspace, _) in left.into_iter().filter(|(_, left)| *left == 0) {
            taking::drop_overtaken(kernel, workspace).await?;
        }
    } else if kernel.state::<DiskRoom>().state().has_said {
        return Ok(());
    }
    kernel.engine.allow_disk(allowances).await?;
    kernel.state::<DiskRoom>().state().has_said = true;
    Ok(())
}

/// Has pages show it, and notes in the desktop's history when it stands still and when it goes on.
async fn tell(kernel: &Kernel, desktop: DesktopId, was: Writing, writing: Writing) -> Result<(), StoreError> {
    let what = match (was.is_stopped(), writing.is_stopped()) {
        (false, true) => Some((happening::HELD, trouble_of(writing))),
        (true, false) => Some((happening::WENT_ON, trouble_of(was))),
        _ => None,
    };
    let now = clock::now();
    if let Some((what, Some(why))) = what {
        let by = By::ROLLTOP.because(why.as_str());
        kernel.store.note_happening(desktop, what, by, now).await?;
    }
    kernel.store.tell(desktop, now).await
}

#[cfg(test)]
mod tests {
    use rolltop_engine::Work;
    use rolltop_model::Size;

    use super::*;

    fn machine(layer: u128, disk_bytes: u64) -> Machine {
        Machine {
            desktop: DesktopId::from_u128(1),
            power: Power::On { quarantined: false },
            boot: 1,
            layer: LayerId::from_u128(layer),
            size: Size::S,
            disk_gib: 20,
            memory_bytes: 1,
            disk_bytes,
            writing: Writing::Freely,
            work: Work::default(),
        }
    }

    #[test]
    fn what_is_allowed_does_not_grow_with_what_was_written() {
        let room = DiskRoom::default();
        let bounds = |machine: &Machine, left| {
            let DiskAllowance { slow_from, stop_from, .. } = room.allowance(machine, left);
            (slow_from, stop_from)
        };
        assert_eq!(bounds(&machine(1, 100), 50), (150, 150 + SLACK));
        assert_eq!(bounds(&machine(1, 150), 0), (0, 150 + SLACK));
        assert_eq!(bounds(&machine(1, 900), 0), (0, 150 + SLACK), "what it has written since is counted");
        // A snapshot gave it another layer to write to: what it had written to the one before still counts.
        assert_eq!(bounds(&machine(2, 10), 0), (0, 10 + SLACK - 750));
        assert_eq!(bounds(&machine(2, 60), 0), (0, 10 + SLACK - 750));
        assert_eq!(bounds(&machine(3, 1), 0), (0, 1 + SLACK - 800));
        assert_eq!(bounds(&machine(2, 900), 1), (901, 901 + SLACK));
        assert_eq!(bounds(&machine(2, 901), 0), (0, 901 + SLACK));
    }

    #[test]
    fn a_change_is_told_once() {
        let room = DiskRoom::default();
        let slow = [Machine { writing: Writing::Slowly(Shortage::HostDisk), ..machine(1, 1) }];
        assert_eq!(room.changes(&[machine(1, 1)]), []);
        assert_eq!(
            room.changes(&slow),
            [(slow[0].desktop, Writing::Freely, Writing::Slowly(Shortage::HostDisk))]
        );
        assert_eq!(room.changes(&slow), []);
        assert_eq!(room.changes(&[machine(1, 1)]).len(), 1);
    }
}
