//! The decision itself: one step at a time, from what is wanted and what is observed.
//!
//! Promises, held by the property tests: carried out against an engine that obeys, the steps
//! end in what is wanted, or in `Failed` with a reason; no start number is started twice;
//! destroyed is final; `Failed` waits for a person; every wait has an end.

use jiff::Timestamp;

use super::record::{Limits, MachineView, Observation, OffWhy, PowerView, Record, after};
use super::state::{Desired, DesktopState, FailReason, StopReason};

/// What to do next. All can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// Nothing until something changes.
    Rest,
    /// Nothing until then.
    Wait {
        until: Timestamp,
    },
    /// Write down that another start is to come, before anything of it happens.
    Plan {
        boot: u32,
        attempts: u32,
        retry_at: Option<Timestamp>,
    },
    /// The same, for a guest that has restarted itself.
    Reboot {
        boot: u32,
    },
    /// Take over the start number the engine reports.
    Adopt {
        boot: u32,
    },
    /// Remove what is left of a machine that nobody has ever used, to fork again.
    Discard,
    Fork {
        boot: u32,
    },
    /// Cold boot.
    Start {
        boot: u32,
    },
    /// Bring back the memory that was kept.
    Resume {
        boot: u32,
    },
    /// Enter and give the machine its identity, clock and keys.
    Personalise {
        boot: u32,
    },
    /// End quarantine.
    Release,
    /// Wait for the first picture.
    AwaitScreen {
        boot: u32,
    },
    /// Go on without a picture.
    NoScreen {
        boot: u32,
    },
    /// Keep its memory and take it off the host's.
    Suspend,
    /// Also gives up a suspended machine's memory.
    Stop,
    /// Write down the state that was reached.
    Settle(DesktopState),
    /// It is off for a reason that is now what is wanted.
    AcceptStop(StopReason),
    Fail(FailReason),
    /// Remove keys, machine and files, and keep the receipt.
    Destroy,
    /// Remove the row.
    Forget,
}

/// What to do next about a desktop.
pub fn next_step(record: &Record, observed: Observation, limits: &Limits, now: Timestamp) -> Step {
    let judge = Judge { record, limits, now };
    match (record.state, record.desired) {
        (
            DesktopState::Destroyed,
            Desired::Running | Desired::Suspended | Desired::Stopped | Desired::Destroyed,
        ) => Step::Rest,
        (
            DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Running
            | DesktopState::Suspended
            | DesktopState::Stopped(_)
            | DesktopState::Failed(_)
            | DesktopState::Destroying,
            Desired::Destroyed,
        ) => judge.to_destroy(observed),
        // Nothing leads out of destroying; a row that says otherwise is finished all the same.
        (DesktopState::Destroying, Desired::Running | Desired::Suspended | Desired::Stopped) => {
            judge.to_destroy(observed)
        }
        (DesktopState::Failed(_), Desired::Running | Desired::Suspended | Desired::Stopped) => {
            judge.in_failure(observed)
        }
        (
            DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Running
            | DesktopState::Suspended
            | DesktopState::Stopped(_),
            Desired::Stopped,
        ) => judge.to_stop(observed),
        (
            DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Running
            | DesktopState::Suspended
            | DesktopState::Stopped(_),
            Desired::Suspended,
        ) => judge.to_suspend(observed),
        (
            DesktopState::Pending
            | DesktopState::Booting
            | DesktopState::Running
            | DesktopState::Suspended
            | DesktopState::Stopped(_),
            Desired::Running,
        ) => judge.to_run(observed),
    }
}

struct Judge<'a> {
    record: &'a Record,
    limits: &'a Limits,
    now: Timestamp,
}

impl Judge<'_> {
    /// `step`, or the wait that failures before it have earned.
    fn when_due(&self, step: Step) -> Step {
        match self.record.retry_at {
            Some(until) if until > self.now => Step::Wait { until },
            Some(_) | None => step,
        }
    }

    fn to_destroy(&self, observed: Observation) -> Step {
        match observed {
            Observation::Unknown => Step::Rest,
            Observation::Absent if self.record.receipt => Step::Forget,
            Observation::Absent | Observation::Present(_) => self.when_due(Step::Destroy),
        }
    }

    /// A failed desktop takes no memory while it waits for a person. What was only in its own is kept.
    fn in_failure(&self, observed: Observation) -> Step {
        let keeps = self.record.state == DesktopState::Failed(FailReason::ResumeFailed)
            && self.record.attempts < self.limits.attempts;
        match observed {
            Observation::Present(MachineView { power: PowerView::On { .. }, .. }) => {
                self.when_due(if keeps { Step::Suspend } else { Step::Stop })
            }
            Observation::Present(MachineView { power: PowerView::Off(_), .. })
            | Observation::Unknown
            | Observation::Absent => Step::Rest,
        }
    }

    fn to_stop(&self, observed: Observation) -> Step {
        let settled = matches!(self.record.state, DesktopState::Stopped(_));
        match observed {
            Observation::Unknown => Step::Rest,
            Observation::Absent if self.record.ready_boot > 0 => Step::Fail(FailReason::Lost),
            Observation::Present(MachineView {
                power: PowerView::On { .. } | PowerView::Off(OffWhy::Suspended),
                ..
            }) => self.when_due(Step::Stop),
            Observation::Absent | Observation::Present(MachineView { power: PowerView::Off(_), .. }) => {
                if settled {
                    Step::Rest
                } else {
                    Step::Settle(DesktopState::Stopped(StopReason::Asked))
                }
            }
        }
    }

    /// Suspending takes a machine that runs well; until it does, this is the way to running.
    fn to_suspend(&self, observed: Observation) -> Step {
        let record = self.record;
        match observed {
            Observation::Present(MachineView { power: PowerView::Off(OffWhy::Suspended), .. }) => {
                if record.state == DesktopState::Suspended {
                    Step::Rest
                } else {
                    Step::Settle(DesktopState::Suspended)
                }
            }
            Observation::Present(MachineView { power: PowerView::On { quarantined: false }, boot })
                if boot == record.boot
                    && record.ready_boot == boot
                    && record.state == DesktopState::Running =>
            {
                self.when_due(Step::Suspend)
            }
            // Nobody enters it, and its memory is what it was.
            Observation::Present(MachineView { power: PowerView::On { .. }, boot })
                if boot == record.boot && record.is_unentered() =>
            {
                self.when_due(Step::Suspend)
            }
            Observation::Unknown | Observation::Absent | Observation::Present(_) => self.to_run(observed),
        }
    }

    fn to_run(&self, observed: Observation) -> Step {
        match observed {
            Observation::Unknown => self.without_host(),
            Observation::Absent if self.record.ready_boot > 0 => Step::Fail(FailReason::Lost),
            Observation::Absent => self.attempt(Step::Fork { boot: self.record.boot }),
            Observation::Present(machine) if machine.boot > self.record.boot => {
                Step::Adopt { boot: machine.boot }
            }
            Observation::Present(MachineView { power: PowerView::On { quarantined }, boot }) => {
                if boot < self.record.boot || self.record.restart {
                    self.when_due(Step::Stop)
                } else {
                    self.while_on(quarantined)
                }
            }
            Observation::Present(MachineView { power: PowerView::Off(OffWhy::Suspended), .. })
                if self.record.restart =>
            {
                self.when_due(Step::Stop)
            }
            Observation::Present(MachineView { power: PowerView::Off(OffWhy::Suspended), boot })
                if boot < self.record.boot =>
            {
                self.attempt(Step::Resume { boot: self.record.boot })
            }
            Observation::Present(MachineView { power: PowerView::Off(why), boot }) => {
                // What was planned before a restart was asked for may have begun, as something else.
                if boot < self.record.boot && !self.record.restart {
                    // Nothing of anybody's is in it: forking again is quicker and surer than booting it.
                    let fresh = self.record.ready_boot == 0;
                    self.attempt(if fresh { Step::Discard } else { Step::Start { boot: self.record.boot } })
                } else {
                    self.after_off(why)
                }
            }
        }
    }

    /// Running things go on running without the host process; only a start can't be waited for forever.
    fn without_host(&self) -> Step {
        match self.record.state {
            DesktopState::Pending | DesktopState::Booting => {
                let until = after(self.record.planned_at, self.limits.host_silence);
                if self.now >= until { Step::Fail(FailReason::HostUnreachable) } else { Step::Wait { until } }
            }
            DesktopState::Running
            | DesktopState::Suspended
            | DesktopState::Stopped(_)
            | DesktopState::Failed(_)
            | DesktopState::Destroying
            | DesktopState::Destroyed => Step::Rest,
        }
    }

    /// A try at a start, as long as tries are left.
    fn attempt(&self, step: Step) -> Step {
        if self.record.attempts >= self.limits.attempts {
            return Step::Fail(self.record.last_failure.unwrap_or(FailReason::StartFailed));
        }
        self.when_due(step)
    }

    fn while_on(&self, quarantined: bool) -> Step {
        let record = self.record;
        let boot = record.boot;
        let boot_limit = if record.ready_boot == 0 { self.limits.first_boot } else { self.limits.later_boot };
        let since_ready = record.ready_at.unwrap_or(record.planned_at).max(record.planned_at);
        if record.ready_boot != boot {
            if self.runs_unentered() {
                return if record.state == DesktopState::Running {
                    self.when_due(Step::Personalise { boot })
                } else {
                    Step::Settle(DesktopState::Running)
                };
            }
            return if self.now >= after(record.planned_at, boot_limit) {
                if record.resumed_boot == boot {
                    return Step::Fail(FailReason::ResumeFailed);
                }
                Step::Fail(record.last_failure.unwrap_or(FailReason::DoorTimeout))
            } else if record.state != DesktopState::Booting {
                Step::Settle(DesktopState::Booting)
            } else {
                self.when_due(Step::Personalise { boot })
            };
        }
        if quarantined {
            return if self.now >= after(since_ready, self.limits.later_boot) {
                Step::Fail(record.last_failure.unwrap_or(FailReason::StartFailed))
            } else {
                self.when_due(Step::Release)
            };
        }
        if record.state != DesktopState::Running {
            return Step::Settle(DesktopState::Running);
        }
        if record.screen_boot != boot {
            return if self.now >= after(since_ready, self.limits.screen) {
                Step::NoScreen { boot }
            } else {
                self.when_due(Step::AwaitScreen { boot })
            };
        }
        Step::Rest
    }

    /// Whether what was brought back runs although nobody could enter it. Something in it keeps all others out, as it did before
    /// it was suspended, and its owner is not kept waiting for that to change; it is entered once it answers. Where it lets us in and then
    /// refuses to be personalised, that is another matter.
    fn runs_unentered(&self) -> bool {
        let record = self.record;
        let was_somebodys = record.ready_boot > 0 && record.resumed_boot == record.boot;
        let waited = self.now >= after(record.planned_at, self.limits.answer);
        let silent = record.is_unentered() || waited && record.last_failure == Some(FailReason::DoorTimeout);
        was_somebodys && silent && record.last_failure != Some(FailReason::PersonaliseFailed)
    }

    /// The latest start is over. Was it meant to be?
    fn after_off(&self, why: OffWhy) -> Step {
        let record = self.record;
        let anew = Step::Plan { boot: record.boot.saturating_add(1), attempts: 0, retry_at: None };
        let was_in_use = match record.state {
            DesktopState::Booting | DesktopState::Running => true,
            DesktopState::Pending
            | DesktopState::Suspended
            | DesktopState::Stopped(_)
            | DesktopState::Failed(_)
            | DesktopState::Destroying
            | DesktopState::Destroyed => false,
        };
        if record.restart || !was_in_use {
            return anew;
        }
        match why {
            OffWhy::Asked | OffWhy::Suspended => anew,
            OffWhy::Guest if record.ready_boot == record.boot => Step::AcceptStop(StopReason::FromInside),
            OffWhy::HostRestarted if record.ready_boot == record.boot && !record.autostart => {
                Step::AcceptStop(StopReason::HostRestarted)
            }
            // What nobody has used yet is made all the same.
            OffWhy::HostRestarted => anew,
            OffWhy::Guest | OffWhy::Died => self.after_accident(FailReason::Died, false),
            // One that resets itself before anybody could enter it would do so for ever.
            OffWhy::Reset if record.ready_boot == record.boot => {
                Step::Reboot { boot: record.boot.saturating_add(1) }
            }
            OffWhy::Reset => self.after_accident(FailReason::Died, false),
            // The engine may have said so when it was asked to start it, which was counted then.
            OffWhy::NeverStarted => self.after_accident(
                record.last_failure.unwrap_or(FailReason::StartFailed),
                record.last_failure.is_some(),
            ),
        }
    }

    fn after_accident(&self, reason: FailReason, counted: bool) -> Step {
        let record = self.record;
        let ran_well = record.ready_boot == record.boot
            && record.ready_at.is_some_and(|ready| self.now >= after(ready, self.limits.stable));
        let attempts = if ran_well { 1 } else { record.attempts.saturating_add(u32::from(!counted)) };
        if attempts >= self.limits.attempts {
            return Step::Fail(reason);
        }
        Step::Plan {
            boot: record.boot.saturating_add(1),
            attempts,
            retry_at: Some(self.limits.retry_at(attempts, self.now)),
        }
    }
}
