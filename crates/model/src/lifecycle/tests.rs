//! The promises of `next_step`, against a simulated engine and any history.

use std::collections::BTreeSet;
use std::time::Duration;
use strum::VariantArray as _;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;

/// An engine of one machine, and what it has been made to do.
#[derive(Debug, Clone, Default)]
struct World {
    machine: Option<MachineView>,
    /// Start numbers that were really started.
    started: BTreeSet<u32>,
    /// Things that go wrong next.
    troubles: Vec<Trouble>,
    silent: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Trouble {
    /// The engine refuses with this, and does nothing.
    Refuse(FailReason),
    /// A start is cut short half way.
    CutShort,
}

/// What may happen between two steps.
#[derive(Debug, Clone)]
enum Happening {
    Command(Command),
    Off(OffWhy),
    Trouble(Trouble),
    Silence(bool),
    Pass(u32),
    /// The process is killed between doing a step and writing it down, this many times.
    Killed,
    Work,
}

fn fail_reason() -> impl Strategy<Value = FailReason> {
    proptest::sample::select(FailReason::VARIANTS.to_vec())
}

fn happening() -> impl Strategy<Value = Happening> {
    let command = proptest::sample::select(vec![
        Command::Start,
        Command::Stop,
        Command::Suspend,
        Command::Suspend,
        Command::Restart,
        Command::Retry,
        Command::Retry,
        Command::Destroy,
    ]);
    let off = proptest::sample::select(vec![
        OffWhy::Asked,
        OffWhy::Guest,
        OffWhy::Reset,
        OffWhy::Died,
        OffWhy::NeverStarted,
        OffWhy::HostRestarted,
    ]);
    prop_oneof![
        2 => command.prop_map(Happening::Command),
        2 => off.prop_map(Happening::Off),
        1 => fail_reason().prop_map(|reason| Happening::Trouble(Trouble::Refuse(reason))),
        1 => Just(Happening::Trouble(Trouble::CutShort)),
        1 => any::<bool>().prop_map(Happening::Silence),
        2 => (0u32..400).prop_map(Happening::Pass),
        2 => Just(Happening::Killed),
        12 => Just(Happening::Work),
    ]
}

struct Life {
    record: Record,
    world: World,
    limits: Limits,
    now: Timestamp,
}

impl Life {
    fn new() -> Self {
        let now = Timestamp::UNIX_EPOCH;
        Self { record: Record::new(now), world: World::default(), limits: Limits::default(), now }
    }

    fn pass(&mut self, time: Duration) {
        self.now = self.now.checked_add(SignedDuration::try_from(time).unwrap()).unwrap();
    }

    fn observed(&self) -> Observation {
        match (self.world.silent, self.world.machine) {
            (true, _) => Observation::Unknown,
            (false, None) => Observation::Absent,
            (false, Some(machine)) => Observation::Present(machine),
        }
    }

    fn happen(&mut self, happening: &Happening) {
        match happening {
            Happening::Command(command) => {
                let final_before = self.record.desired == Desired::Destroyed;
                if let Ok(after) = self.record.commanded(*command, self.now) {
                    assert!(!final_before || after == self.record, "nothing leads out of destruction");
                    self.record = after;
                }
            }
            Happening::Off(why) => {
                if let Some(machine) = &mut self.world.machine
                    && matches!(machine.power, PowerView::On { .. })
                {
                    machine.power = PowerView::Off(*why);
                }
            }
            Happening::Trouble(trouble) => self.world.troubles.push(*trouble),
            Happening::Silence(silent) => self.world.silent = *silent,
            Happening::Pass(seconds) => self.pass(Duration::from_secs(u64::from(*seconds))),
            Happening::Killed => {
                self.work(true);
            }
            Happening::Work => {
                self.work(false);
            }
        }
    }

    /// One step; a killed process does not come to write the end of it down.
    fn work(&mut self, killed: bool) -> Step {
        let step = next_step(&self.record, self.observed(), &self.limits, self.now);
        if matches!(step, Step::Rest | Step::Wait { .. }) {
            return step;
        }
        // Only where nobody could enter it is one kept that has not left quarantine.
        let is_unentered = matches!(self.record.state, DesktopState::Failed(_)) || self.record.is_unentered();
        if step == Step::Suspend && !is_unentered {
            let on = Some(PowerView::On { quarantined: false });
            let power = self.world.machine.map(|machine| machine.power);
            assert!(power == on || self.world.keeps_memory(), "suspended what does not run");
        }
        self.record = self.record.begun(step);
        let result = self.world.carry_out(step);
        if killed {
            return step;
        }
        self.record = match result {
            Ok(()) => self.record.done(step, self.now),
            Err(reason) => self.record.went_wrong(step, reason, &self.limits, self.now),
        };
        step
    }

    /// Lets the engine obey and time pass until nothing more is to be done.
    fn settle(&mut self) {
        self.world.troubles.clear();
        self.world.silent = false;
        for _ in 0..200 {
            match self.work(false) {
                Step::Rest => return,
                Step::Wait { until } => {
                    assert!(until > self.now, "a wait ends in the future");
                    self.now = until;
                }
                _ => {}
            }
        }
        panic!("never at rest: {:?} {:?}", self.record, self.world);
    }

    fn is_settled(&self) -> bool {
        let off = !matches!(self.world.machine, Some(MachineView { power: PowerView::On { .. }, .. }));
        match (self.record.state, self.record.desired) {
            (DesktopState::Running, Desired::Running) => {
                self.record.ready_boot == self.record.boot
                    && self.record.screen_boot == self.record.boot
                    && self.world.machine
                        == Some(MachineView {
                            power: PowerView::On { quarantined: false },
                            boot: self.record.boot,
                        })
            }
            (DesktopState::Suspended, Desired::Suspended) => self.world.keeps_memory(),
            (DesktopState::Stopped(_), Desired::Stopped) => off && !self.world.keeps_memory(),
            (DesktopState::Failed(_), Desired::Running | Desired::Suspended | Desired::Stopped) => off,
            (DesktopState::Destroyed, Desired::Destroyed) => self.world.machine.is_none(),
            _ => false,
        }
    }
}

impl World {
    fn carry_out(&mut self, step: Step) -> Result<(), FailReason> {
        let needs_engine = matches!(
            step,
            Step::Fork { .. }
                | Step::Start { .. }
                | Step::Resume { .. }
                | Step::Release
                | Step::Suspend
                | Step::Stop
                | Step::Destroy
                | Step::Discard
                | Step::Personalise { .. }
                | Step::AwaitScreen { .. }
        );
        let trouble = if needs_engine { self.troubles.pop() } else { None };
        if let Some(Trouble::Refuse(reason)) = trouble {
            return Err(reason);
        }
        let cut_short = trouble == Some(Trouble::CutShort);
        match step {
            Step::Fork { boot } => {
                assert!(self.machine.is_none_or(|machine| machine.boot == boot), "forked over another");
                self.come_up(boot, cut_short)
            }
            Step::Start { boot } => {
                assert!(self.machine.is_some(), "started what is not there");
                assert!(!self.keeps_memory(), "booted over a memory that nobody gave up");
                self.come_up(boot, cut_short)
            }
            Step::Resume { .. } if cut_short => Err(FailReason::StartFailed),
            Step::Resume { boot } => {
                let repeated = self.machine.is_some_and(|machine| machine.boot == boot);
                assert!(repeated || self.keeps_memory(), "resumed what was not suspended");
                self.come_up(boot, false)
            }
            Step::Suspend => {
                let is_on = matches!(self.machine, Some(MachineView { power: PowerView::On { .. }, .. }));
                assert!(is_on || self.keeps_memory(), "suspended what does not run");
                self.set_power(PowerView::Off(OffWhy::Suspended))
            }
            Step::Personalise { boot } | Step::AwaitScreen { boot } => {
                assert_eq!(self.machine.map(|machine| machine.boot), Some(boot));
                Ok(())
            }
            Step::Release => self.set_power(PowerView::On { quarantined: false }),
            Step::Stop => self.set_power(PowerView::Off(OffWhy::Asked)),
            Step::Destroy | Step::Discard => {
                self.machine = None;
                Ok(())
            }
            Step::Forget => {
                assert!(self.machine.is_none(), "forgot a machine that is still there");
                Ok(())
            }
            Step::Rest
            | Step::Wait { .. }
            | Step::Plan { .. }
            | Step::Reboot { .. }
            | Step::Adopt { .. }
            | Step::NoScreen { .. }
            | Step::Settle(_)
            | Step::AcceptStop(_)
            | Step::Fail(_) => Ok(()),
        }
    }

    fn keeps_memory(&self) -> bool {
        matches!(self.machine, Some(MachineView { power: PowerView::Off(OffWhy::Suspended), .. }))
    }

    fn come_up(&mut self, boot: u32, cut_short: bool) -> Result<(), FailReason> {
        if self.machine.is_some_and(|machine| machine.boot == boot) {
            return Ok(()); // a repeated request does nothing
        }
        assert!(self.started.insert(boot), "start {boot} was started twice");
        let power = if cut_short {
            PowerView::Off(OffWhy::NeverStarted)
        } else {
            PowerView::On { quarantined: true }
        };
        self.machine = Some(MachineView { power, boot });
        if cut_short { Err(FailReason::StartFailed) } else { Ok(()) }
    }

    fn set_power(&mut self, power: PowerView) -> Result<(), FailReason> {
        match &mut self.machine {
            Some(machine) => {
                machine.power = power;
                Ok(())
            }
            None => Err(FailReason::Lost),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn after_any_history_it_comes_to_rest_where_it_is_wanted_or_has_failed(
        history in proptest::collection::vec(happening(), 0..60),
    ) {
        let mut life = Life::new();
        for event in &history {
            life.happen(event);
        }
        life.settle();
        prop_assert!(life.is_settled(), "{:?} {:?}", life.record, life.world);
        let before = life.record.clone();
        for _ in 0..3 {
            life.pass(Duration::from_secs(1_000_000));
            prop_assert_eq!(life.work(false), Step::Rest, "what is at rest stays so");
        }
        prop_assert_eq!(before, life.record);
    }

    #[test]
    fn any_record_and_any_observation_lead_to_rest(
        record in any_record(),
        machine in proptest::option::of(any_machine()),
    ) {
        let mut life = Life::new();
        life.record = record;
        life.world.machine = machine;
        life.settle();
        let at_rest = matches!(
            life.record.state,
            DesktopState::Running
                | DesktopState::Suspended
                | DesktopState::Stopped(_)
                | DesktopState::Failed(_)
                | DesktopState::Destroyed
        );
        prop_assert!(at_rest, "{:?}", life.record);
    }

    #[test]
    fn what_is_to_be_destroyed_is_destroyed(history in proptest::collection::vec(happening(), 0..40)) {
        let mut life = Life::new();
        for event in &history {
            life.happen(event);
        }
        life.happen(&Happening::Command(Command::Destroy));
        life.settle();
        prop_assert_eq!(life.record.state, DesktopState::Destroyed);
        prop_assert!(life.world.machine.is_none());
    }

    #[test]
    fn a_silent_host_fails_no_running_desktop(seconds in 0u64..10_000_000) {
        let mut life = Life::new();
        life.settle();
        life.world.silent = true;
        life.pass(Duration::from_secs(seconds));
        prop_assert_eq!(life.work(false), Step::Rest);
        prop_assert_eq!(life.record.state, DesktopState::Running);
    }
}

fn any_machine() -> impl Strategy<Value = MachineView> {
    let power = prop_oneof![
        any::<bool>().prop_map(|quarantined| PowerView::On { quarantined }),
        proptest::sample::select(vec![
            OffWhy::Asked,
            OffWhy::Guest,
            OffWhy::Reset,
            OffWhy::Died,
            OffWhy::NeverStarted,
            OffWhy::Suspended,
            OffWhy::HostRestarted,
        ])
        .prop_map(PowerView::Off),
    ];
    (power, 1u32..6).prop_map(|(power, boot)| MachineView { power, boot })
}

fn any_record() -> impl Strategy<Value = Record> {
    let state = prop_oneof![
        Just(DesktopState::Pending),
        Just(DesktopState::Booting),
        Just(DesktopState::Running),
        Just(DesktopState::Suspended),
        Just(DesktopState::Stopped(StopReason::Asked)),
        Just(DesktopState::Stopped(StopReason::FromInside)),
        Just(DesktopState::Stopped(StopReason::HostRestarted)),
        fail_reason().prop_map(DesktopState::Failed),
        Just(DesktopState::Destroying),
        Just(DesktopState::Destroyed),
    ];
    let moment = |most: i64| (0..most).prop_map(|seconds| Timestamp::from_second(seconds).unwrap());
    (
        (
            proptest::sample::select(Desired::VARIANTS.to_vec()),
            state,
            1u32..6,
            0u32..6,
            proptest::option::of(moment(900)),
        ),
        ((0u32..6, 0u32..6), any::<bool>(), 0u32..5, proptest::option::of(fail_reason())),
        (proptest::option::of(moment(900)), moment(900), any::<bool>(), any::<bool>()),
    )
        .prop_map(
            |(
                (desired, state, boot, ready_boot, ready_at),
                ((screen_boot, resumed_boot), restart, attempts, last_failure),
                rest,
            )| {
                let (retry_at, planned_at, receipt, autostart) = rest;
                Record {
                    desired,
                    state,
                    boot,
                    ready_boot,
                    ready_at,
                    screen_boot,
                    resumed_boot,
                    restart,
                    autostart,
                    attempts,
                    last_failure,
                    retry_at,
                    planned_at,
                    receipt,
                }
            },
        )
}

#[test]
fn the_ordinary_life() {
    let mut life = Life::new();
    let mut steps = Vec::new();
    loop {
        match life.work(false) {
            Step::Rest => break,
            step => steps.push(step),
        }
    }
    assert_eq!(
        steps,
        [
            Step::Fork { boot: 1 },
            Step::Personalise { boot: 1 },
            Step::Release,
            Step::Settle(DesktopState::Running),
            Step::AwaitScreen { boot: 1 },
        ]
    );
}

#[test]
fn a_guest_that_shuts_itself_down_is_left_so_until_it_is_started() {
    let mut life = Life::new();
    life.settle();
    life.happen(&Happening::Off(OffWhy::Guest));
    life.settle();
    assert_eq!(life.record.state, DesktopState::Stopped(StopReason::FromInside));
    assert_eq!(life.record.desired, Desired::Stopped);
    life.happen(&Happening::Command(Command::Start));
    life.settle();
    assert_eq!((life.record.state, life.record.boot), (DesktopState::Running, 2));
}

#[test]
fn a_machine_that_keeps_dying_is_given_up_and_waits_for_a_person() {
    let mut life = Life::new();
    for _ in 0..life.limits.attempts {
        life.settle();
        life.happen(&Happening::Off(OffWhy::Died));
    }
    life.settle();
    assert_eq!(life.record.state, DesktopState::Failed(FailReason::Died));
    life.pass(Duration::from_secs(100_000));
    assert_eq!(life.work(false), Step::Rest);
    life.happen(&Happening::Command(Command::Retry));
    life.settle();
    assert_eq!(life.record.state, DesktopState::Running);
}

#[test]
fn a_machine_that_died_after_running_well_is_started_again_every_time() {
    let mut life = Life::new();
    for _ in 0..10 {
        life.settle();
        life.pass(life.limits.stable);
        life.happen(&Happening::Off(OffWhy::Died));
    }
    life.settle();
    assert_eq!(life.record.state, DesktopState::Running);
}

#[test]
fn a_start_that_fails_is_tried_as_often_as_the_limit_says() {
    for trouble in [Trouble::CutShort, Trouble::Refuse(FailReason::NoMemory)] {
        let mut life = Life::new();
        life.world.troubles = vec![trouble; 100];
        let mut tries = 0;
        for _ in 0..50 {
            match life.work(false) {
                Step::Fork { .. } => tries += 1,
                Step::Discard => life.world.troubles.push(trouble), // it met the trouble instead
                Step::Wait { until } => life.now = until,
                _ => {}
            }
            life.world.machine = life.world.machine.filter(|_| trouble == Trouble::CutShort);
        }
        assert_eq!(tries, life.limits.attempts, "{trouble:?}");
        assert!(matches!(life.record.state, DesktopState::Failed(_)));
    }
}

#[test]
fn a_memory_is_kept_again_where_nobody_can_enter_what_it_was_brought_back_to() {
    let unentered = |trouble: Option<Trouble>| {
        let mut life = Life::new();
        life.settle();
        life.happen(&Happening::Command(Command::Suspend));
        life.settle();
        life.happen(&Happening::Command(Command::Start));
        while !matches!(life.work(false), Step::Resume { .. }) {}
        life.pass(life.limits.later_boot);
        while !matches!(life.work(false), Step::Fail(_)) {}
        assert_eq!(life.record.state, DesktopState::Failed(FailReason::ResumeFailed));
        for _ in 0..20 {
            life.world.troubles.extend(trouble);
            match life.work(false) {
                Step::Rest => break,
                Step::Wait { until } => life.now = until,
                _ => {}
            }
            if trouble.is_some() && life.record.attempts < life.limits.attempts {
                assert!(
                    life.world.machine.is_some_and(|machine| matches!(machine.power, PowerView::On { .. }))
                );
            }
        }
        life
    };
    let mut kept = unentered(None);
    assert!(kept.world.keeps_memory());
    kept.happen(&Happening::Command(Command::Retry));
    while !matches!(kept.work(false), Step::Resume { .. }) {}
    kept.settle();
    assert_eq!(kept.record.state, DesktopState::Running);

    let mut restarted = unentered(None);
    restarted.happen(&Happening::Command(Command::Restart));
    restarted.settle();
    assert_eq!((restarted.record.state, restarted.world.keeps_memory()), (DesktopState::Running, false));

    // Where there is no room for it the host gets its memory back all the same.
    let mut full = unentered(Some(Trouble::Refuse(FailReason::DiskFull)));
    full.world.troubles.clear();
    full.settle();
    assert!(full.is_settled() && !full.world.keeps_memory());
}

#[test]
fn what_was_brought_back_and_stays_silent_runs_soon_and_is_entered_or_put_away_or_restarted() {
    let silent = || {
        let mut life = Life::new();
        life.settle();
        life.happen(&Happening::Command(Command::Suspend));
        life.settle();
        life.happen(&Happening::Command(Command::Start));
        let began = life.now;
        let mut running = None;
        // Far beyond the deadline for those that are booted.
        while life.now < after(began, life.limits.later_boot * 3) {
            life.world.troubles = vec![Trouble::Refuse(FailReason::DoorTimeout)];
            if let Some(machine) = life.world.machine
                && matches!(machine.power, PowerView::Off(_))
            {
                life.world.troubles.clear();
            }
            life.work(false);
            life.pass(Duration::from_secs(1));
            if life.record.is_unentered() {
                running.get_or_insert(life.now);
            }
        }
        assert!(life.record.is_unentered(), "{:?}", life.record);
        assert!(
            running.unwrap() <= after(began, life.limits.answer + Duration::from_secs(10)),
            "{running:?}"
        );
        life.world.troubles.clear();
        life
    };
    let mut entered = silent();
    entered.settle();
    assert!(entered.is_settled() && entered.record.ready_boot == entered.record.boot);

    let mut put_away = silent();
    put_away.happen(&Happening::Command(Command::Suspend));
    put_away.settle();
    assert_eq!((put_away.record.state, put_away.world.keeps_memory()), (DesktopState::Suspended, true));

    // Where that is not possible it goes on as before.
    let mut full = silent();
    full.happen(&Happening::Command(Command::Suspend));
    full.world.troubles = vec![Trouble::Refuse(FailReason::DiskFull)];
    full.work(false);
    full.world.troubles = vec![Trouble::Refuse(FailReason::DoorTimeout)];
    full.work(false);
    assert!(full.record.is_unentered(), "{:?}", full.record);

    let mut restarted = silent();
    restarted.happen(&Happening::Command(Command::Restart));
    restarted.settle();
    assert!(restarted.is_settled() && restarted.record.resumed_boot == 0);
}

#[test]
fn a_door_that_never_opens_fails_by_its_deadline() {
    let mut life = Life::new();
    assert_eq!(life.work(false), Step::Fork { boot: 1 });
    life.pass(life.limits.first_boot);
    assert_eq!(life.work(false), Step::Fail(FailReason::DoorTimeout));
    assert_eq!(life.work(false), Step::Stop, "and takes no memory meanwhile");
}

#[test]
fn a_desktop_the_host_has_lost_says_so() {
    let mut life = Life::new();
    life.settle();
    life.world.machine = None;
    life.settle();
    assert_eq!(life.record.state, DesktopState::Failed(FailReason::Lost));
}

#[test]
fn a_suspended_desktop_is_resumed_under_a_number_of_its_own() {
    let mut life = Life::new();
    life.settle();
    life.happen(&Happening::Command(Command::Suspend));
    life.settle();
    assert_eq!((life.record.state, life.record.boot), (DesktopState::Suspended, 1));
    life.happen(&Happening::Command(Command::Start));
    let mut steps = Vec::new();
    loop {
        match life.work(false) {
            Step::Rest => break,
            step => steps.push(step),
        }
    }
    assert_eq!(steps.get(1), Some(&Step::Resume { boot: 2 }), "{steps:?}");
    assert_eq!((life.record.state, life.record.boot), (DesktopState::Running, 2));
}

#[test]
fn a_suspension_that_goes_wrong_leaves_it_running() {
    let mut life = Life::new();
    life.settle();
    life.happen(&Happening::Command(Command::Suspend));
    life.world.troubles = vec![Trouble::Refuse(FailReason::DiskFull)];
    assert_eq!(life.work(false), Step::Suspend);
    assert_eq!(life.work(false), Step::Rest);
    assert_eq!((life.record.state, life.record.desired), (DesktopState::Running, Desired::Running));
}

#[test]
fn a_memory_that_cant_be_brought_back_waits_for_a_person_who_may_boot_the_disk() {
    let mut life = Life::new();
    life.settle();
    life.happen(&Happening::Command(Command::Suspend));
    life.settle();
    life.happen(&Happening::Command(Command::Start));
    life.world.troubles = vec![Trouble::Refuse(FailReason::MemoryUnusable)];
    while life.work(false) != Step::Rest {}
    assert_eq!(life.record.state, DesktopState::Failed(FailReason::MemoryUnusable));
    assert!(life.world.keeps_memory(), "it is not given up for that");
    life.happen(&Happening::Command(Command::Restart));
    life.settle();
    assert_eq!(life.record.state, DesktopState::Running);
}

#[test]
fn stopping_or_restarting_a_suspended_desktop_gives_up_its_memory() {
    for (command, state) in
        [(Command::Stop, DesktopState::Stopped(StopReason::Asked)), (Command::Restart, DesktopState::Running)]
    {
        let mut life = Life::new();
        life.settle();
        life.happen(&Happening::Command(Command::Suspend));
        life.settle();
        life.happen(&Happening::Command(command));
        life.settle();
        assert_eq!(life.record.state, state);
        assert!(!life.world.keeps_memory());
    }
}

#[test]
fn a_host_that_was_restarted_stops_what_ran_and_starts_what_was_to_start() {
    for autostart in [false, true] {
        let mut life = Life::new();
        life.record.autostart = autostart;
        life.settle();
        assert_eq!(life.record.state, DesktopState::Running);
        life.happen(&Happening::Off(OffWhy::HostRestarted));
        life.settle();
        let expected = if autostart {
            (DesktopState::Running, Desired::Running)
        } else {
            (DesktopState::Stopped(StopReason::HostRestarted), Desired::Stopped)
        };
        assert_eq!((life.record.state, life.record.desired), expected);
    }
}
