//! What a decision is made from.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::state::{Desired, DesktopState};

/// What the database knows of one desktop, as far as decisions need it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    pub desired: Desired,
    pub state: DesktopState,
    /// The number of the latest start that was planned, from 1. Written before it is carried out.
    pub boot: u32,
    /// The latest start that was personalised; 0 when none ever was, so that nothing in the
    /// machine belongs to anybody yet.
    pub ready_boot: u32,
    /// When `ready_boot` was personalised.
    pub ready_at: Option<Timestamp>,
    /// The latest start whose screen has been seen, or given up.
    pub screen_boot: u32,
    /// The latest start that brought back a kept memory; 0 when none ever did.
    pub resumed_boot: u32,
    /// Start it anew once, whatever it is now.
    pub restart: bool,
    /// Start it again after the host was restarted.
    pub autostart: bool,
    /// Starts that went wrong since the last good one.
    pub attempts: u32,
    /// What went wrong with the latest of them; while it runs, with the latest suspension or
    /// return to a snapshot.
    pub last_failure: Option<super::state::FailReason>,
    /// Not before this is anything tried again.
    pub retry_at: Option<Timestamp>,
    /// When `boot` was planned, or a person asked to try again: deadlines count from here.
    pub planned_at: Timestamp,
    /// The engine has confirmed that everything is removed, and the receipt is stored.
    pub receipt: bool,
}

/// What the engine says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Observation {
    /// It did not answer.
    Unknown,
    /// It holds nothing of this desktop.
    Absent,
    Present(MachineView),
}

/// A machine as the engine reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MachineView {
    pub power: PowerView,
    /// Which start this is or was.
    pub boot: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerView {
    On { quarantined: bool },
    Off(OffWhy),
}

/// Why a machine is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OffWhy {
    Asked,
    /// The guest shut itself down.
    Guest,
    /// The guest wanted its machine to begin anew.
    Reset,
    Died,
    NeverStarted,
    /// Its memory is kept.
    Suspended,
    /// It ran when the host went down.
    HostRestarted,
}

/// How long is waited and how often is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// From the plan of a desktop's first start to its being personalised. Default 180 s.
    pub first_boot: Duration,
    /// The same for every later start, which boots cold. Default 300 s.
    pub later_boot: Duration,
    /// From the plan of a resume to its being entered; after that the desktop runs, as it did before, and it is said that it does
    /// not answer. Default 40 s.
    pub answer: Duration,
    /// From being personalised to the first picture; after that the desktop runs without one. Default 120 s.
    pub screen: Duration,
    /// For how long the host may not answer while a desktop is being started. Default 600 s.
    pub host_silence: Duration,
    /// Starts that may go wrong in a row. Default 3.
    pub attempts: u32,
    /// Pause before the second start; doubled for each further one. Default 2 s.
    pub backoff: Duration,
    /// Longest pause. Default 60 s.
    pub longest_backoff: Duration,
    /// A machine that ran for this long started well, whatever became of it then. Default 600 s.
    pub stable: Duration,
}

impl Record {
    /// It was brought back with its memory and runs, and nobody could enter it yet.
    pub fn is_unentered(&self) -> bool {
        self.state == DesktopState::Running && self.resumed_boot == self.boot && self.ready_boot != self.boot
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            first_boot: Duration::from_secs(180),
            later_boot: Duration::from_secs(300),
            answer: Duration::from_secs(40),
            screen: Duration::from_secs(120),
            host_silence: Duration::from_secs(600),
            attempts: 3,
            backoff: Duration::from_secs(2),
            longest_backoff: Duration::from_secs(60),
            stable: Duration::from_secs(600),
        }
    }
}

impl Limits {
    /// When a start that went wrong for the `attempts`th time may be repeated.
    pub fn retry_at(&self, attempts: u32, now: Timestamp) -> Timestamp {
        let doublings = attempts.saturating_sub(1).min(16);
        let pause = self.backoff.saturating_mul(1 << doublings).min(self.longest_backoff);
        after(now, pause)
    }
}

/// `start` plus `pause`, at most the end of time.
pub(crate) fn after(start: Timestamp, pause: Duration) -> Timestamp {
    SignedDuration::try_from(pause)
        .ok()
        .and_then(|pause| start.checked_add(pause).ok())
        .unwrap_or(Timestamp::MAX)
}
