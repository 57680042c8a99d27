//! `desktop.json`: what the engine has to know of a machine that its process can't tell.

use std::path::Path;

use rolltop_engine::OffReason;
use rolltop_model::{DesktopId, LayerId, Size, TemplateVersion};
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::fault::Fault;
use crate::identity::BakeIdentity;
use crate::layout::Layout;

/// The record's name in a desktop's directory.
pub(crate) const RECORD: &str = "desktop.json";

/// How far a machine is.
///
/// ```text
///              fork
///               │
///               ▼     cut short
///            Making ───────────────► Off(NeverStarted)
///               │                        ▲
///               │ disk is there          │ cut short
///               ▼                        │
///   start ─► Starting ───────────────────┘
///               │
///               ▼                 guest shut down: Off(Guest), reset: Off(Reset), process gone: Off(Died)
///              On ───────────────────────────────────────────► Off(…)
///             ▲ │ │ stop                                        ▲ ▲
///  not        │ │ ▼                                             │ │
///  possible   │ │ Stopping ────────────────────── Off(Asked) ───┘ │
///             │ │ suspend                                         │
///             │ ▼                                                 │
///          Suspending ──── memory is durable ── Off(Suspended) ───┘
///                                                 │      ▲
///                                          resume ▼      │ not possible
///              On ◄── memory is used up ────── Resuming ─┘
/// ```
///
/// Whether a memory is kept is told by its manifest in the machine's directory, and by nothing
/// else: it appears when all of the memory is durable and goes before the machine runs again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Phase {
    Making,
    Starting,
    On,
    Stopping,
    /// It stands still while its memory is written.
    Suspending,
    /// Its memory is being loaded; `boot` is what the record's becomes.
    Resuming {
        boot: u32,
    },
    Off(OffReason),
}

/// What a machine's process was started as.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Started {
    pub machine: BakeIdentity,
    /// The file its memory is a private view of, a path in the engine's directory.
    pub ram: String,
    /// Which run of the host's kernel that was in; empty where an earlier version wrote this.
    #[serde(default)]
    pub host_boot: String,
}

/// Which run of this host's kernel this is.
pub(crate) fn host_boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default().trim().to_owned()
}

/// One machine, on disk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Record {
    pub desktop: DesktopId,
    /// The highest fence seen.
    pub fence: u64,
    pub boot: u32,
    pub template: TemplateVersion,
    pub size: Size,
    /// What it becomes when it is next booted from its disk.
    #[serde(default)]
    pub next_size: Option<Size>,
    /// Its disk, where that was made larger than its first size has it.
    #[serde(default)]
    pub disk_gib: Option<u64>,
    /// The one it writes to first, each over the next.
    pub layers: Vec<LayerId>,
    /// A layer that is being put over the others. It lies over the first of them already, so the machine may
    /// be started from it.
    #[serde(default)]
    pub next: Option<LayerId>,
    /// Number of its network and user; nobody else's while the record is there.
    pub index: u32,
    pub phase: Phase,
    pub quarantined: bool,
    /// Whether it has ever left quarantine, so holds something of its owner's.
    pub was_released: bool,
    /// Whether its disk is complete, so that it can be started.
    pub has_disk: bool,
    /// The bake it was forked from, a directory in its template's; `None` for the plain image.
    pub base: Option<String>,
    /// The latest start; `None` before the first, and for one by a version that did not write it.
    #[serde(default)]
    pub started: Option<Started>,
}

impl Record {
    /// The layer it writes to.
    pub(crate) fn layer(&self) -> LayerId {
        self.layers.first().copied().unwrap_or(LayerId::from_u128(0))
    }

    pub(crate) fn disk_gib(&self) -> u64 {
        self.disk_gib.unwrap_or(self.size.disk_gib())
    }

    /// Why it is off, where it ran and its process is gone without a word.
    pub(crate) fn lost(&self) -> OffReason {
        let before = self.started.as_ref().map(|started| started.host_boot.as_str()).unwrap_or_default();
        if before.is_empty() || before == host_boot() { OffReason::Died } else { OffReason::HostRestarted }
    }

    /// Every layer it needs.
    pub(crate) fn all_layers(&self) -> impl Iterator<Item = LayerId> {
        self.next.into_iter().chain(self.layers.iter().copied())
    }

    /// Counts a layer that was being put over the others among them.
    pub(crate) fn take_next(&mut self) {
        if let Some(next) = self.next.take() {
            self.layers.insert(0, next);
        }
    }

    pub(crate) fn load(directory: &Path) -> Option<Self> {
        serde_json::from_slice(&std::fs::read(directory.join(RECORD)).ok()?).ok()
    }

    /// Writes a change down, and makes it only then: what there was no room for is not believed.
    pub(crate) async fn change(
        &mut self,
        layout: &Layout,
        change: impl FnOnce(&mut Self),
    ) -> Result<(), Fault> {
        let mut changed = self.clone();
        change(&mut changed);
        changed.save(layout).await?;
        *self = changed;
        Ok(())
    }

    /// Writes down what is so already.
    pub(crate) async fn save(&self, layout: &Layout) -> Result<(), Fault> {
        let path = layout.desktop(self.desktop).join(RECORD);
        let text = serde_json::to_vec_pretty(self).map_err(|error| Fault::Other(error.to_string()))?;
        tokio::task::spawn_blocking(move || durable::write(&path, &text, 0o600))
            .await
            .unwrap_or_else(|_| Err(Fault::Other("writing a desktop's record broke off".into())))
    }
}

/// The lowest number that is not taken, `None` where all below `capacity` are.
pub(crate) fn free_index(taken: impl IntoIterator<Item = u32>, capacity: u32) -> Option<u32> {
    let taken: std::collections::BTreeSet<u32> = taken.into_iter().collect();
    (0..capacity).find(|index| !taken.contains(index))
}

/// What a fork request means for what is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ForkDecision {
    /// It has been carried out before.
    Done,
    /// Make it, in place of a remainder that never held anything of its owner's.
    Make,
    Refuse(&'static str),
}

/// Decides about a fork, fences aside.
pub(crate) fn decide_fork(record: Option<&Record>, boot: u32) -> ForkDecision {
    let Some(record) = record else { return ForkDecision::Make };
    match record.phase {
        Phase::On | Phase::Stopping | Phase::Suspending | Phase::Resuming { .. } if boot <= record.boot => {
            ForkDecision::Done
        }
        Phase::On | Phase::Stopping | Phase::Suspending | Phase::Resuming { .. } => {
            ForkDecision::Refuse("the desktop is running already, from another start")
        }
        Phase::Making | Phase::Starting | Phase::Off(OffReason::NeverStarted) if !record.was_released => {
            ForkDecision::Make
        }
        Phase::Off(_) if boot <= record.boot => ForkDecision::Done,
        Phase::Off(_) if !record.was_released => ForkDecision::Make,
        Phase::Making | Phase::Starting | Phase::Off(_) => {
            ForkDecision::Refuse("the desktop exists and has been used; it can be started, not forked again")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::Accel;
    use crate::qemu::Qemu;

    fn record(phase: Phase) -> Record {
        Record {
            desktop: DesktopId::from_u128(1),
            fence: 3,
            boot: 1,
            template: "desk@0123456789ab".parse().unwrap(),
            size: Size::S,
            next_size: None,
            disk_gib: None,
            layers: vec![LayerId::from_u128(2)],
            next: None,
            index: 4,
            phase,
            quarantined: true,
            was_released: false,
            has_disk: true,
            base: Some("s".into()),
            started: Some(Started {
                machine: BakeIdentity::current(&Qemu::made_up("10.0.2", Accel::Tcg), Size::S, "quiet"),
                ram: "templates/desk@0123456789ab/s/ram".into(),
                host_boot: host_boot(),
            }),
        }
    }

    #[test]
    fn the_lowest_free_number_is_given() {
        assert_eq!(free_index([], 2), Some(0));
        assert_eq!(free_index([1, 0, 3], 8), Some(2));
        assert_eq!(free_index([1, 0], 2), None);
    }

    #[test]
    fn a_fork_is_made_once_and_again_only_where_nothing_can_be_lost() {
        let decide =
            |phase, boot, was_released| decide_fork(Some(&Record { was_released, ..record(phase) }), boot);
        assert_eq!(decide_fork(None, 1), ForkDecision::Make);
        assert_eq!(decide(Phase::On, 1, false), ForkDecision::Done);
        assert!(matches!(decide(Phase::On, 2, false), ForkDecision::Refuse(_)));
        assert_eq!(decide(Phase::Making, 1, false), ForkDecision::Make);
        assert_eq!(decide(Phase::Off(OffReason::NeverStarted), 1, false), ForkDecision::Make);
        assert_eq!(decide(Phase::Off(OffReason::Died), 1, false), ForkDecision::Done);
        assert_eq!(decide(Phase::Off(OffReason::Died), 2, false), ForkDecision::Make);
        for phase in [Phase::Off(OffReason::Died), Phase::Off(OffReason::NeverStarted), Phase::Starting] {
            assert!(matches!(decide(phase, 2, true), ForkDecision::Refuse(_)), "{phase:?}");
        }
    }

    #[tokio::test]
    async fn a_record_is_read_back_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::open(directory.path()).unwrap();
        let written = record(Phase::Off(OffReason::Guest));
        crate::layout::make_directory(&layout.desktop(written.desktop)).unwrap();
        written.save(&layout).await.unwrap();
        assert_eq!(Record::load(&layout.desktop(written.desktop)), Some(written.clone()));
        std::fs::write(layout.desktop(written.desktop).join(RECORD), "{").unwrap();
        assert_eq!(Record::load(&layout.desktop(written.desktop)), None);
    }
}
