//! How a record changes: by a step begun, done or gone wrong, and by what its owner asks for.

use jiff::Timestamp;

use super::decide::Step;
use super::record::{Limits, Record, after};
use super::state::{Desired, DesktopState, FailReason};

/// What an owner can ask of a desktop that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Command {
    /// Boots it, or resumes it if it is suspended.
    Start,
    Stop,
    /// Keeps memory and all, and takes it off the host's memory.
    Suspend,
    /// Boots it from its disk; a suspended one gives up its memory.
    Restart,
    /// Try again after a failure.
    Retry,
    Destroy,
}

/// Why a command makes no sense now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("This desktop has failed; try again first.")]
    Failed,
    #[error("This desktop has not failed, so there is nothing to try again.")]
    NotFailed,
    #[error("This desktop does not run, so there is nothing to suspend.")]
    NotRunning,
    #[error("This desktop is still starting; suspend it once it runs.")]
    StillStarting,
    #[error("This desktop is being destroyed.")]
    BeingDestroyed,
}

impl Record {
    /// A desktop just asked for: its first start is planned.
    pub fn new(now: Timestamp) -> Self {
        Self {
            desired: Desired::Running,
            state: DesktopState::Pending,
            boot: 1,
            ready_boot: 0,
            ready_at: None,
            screen_boot: 0,
            resumed_boot: 0,
            restart: false,
            autostart: false,
            attempts: 0,
            last_failure: None,
            retry_at: None,
            planned_at: now,
            receipt: false,
        }
    }

    /// The record once the owner's command is accepted. The same record means nothing was to do.
    pub fn commanded(&self, command: Command, now: Timestamp) -> Result<Self, Refusal> {
        let afresh = Self {
            desired: Desired::Running,
            state: DesktopState::Pending,
            attempts: 0,
            last_failure: None,
            retry_at: None,
            planned_at: now,
            ..self.clone()
        };
        match (command, self.state) {
            (Command::Destroy, DesktopState::Destroying | DesktopState::Destroyed) => Ok(self.clone()),
            (_, DesktopState::Destroying | DesktopState::Destroyed) => Err(Refusal::BeingDestroyed),
            (Command::Destroy, _) => Ok(Self {
                desired: Desired::Destroyed,
                state: DesktopState::Destroying,
                attempts: 0,
                retry_at: None,
                ..self.clone()
            }),
            (Command::Retry, DesktopState::Failed(_)) => Ok(afresh),
            // From its disk: the way on without a memory that can't be brought back.
            (Command::Restart, DesktopState::Failed(_) | DesktopState::Suspended) => {
                Ok(Self { restart: true, ..afresh })
            }
            (Command::Start | Command::Stop | Command::Suspend, DesktopState::Failed(_)) => {
                Err(Refusal::Failed)
            }
            (Command::Retry, _) => Err(Refusal::NotFailed),
            (Command::Suspend, DesktopState::Running) if self.desired == Desired::Stopped => {
                Err(Refusal::NotRunning)
            }
            (Command::Suspend, DesktopState::Running | DesktopState::Suspended) => Ok(Self {
                desired: Desired::Suspended,
                restart: false,
                last_failure: None,
                attempts: 0,
                retry_at: None,
                ..self.clone()
            }),
            (Command::Suspend, DesktopState::Pending | DesktopState::Booting) => Err(Refusal::StillStarting),
            (Command::Suspend, DesktopState::Stopped(_)) => Err(Refusal::NotRunning),
            (Command::Start, DesktopState::Stopped(_) | DesktopState::Suspended)
            | (Command::Restart, DesktopState::Stopped(_)) => Ok(afresh),
            (Command::Start, DesktopState::Pending | DesktopState::Booting | DesktopState::Running) => {
                Ok(Self { desired: Desired::Running, ..self.clone() })
            }
            (Command::Restart, DesktopState::Pending | DesktopState::Booting | DesktopState::Running) => {
                Ok(Self {
                    desired: Desired::Running,
                    restart: true,
                    attempts: 0,
                    retry_at: None,
                    ..self.clone()
                })
            }
            (
                Command::Stop,
                DesktopState::Pending
                | DesktopState::Booting
                | DesktopState::Running
                | DesktopState::Suspended
                | DesktopState::Stopped(_),
            ) => Ok(Self { desired: Desired::Stopped, restart: false, retry_at: None, ..self.clone() }),
        }
    }

    /// Whether something would be gone afterwards that could not be had again: a memory, or all of it.
    pub fn would_lose(&self, command: Command) -> bool {
        match command {
            Command::Stop | Command::Restart => {
                // A memory that was to be brought back, and perhaps is still there.
                let is_brought_back = self.resumed_boot > self.ready_boot;
                matches!(self.state, DesktopState::Running | DesktopState::Suspended) || is_brought_back
            }
            Command::Destroy => self.ready_boot > 0,
            Command::Start | Command::Suspend | Command::Retry => false,
        }
    }

    /// The record to store before a step is carried out.
    pub fn begun(&self, step: Step) -> Self {
        match step {
            Step::Fork { .. } | Step::Start { .. } => {
                Self { state: DesktopState::Booting, restart: false, resumed_boot: 0, ..self.clone() }
            }
            Step::Resume { boot } => {
                Self { state: DesktopState::Booting, restart: false, resumed_boot: boot, ..self.clone() }
            }
            Step::Rest
            | Step::Wait { .. }
            | Step::Plan { .. }
            | Step::Reboot { .. }
            | Step::Adopt { .. }
            | Step::Discard
            | Step::Personalise { .. }
            | Step::Release
            | Step::AwaitScreen { .. }
            | Step::NoScreen { .. }
            | Step::Suspend
            | Step::Stop
            | Step::Settle(_)
            | Step::AcceptStop(_)
            | Step::Fail(_)
            | Step::Destroy
            | Step::Forget => self.clone(),
        }
    }

    /// The record once a step has been carried out.
    pub fn done(&self, step: Step, now: Timestamp) -> Self {
        let same = self.clone();
        match step {
            Step::Rest | Step::Wait { .. } | Step::Discard => same,
            Step::Plan { boot, attempts, retry_at } => Self {
                boot,
                attempts,
                retry_at,
                restart: false,
                last_failure: None,
                state: DesktopState::Pending,
                planned_at: now,
                ..same
            },
            Step::Reboot { boot } => self.done(Step::Plan { boot, attempts: 0, retry_at: None }, now),
            Step::Adopt { boot } => Self { boot, planned_at: now, ..same },
            Step::Fork { .. }
            | Step::Start { .. }
            | Step::Resume { .. }
            | Step::Release
            | Step::Suspend
            | Step::Stop => Self { last_failure: None, retry_at: None, ..same },
            Step::Personalise { boot } => {
                Self { ready_boot: boot, ready_at: Some(now), last_failure: None, retry_at: None, ..same }
            }
            Step::AwaitScreen { boot } | Step::NoScreen { boot } => {
                Self { screen_boot: boot, retry_at: None, ..same }
            }
            Step::Settle(state) => Self { state, ..same },
            Step::AcceptStop(reason) => {
                Self { desired: Desired::Stopped, state: DesktopState::Stopped(reason), ..same }
            }
            Step::Fail(reason) => {
                Self { state: DesktopState::Failed(reason), retry_at: None, restart: false, ..same }
            }
            Step::Destroy => Self { receipt: true, ..same },
            Step::Forget => Self { state: DesktopState::Destroyed, ..same },
        }
    }

    /// The record after a step that went wrong for `reason`. Starts are counted; everything else
    /// is tried again after a pause, until its deadline.
    pub fn went_wrong(&self, step: Step, reason: FailReason, limits: &Limits, now: Timestamp) -> Self {
        let attempts = self.attempts.saturating_add(1);
        match step {
            Step::Fork { .. } | Step::Start { .. } | Step::Resume { .. } | Step::Discard => {
                // Another try can't bring these back.
                let hopeless = matches!(
                    reason,
                    FailReason::TemplateGone
                        | FailReason::BaseMismatch
                        | FailReason::OriginGone
                        | FailReason::MemoryUnusable
                );
                Self {
                    attempts: if hopeless { limits.attempts.max(attempts) } else { attempts },
                    last_failure: Some(reason),
                    retry_at: Some(limits.retry_at(attempts, now)),
                    ..self.clone()
                }
            }
            // The owner waits for it no longer, and others wait for their turn.
            Step::Personalise { .. } if self.is_unentered() => Self {
                last_failure: Some(reason),
                retry_at: Some(after(now, limits.longest_backoff)),
                ..self.clone()
            },
            Step::Personalise { .. } => {
                Self { last_failure: Some(reason), retry_at: Some(limits.retry_at(1, now)), ..self.clone() }
            }
            // Tried again, because its memory is worth it, but not for ever.
            Step::Suspend if matches!(self.state, DesktopState::Failed(_)) => {
                Self { attempts, retry_at: Some(limits.retry_at(attempts, now)), ..self.clone() }
            }
            // It was not possible; nothing is lost by going on.
            Step::Suspend => Self { desired: Desired::Running, last_failure: Some(reason), ..self.clone() },
            Step::Release | Step::Stop | Step::Destroy | Step::AwaitScreen { .. } => {
                Self { retry_at: Some(limits.retry_at(1, now)), ..self.clone() }
            }
            Step::Rest
            | Step::Wait { .. }
            | Step::Plan { .. }
            | Step::Reboot { .. }
            | Step::Adopt { .. }
            | Step::NoScreen { .. }
            | Step::Settle(_)
            | Step::AcceptStop(_)
            | Step::Fail(_)
            | Step::Forget => self.clone(),
        }
    }
}
