//! How a desktop is shown: the API's state and desire made into one phase, and numbers made
//! readable.

use rolltop_api_types::{Desired, Desktop, DesktopState, NotSupported};
use serde::Deserialize;
use strum::IntoStaticStr;

use crate::components::Icon;
use crate::language::Language;

/// What a person sees a desktop doing. Its name is for `data-state` and part of message keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Phase {
    Pending,
    Booting,
    Running,
    Stopping,
    Suspending,
    Suspended,
    Stopped,
    Failed,
    Destroying,
}

impl Phase {
    pub(crate) fn of(desktop: &Desktop) -> Self {
        match (desktop.state, desktop.desired) {
            (DesktopState::Destroying | DesktopState::Destroyed, _) | (_, Desired::Destroyed) => {
                Phase::Destroying
            }
            (DesktopState::Pending, _) => Phase::Pending,
            (DesktopState::Booting, _) => Phase::Booting,
            (DesktopState::Running, Desired::Stopped) => Phase::Stopping,
            (DesktopState::Running, Desired::Suspended) => Phase::Suspending,
            (DesktopState::Running, Desired::Running) => Phase::Running,
            (DesktopState::Suspended, _) => Phase::Suspended,
            (DesktopState::Stopped, Desired::Running | Desired::Suspended) => Phase::Pending,
            (DesktopState::Stopped, Desired::Stopped) => Phase::Stopped,
            (DesktopState::Failed, _) => Phase::Failed,
        }
    }

    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }

    pub(crate) const fn icon(self) -> Icon {
        match self {
            Phase::Pending | Phase::Booting | Phase::Stopping | Phase::Suspending => Icon::Loader,
            Phase::Running => Icon::Play,
            Phase::Suspended => Icon::Moon,
            Phase::Stopped => Icon::Square,
            Phase::Failed => Icon::Alert,
            Phase::Destroying => Icon::Trash,
        }
    }

    /// Whether something is under way and will end by itself.
    pub(crate) const fn is_moving(self) -> bool {
        match self {
            Phase::Pending | Phase::Booting | Phase::Stopping | Phase::Suspending | Phase::Destroying => true,
            Phase::Running | Phase::Suspended | Phase::Stopped | Phase::Failed => false,
        }
    }

    /// What can be asked of a desktop in this phase, whatever runs it.
    const fn actions(self) -> &'static [Action] {
        match self {
            Phase::Pending | Phase::Booting => &[Action::Rename, Action::Delete],
            Phase::Running => &[
                Action::Suspend,
                Action::Fork,
                Action::Snapshot,
                Action::Stop,
                Action::Restart,
                Action::EndProcesses,
                Action::Rename,
                Action::Delete,
            ],
            Phase::Stopping | Phase::Suspending => &[Action::Rename, Action::Delete],
            Phase::Suspended => &[
                Action::Resume,
                Action::Fork,
                Action::Snapshot,
                Action::Stop,
                Action::Restart,
                Action::Rename,
                Action::Delete,
            ],
            Phase::Stopped => {
                &[Action::Start, Action::Fork, Action::Snapshot, Action::Rename, Action::Delete]
            }
            Phase::Failed => &[Action::Retry, Action::Restart, Action::Rename, Action::Delete],
            Phase::Destroying => &[],
        }
    }
}

/// What can be done with a desktop now.
pub(crate) fn actions(desktop: &Desktop) -> Vec<Action> {
    Phase::of(desktop).actions().iter().copied().filter(|action| action.is_possible(desktop)).collect()
}

/// Whether what runs a desktop lacks this.
pub(crate) fn lacks<'a>(desktop: &'a Desktop, what: &str) -> Option<&'a NotSupported> {
    desktop.not_supported.iter().find(|lacking| lacking.what == what)
}

/// What can be asked of a desktop. Its name is part of paths and of message keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub(crate) enum Action {
    Start,
    Stop,
    Suspend,
    Resume,
    Fork,
    Snapshot,
    Restart,
    Retry,
    EndProcesses,
    Rename,
    Delete,
}

impl Action {
    pub(crate) fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether what runs the desktop can do it at all.
    pub(crate) fn is_possible(self, desktop: &Desktop) -> bool {
        self.needs().is_none_or(|what| lacks(desktop, what).is_none())
    }

    /// What not everything that runs desktops has.
    const fn needs(self) -> Option<&'static str> {
        match self {
            Action::Suspend => Some("memory"),
            Action::Fork | Action::Snapshot => Some("layers"),
            Action::Start
            | Action::Resume
            | Action::Stop
            | Action::Restart
            | Action::Retry
            | Action::EndProcesses
            | Action::Rename
            | Action::Delete => None,
        }
    }

    pub(crate) const fn icon(self) -> Icon {
        match self {
            Action::Start | Action::Resume => Icon::Play,
            Action::Suspend => Icon::Moon,
            Action::Fork => Icon::Fork,
            Action::Snapshot => Icon::Camera,
            Action::Stop => Icon::Power,
            Action::Restart => Icon::Restart,
            Action::Retry => Icon::Refresh,
            Action::EndProcesses => Icon::End,
            Action::Rename => Icon::Pencil,
            Action::Delete => Icon::Trash,
        }
    }

    /// Whether what it takes away can be had back: what the desktop was is kept first.
    pub(crate) const fn can_be_undone(self) -> bool {
        matches!(self, Action::Stop | Action::Restart | Action::Delete)
    }

    /// Whether a dialog comes first: because something would be lost, or is to be typed.
    pub(crate) const fn asks_first(self) -> bool {
        match self {
            Action::Snapshot
            | Action::Stop
            | Action::Restart
            | Action::EndProcesses
            | Action::Rename
            | Action::Delete => true,
            Action::Start | Action::Suspend | Action::Resume | Action::Fork | Action::Retry => false,
        }
    }

    pub(crate) fn label(self, language: Language) -> String {
        language.say(&format!("action-{}", self.as_str()))
    }
}

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// Bytes for people: at most one digit after the point.
pub(crate) fn bytes(language: Language, bytes: u64) -> String {
    let (value, unit) = match bytes {
        0..MIB => (bytes / 1024, "unit-kib"),
        MIB..GIB => (bytes / MIB, "unit-mib"),
        GIB.. => {
            let tenths = bytes.saturating_mul(10) / GIB;
            let whole = tenths / 10;
            if whole < 100 && !tenths.is_multiple_of(10) {
                let point = language.say("decimal-point");
                return format!("{whole}{point}{}\u{a0}{}", tenths % 10, language.say("unit-gib"));
            }
            (whole, "unit-gib")
        }
    };
    format!("{value}\u{a0}{}", language.say(unit))
}

/// Milliseconds as seconds with one digit after the point.
pub(crate) fn seconds(language: Language, milliseconds: i64) -> String {
    let tenths = (milliseconds.max(0) + 50) / 100;
    format!("{}{}{}\u{a0}s", tenths / 10, language.say("decimal-point"), tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_readable() {
        assert_eq!(bytes(Language::English, 0), "0\u{a0}KiB");
        assert_eq!(bytes(Language::English, 23 * MIB), "23\u{a0}MiB");
        assert_eq!(bytes(Language::English, 3 * GIB / 2), "1.5\u{a0}GiB");
        assert_eq!(bytes(Language::French, 3 * GIB / 2), "1,5\u{a0}Gio");
        assert_eq!(bytes(Language::English, 240 * GIB), "240\u{a0}GiB");
        assert_eq!(bytes(Language::English, u64::MAX).split('\u{a0}').nth(1), Some("GiB"));
    }

    #[test]
    fn seconds_are_rounded() {
        assert_eq!(seconds(Language::English, 1449), "1.4\u{a0}s");
        assert_eq!(seconds(Language::English, 1450), "1.5\u{a0}s");
        assert_eq!(seconds(Language::English, -5), "0.0\u{a0}s");
    }
}
