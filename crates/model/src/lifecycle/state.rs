//! The states a person sees, and why a desktop is in one.

use std::fmt;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// Where its owner wants it to be.
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Serialize,
    Deserialize,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum Desired {
    Running,
    Suspended,
    Stopped,
    Destroyed,
}

/// What a desktop is. A desktop being stopped is `Running` and desired `Stopped`; one being
/// suspended, `Running` and desired `Suspended`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DesktopState {
    /// Waits for the host.
    Pending,
    /// Its machine is being made or has not been personalised yet.
    Booting,
    Running,
    /// Memory on disk, no host memory used.
    Suspended,
    Stopped(StopReason),
    Failed(FailReason),
    Destroying,
    Destroyed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum StopReason {
    /// Somebody asked for it.
    Asked,
    /// The guest was shut down from within.
    #[strum(serialize = "shut_down_from_inside")]
    FromInside,
    /// The host was restarted under it.
    HostRestarted,
}

/// Why a desktop can't go on by itself. The codes are stable and part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Display, EnumString, IntoStaticStr, VariantArray)]
#[strum(serialize_all = "snake_case", const_into_str)]
pub enum FailReason {
    /// The machine was there once and the host holds nothing of it any more.
    Lost,
    /// The machine ended by itself too often.
    Died,
    /// The machine never came up.
    StartFailed,
    /// The machine runs, but nobody could enter and personalise it in time.
    DoorTimeout,
    /// The guest refused to be personalised.
    PersonaliseFailed,
    /// The template it is made from is not on the host.
    TemplateGone,
    /// The template's memory was baked for another machine.
    BaseMismatch,
    /// The snapshot it was to be forked from could not be taken, or is gone.
    OriginGone,
    /// The memory that suspending kept can't be brought back; the disk is as it was.
    MemoryUnusable,
    /// It was brought back with its memory, but could not be entered and personalised in time.
    ResumeFailed,
    /// It could not be suspended, and goes on running.
    SuspendFailed,
    /// It could not be put back to a snapshot.
    RestoreFailed,
    /// It runs, and nothing in it answers.
    NotAnswering,
    /// It runs, and writes slowly: the host's disk is nearly full.
    SlowedHostDisk,
    /// It runs, and writes slowly: its workspace has all it may of the host's disk.
    SlowedQuota,
    /// It stands still for the same reason, and goes on by itself.
    PausedHostDisk,
    PausedQuota,
    DiskFull,
    NoMemory,
    /// The host process did not answer for too long while the desktop was being started.
    HostUnreachable,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no such state or reason: {0:?}")]
pub struct UnknownState(pub String);

impl Desired {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }
}

impl FailReason {
    /// The stable code.
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    /// What happened and what to do, for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            FailReason::Lost => {
                "The host no longer holds this desktop's machine; if its disks were moved, bring them back and try again."
            }
            FailReason::Died => {
                "The machine ended by itself several times; look at its console before trying again."
            }
            FailReason::StartFailed => "The machine did not start; look at the detail, then try again.",
            FailReason::DoorTimeout => {
                "The machine started but could not be entered in time; look at its console, then try again."
            }
            FailReason::PersonaliseFailed => {
                "The machine started but could not be given its identity; try again."
            }
            FailReason::TemplateGone => {
                "The template this desktop is made from is not on the host; build it, then try again."
            }
            FailReason::BaseMismatch => {
                "The template's memory was baked for another version of QEMU or another processor; bake it again, then try again."
            }
            FailReason::OriginGone => {
                "The desktop it was to be forked from could not be kept; fork it again and delete this one."
            }
            FailReason::MemoryUnusable => {
                "Its suspended memory can't be brought back; restart it to boot from its disk, without what was only in memory."
            }
            FailReason::ResumeFailed => {
                "It was brought back but could not be entered in time, and its memory is kept; try again, or restart it to boot from its disk, without what was only in memory."
            }
            FailReason::SuspendFailed => {
                "The machine could not be suspended and goes on running; try again, and look at the host's log if it happens again."
            }
            FailReason::RestoreFailed => {
                "It could not be put back; what it was before is kept as a snapshot."
            }
            FailReason::NotAnswering => {
                "Its machine runs, but nothing in it answers: it hangs, or was halted; restart it to boot from its disk."
            }
            FailReason::SlowedHostDisk => {
                "The host's disk is nearly full, so it writes slowly; delete what is not needed, in it or beside it."
            }
            FailReason::SlowedQuota => {
                "Its workspace has all it may have of the host's disk, so it writes slowly; delete what is not needed, in it \
                 or beside it."
            }
            FailReason::PausedHostDisk => {
                "The host's disk is nearly full, so it stands still; free some space, and it goes on where it was."
            }
            FailReason::PausedQuota => {
                "Its workspace has all it may have of the host's disk, so it stands still; delete snapshots, desktops or \
                 templates, and it goes on where it was."
            }
            FailReason::DiskFull => "The host's disk is full; free some space, then try again.",
            FailReason::NoMemory => {
                "The host has too little free memory; stop other desktops, then try again."
            }
            FailReason::HostUnreachable => "The host did not answer; see that it runs, then try again.",
        }
    }
}

impl StopReason {
    pub const fn as_str(self) -> &'static str {
        self.into_str()
    }

    pub const fn sentence(self) -> &'static str {
        match self {
            StopReason::Asked => "It was stopped.",
            StopReason::FromInside => "It was shut down from inside.",
            StopReason::HostRestarted => {
                "The host was restarted, and what was only in its memory is gone; start it again."
            }
        }
    }
}

impl DesktopState {
    /// The names of all states, in the order of a life.
    pub const NAMES: [&'static str; 8] =
        ["pending", "booting", "running", "suspended", "stopped", "failed", "destroying", "destroyed"];

    /// The state without its reason.
    pub const fn name(self) -> &'static str {
        match self {
            DesktopState::Pending => "pending",
            DesktopState::Booting => "booting",
            DesktopState::Running => "running",
            DesktopState::Suspended => "suspended",
            DesktopState::Stopped(_) => "stopped",
            DesktopState::Failed(_) => "failed",
            DesktopState::Destroying => "destroying",
            DesktopState::Destroyed => "destroyed",
        }
    }

    /// The reason's stable code, where the state has one worth telling.
    pub const fn reason_code(self) -> Option<&'static str> {
        match self {
            DesktopState::Failed(reason) => Some(reason.as_str()),
            DesktopState::Stopped(reason @ (StopReason::FromInside | StopReason::HostRestarted)) => {
                Some(reason.as_str())
            }
            DesktopState::Stopped(StopReason::Asked)
            | DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Running
            | DesktopState::Suspended
            | DesktopState::Destroying
            | DesktopState::Destroyed => None,
        }
    }

    /// The reason as a sentence for people.
    pub const fn reason_sentence(self) -> Option<&'static str> {
        match self {
            DesktopState::Failed(reason) => Some(reason.sentence()),
            DesktopState::Stopped(reason @ (StopReason::FromInside | StopReason::HostRestarted)) => {
                Some(reason.sentence())
            }
            DesktopState::Stopped(StopReason::Asked)
            | DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Running
            | DesktopState::Suspended
            | DesktopState::Destroying
            | DesktopState::Destroyed => None,
        }
    }

    /// The state from its stored name and reason code.
    pub fn from_parts(name: &str, reason: Option<&str>) -> Result<Self, UnknownState> {
        let unknown = || UnknownState(format!("{name}({})", reason.unwrap_or_default()));
        match name {
            "pending" => Ok(DesktopState::Pending),
            "booting" => Ok(DesktopState::Booting),
            "running" => Ok(DesktopState::Running),
            "suspended" => Ok(DesktopState::Suspended),
            "stopped" => {
                let reason = reason.map_or(Ok(StopReason::Asked), str::parse);
                reason.map(DesktopState::Stopped).map_err(|_| unknown())
            }
            "failed" => {
                let reason = reason.unwrap_or_default().parse();
                reason.map(DesktopState::Failed).map_err(|_| unknown())
            }
            "destroying" => Ok(DesktopState::Destroying),
            "destroyed" => Ok(DesktopState::Destroyed),
            _ => Err(unknown()),
        }
    }
}

impl fmt::Display for DesktopState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_survives_storage() {
        let mut states = vec![
            DesktopState::Pending,
            DesktopState::Booting,
            DesktopState::Running,
            DesktopState::Suspended,
            DesktopState::Stopped(StopReason::Asked),
            DesktopState::Stopped(StopReason::FromInside),
            DesktopState::Stopped(StopReason::HostRestarted),
            DesktopState::Destroying,
            DesktopState::Destroyed,
        ];
        states.extend(FailReason::VARIANTS.iter().copied().map(DesktopState::Failed));
        for state in states {
            assert_eq!(DesktopState::from_parts(state.name(), state.reason_code()), Ok(state));
            assert!(DesktopState::NAMES.contains(&state.name()));
        }
        assert!(DesktopState::from_parts("failed", Some("bored")).is_err());
        assert!(DesktopState::from_parts("napping", None).is_err());
    }

    #[test]
    fn reasons_are_sentences() {
        for reason in FailReason::VARIANTS.iter().copied() {
            assert!(reason.sentence().ends_with('.') && reason.sentence().len() > 20, "{reason:?}");
        }
    }
}
