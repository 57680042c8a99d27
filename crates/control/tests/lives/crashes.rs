//! Killed anywhere, it goes on where it was.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rolltop_api_types::{DesktopState, ForkDesktop};
use rolltop_control::ControlConfig;
use rolltop_door::{Door, HostKeyPolicy, Login};
use rolltop_engine::{Engine, Layers, OffReason, Power};
use rolltop_guest_protocol::InitRequest;
use rolltop_model::{Desired, DesktopId, Limits, SnapshotId, SnapshotKind, SnapshotState};
use rolltop_sim::{Moment, Operation};
use rolltop_store::Store;
use rolltop_vault::Vault;

use crate::fixture::{PATIENCE, Platform, Said, has_screen, is, is_stopped, platform_with, quick};

#[tokio::test]
async fn killed_after_the_guest_was_personalised_but_before_that_was_written() {
    let pause = Duration::from_secs(3);
    let limits = Limits { backoff: pause, longest_backoff: pause, ..quick().limits };
    let mut platform = platform_with(ControlConfig { limits, ..quick() }).await;
    // Control keeps a door key and asks the guest to take it, which fails,
    platform.engine.faults().init_fails(Some("not yet"));
    let id = platform.create("one").await.id;
    let store = second_look(&platform).await;
    let failing = async {
        while store.desktop(id).await.unwrap().unwrap().record.last_failure.is_none() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, failing).await.unwrap();
    platform.control.abort().await;
    // and then works, with nobody there to hear of it.
    platform.engine.faults().init_fails(None);
    personalise_unheard(&platform, &store, id).await;
    platform.kill_and_reopen(quick()).await;
    let view = platform.wait(id, "running", has_screen).await;
    assert!(view.steps().iter().all(|step| step.boot == 1), "the same machine all along");
    assert!(platform.control.screenshot(&platform.access(id).await, 100).await.is_ok());
}

#[tokio::test]
async fn a_fork_that_was_stopped_before_it_was_itself_comes_up_later() {
    let mut platform = platform_with(quick()).await;
    let parent = platform.running("one").await;
    platform.engine.faults().init_fails(Some("not yet"));
    let access = platform.access(parent).await;
    let fork = platform.control.fork(&access, &ForkDesktop::default(), None).await.unwrap()[0].id;
    platform.wait(fork, "coming up", is(DesktopState::Booting)).await;
    platform.control.stop(&platform.access(fork).await).await.unwrap();
    platform.wait(fork, "stopped", is_stopped).await;
    platform.engine.faults().init_fails(None);
    platform.kill_and_reopen(quick()).await;
    at_rest(&platform).await;
    platform.control.start(&platform.access(fork).await).await.unwrap();
    platform.wait(fork, "running", has_screen).await;
    // Now nothing needs what it was made from.
    let store = second_look(&platform).await;
    let gone = async {
        while !store.snapshots_in(SnapshotState::Ready).await.unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.unwrap();
}

/// The platform's database, opened beside it.
async fn second_look(platform: &Platform) -> Store {
    let vault = Vault::open_or_create(&platform.directory.path().join("vault.key")).unwrap();
    Store::open(&rolltop_store::testing::location(platform.directory.path()).await, vault).await.unwrap()
}

/// What control would have done, up to the guest's answer.
async fn personalise_unheard(platform: &Platform, store: &Store, id: DesktopId) {
    let desktop = store.desktop(id).await.unwrap().unwrap();
    let identity = store.identity(id).await.unwrap().unwrap();
    assert_eq!(identity.host_key, None);
    let bootstrap = platform.engine.bootstrap(&desktop.template).await.unwrap();
    let login = Login::new(bootstrap.private_key, HostKeyPolicy::Pinned(bootstrap.host_key));
    let door = Door::open(platform.engine.connect(id).await.unwrap(), &login).await.unwrap();
    let request = InitRequest {
        desktop: id.to_string(),
        hostname: desktop.name.to_string(),
        unix_time_ns: 0,
        entropy: String::new(),
        door_public_key: identity.door_public_key,
        authorized_keys: Vec::new(),
        timezone: None,
        resumed: false,
        host_key_shown: None,
    };
    assert!(door.init(&request).await.unwrap().renewed);
    door.close().await;
    assert!(Door::open(platform.engine.connect(id).await.unwrap(), &login).await.is_err(), "no way back");
}

#[derive(Debug, Clone)]
enum Event {
    Create,
    Start(usize),
    Stop(usize),
    Suspend(usize),
    Restart(usize),
    Retry(usize),
    Delete(usize),
    Destroy(usize),
    Snapshot(usize),
    Fork(usize),
    /// Back to its latest snapshot.
    Restore(usize),
    Undo(usize),
    Off(usize, OffReason),
    CutShort(Operation),
    /// Control is killed in the middle of the next of these.
    KillIn(Operation, Moment),
    Kill,
    Pass(u64),
}

/// What of the engine's work outlives its being cut short.
const DURABLE: [Operation; 11] = [
    Operation::Fork,
    Operation::Start,
    Operation::Suspend,
    Operation::Resume,
    Operation::Snapshot,
    Operation::Revert,
    Operation::RemoveSnapshot,
    Operation::Flatten,
    Operation::Release,
    Operation::Stop,
    Operation::Destroy,
];
const CUT_SHORT: [Operation; 6] = [
    Operation::Fork,
    Operation::Start,
    Operation::Suspend,
    Operation::Resume,
    Operation::Snapshot,
    Operation::Destroy,
];
/// How long it is waited for control to come to where it is killed.
const COMES_THERE: Duration = Duration::from_millis(300);

/// Disks become flat often, so that this is interrupted too.
fn config() -> ControlConfig {
    ControlConfig { flatten_at: 3, ..quick() }
}

fn event() -> impl Strategy<Value = Event> {
    let which = 0usize..4;
    let why = proptest::sample::select(vec![OffReason::Guest, OffReason::Died, OffReason::HostRestarted]);
    let operation = proptest::sample::select(CUT_SHORT.to_vec());
    let moment = proptest::sample::select(vec![Moment::Before, Moment::Within, Moment::After]);
    let durable = proptest::sample::select(DURABLE.to_vec());
    prop_oneof![
        3 => Just(Event::Create),
        1 => which.clone().prop_map(Event::Start),
        2 => which.clone().prop_map(Event::Stop),
        3 => which.clone().prop_map(Event::Suspend),
        2 => which.clone().prop_map(Event::Start),
        1 => which.clone().prop_map(Event::Restart),
        1 => which.clone().prop_map(Event::Retry),
        1 => which.clone().prop_map(Event::Delete),
        1 => which.clone().prop_map(Event::Destroy),
        3 => which.clone().prop_map(Event::Snapshot),
        1 => which.clone().prop_map(Event::Fork),
        2 => which.clone().prop_map(Event::Restore),
        1 => which.clone().prop_map(Event::Undo),
        2 => (which, why).prop_map(|(which, why)| Event::Off(which, why)),
        1 => operation.prop_map(Event::CutShort),
        3 => (durable, moment).prop_map(|(operation, moment)| Event::KillIn(operation, moment)),
        2 => Just(Event::Kill),
        5 => (0u64..120).prop_map(Event::Pass),
    ]
}

struct Story {
    platform: Platform,
    ids: Vec<DesktopId>,
}

impl Story {
    async fn begin() -> Self {
        Self { platform: platform_with(config()).await, ids: Vec::new() }
    }

    fn know(&mut self, id: DesktopId) {
        if !self.ids.contains(&id) {
            self.ids.push(id);
        }
    }

    async fn happen(&mut self, event: &Event) {
        let platform = &mut self.platform;
        let id = |which: &usize| self.ids.get(*which % self.ids.len().max(1)).copied();
        match event {
            Event::Create => {
                let name = format!("desk-{}", self.ids.len());
                self.ids.push(platform.create(&name).await.id);
            }
            Event::Start(which)
            | Event::Stop(which)
            | Event::Suspend(which)
            | Event::Restart(which)
            | Event::Retry(which)
            | Event::Delete(which)
            | Event::Destroy(which) => {
                let Some(id) = id(which) else { return };
                let (owner, control) = (&platform.owner, &platform.control);
                let Ok(write) = control.authorise(owner, id).await else { return };
                let Ok(destroy) = control.authorise(owner, id).await else { return };
                // Refusals are part of life.
                let _ = match event {
                    Event::Start(_) => platform.control.start(&write).await,
                    Event::Stop(_) => platform.control.stop(&write).await,
                    Event::Suspend(_) => platform.control.suspend(&write).await,
                    Event::Restart(_) => platform.control.restart(&write).await,
                    Event::Retry(_) => platform.control.retry(&write).await,
                    Event::Destroy(_) => platform.control.destroy(&destroy).await,
                    _ => platform.control.delete(&destroy).await,
                };
            }
            Event::Snapshot(which) | Event::Fork(which) => {
                let Some(id) = id(which) else { return };
                let Ok(write) = platform.control.authorise(&platform.owner, id).await else { return };
                if matches!(event, Event::Snapshot(_)) {
                    let _ = platform.control.take_snapshot(&write, None, None).await;
                } else if let Ok(made) = platform.control.fork(&write, &ForkDesktop::default(), None).await {
                    self.ids.extend(made.iter().map(|fork| fork.id));
                }
            }
            Event::Restore(which) => {
                let Some(id) = id(which) else { return };
                let kept = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
                let Some(latest) = kept.first() else { return };
                if let Ok(back) = platform.control.restore(&platform.owner, latest.id).await {
                    self.know(back.id);
                }
            }
            Event::Undo(which) => {
                let Some(id) = id(which) else { return };
                if let Ok(back) = platform.control.undo(&platform.owner, id).await {
                    self.know(back.id);
                }
            }
            Event::KillIn(operation, moment) => {
                platform.engine.faults().never_answer(*operation, *moment);
                let comes_there = async {
                    while !platform.engine.faults().waits_in_vain() {
                        tokio::time::sleep(Duration::from_millis(5)).await;
                    }
                };
                // It may never come.
                let _ = tokio::time::timeout(COMES_THERE, comes_there).await;
                platform.engine.faults().answer_all();
                platform.kill_and_reopen(config()).await;
            }
            Event::Off(which, why) => {
                if let Some(id) = id(which) {
                    platform.engine.power_off(id, *why);
                }
            }
            Event::CutShort(operation) => platform.engine.faults().cut_short(*operation, 1),
            Event::Kill => platform.kill_and_reopen(config()).await,
            Event::Pass(ms) => tokio::time::sleep(Duration::from_millis(*ms)).await,
        }
    }

    /// Every desktop comes to what is wanted, or has failed with a reason.
    async fn settle(&self) {
        for operation in CUT_SHORT {
            self.platform.engine.faults().cut_short(operation, 0);
        }
        for id in &self.ids {
            let deadline = tokio::time::Instant::now() + PATIENCE;
            loop {
                let view = self.platform.get(*id).await;
                let machine = self.platform.engine.observe_one(*id).await.unwrap();
                let on = machine.as_ref().map(|machine| machine.power);
                let settled = match &view {
                    None => machine.is_none(),
                    Some(view) => match (view.state, view.desired) {
                        (DesktopState::Running, Desired::Running) => {
                            has_screen(view) && on == Some(Power::On { quarantined: false })
                        }
                        (DesktopState::Suspended, Desired::Suspended) => {
                            on == Some(Power::Off { why: OffReason::Suspended })
                        }
                        (DesktopState::Stopped, Desired::Stopped) | (DesktopState::Failed, _) => {
                            !matches!(on, Some(Power::On { .. }))
                        }
                        _ => false,
                    },
                };
                if settled {
                    break;
                }
                assert!(tokio::time::Instant::now() < deadline, "never settled: {view:#?} {machine:#?}");
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        }
    }
}

impl Story {
    /// Nothing is lost, nothing is left over, and what lists can be had back; afterwards there is nothing any more.
    async fn end(self) {
        self.settle().await;
        at_rest(&self.platform).await;
        let Story { platform, mut ids } = self;
        assert_eq!(platform.control.leftovers().await.unwrap(), []);
        let mut made = Vec::new();
        for snapshot in platform.control.snapshots(&platform.owner, None).await.unwrap() {
            assert_ne!(snapshot.state, SnapshotState::Taking, "{snapshot:?}");
            if snapshot.state == SnapshotState::Ready {
                let one = ForkDesktop::default();
                let fork = platform.control.fork_snapshot(&platform.owner, snapshot.id, &one, None).await;
                made.extend(fork.unwrap().iter().map(|fork| fork.id));
            }
        }
        for fork in &made {
            platform.wait(*fork, "made from what lists", has_screen).await;
        }
        ids.extend(made);
        for id in &ids {
            if let Ok(write) = platform.control.authorise(&platform.owner, *id).await {
                platform.control.destroy(&write).await.unwrap();
            }
        }
        for id in &ids {
            platform.wait_gone(*id).await;
        }
        for snapshot in platform.control.snapshots(&platform.owner, None).await.unwrap() {
            platform.control.delete_snapshot(&platform.owner, snapshot.id).await.unwrap();
        }
        at_rest(&platform).await;
        assert_eq!(platform.engine.observe().await.unwrap(), []);
        assert_eq!(platform.engine.snapshots().await.unwrap(), []);
        assert_eq!(platform.control.leftovers().await.unwrap(), []);
        let store = second_look(&platform).await;
        assert_eq!(store.layer_ids().await.unwrap(), [], "no key is kept that nothing needs");
        platform.control.close().await;
    }
}

/// Waits until nothing is being taken and nothing removed.
async fn at_rest(platform: &Platform) {
    let store = second_look(platform).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let mut open = store.snapshots_in(SnapshotState::Taking).await.unwrap();
        open.extend(store.snapshots_in(SnapshotState::Deleting).await.unwrap());
        for snapshot in store.snapshots_in(SnapshotState::Ready).await.unwrap() {
            if snapshot.kind == SnapshotKind::Fork && !has_resting_fork(&store, snapshot.id).await {
                open.push(snapshot);
            }
        }
        let restoring = store.restoring().await.unwrap();
        if open.is_empty() && restoring.is_empty() {
            return;
        }
        let mut waiting = Vec::new();
        for id in restoring {
            waiting.push(store.desktop(id).await.unwrap());
        }
        assert!(tokio::time::Instant::now() < deadline, "never at rest: {open:#?} {waiting:#?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether one of its forks was stopped, or failed, before it had an identity of its own: to start, it needs that of
/// what it was made from.
async fn has_resting_fork(store: &Store, snapshot: SnapshotId) -> bool {
    for fork in store.forks_of(snapshot).await.unwrap() {
        let state = store.desktop(fork).await.unwrap().map(|fork| fork.record.state);
        if matches!(
            state,
            Some(rolltop_model::DesktopState::Stopped(_) | rolltop_model::DesktopState::Failed(_))
        ) {
            return true;
        }
    }
    false
}

#[test]
fn whatever_happens_and_whenever_it_is_killed_nothing_is_lost_or_left_over() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 12, max_shrink_iters: 0, ..ProptestConfig::default() });
    let stories = proptest::collection::vec(event(), 5..30);
    let told = runner.run(&stories, |events| {
        runtime.block_on(async {
            let mut story = Story::begin().await;
            for event in &events {
                story.happen(event).await;
            }
            story.end().await;
        });
        Ok(())
    });
    told.unwrap();
}

/// A life with every durable step in it, killed before and after each of them in turn, and done again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_before_and_after_every_durable_step_it_goes_on() {
    let life = |operation| match operation {
        Operation::Fork | Operation::Release => vec![Event::Create],
        Operation::Start => vec![Event::Stop(0), Event::Start(0)],
        Operation::Suspend => vec![Event::Suspend(0)],
        Operation::Resume => vec![Event::Suspend(0), Event::Start(0)],
        Operation::Snapshot => vec![Event::Snapshot(0)],
        Operation::Flatten => vec![Event::Snapshot(0), Event::Snapshot(0)],
        Operation::Revert => vec![Event::Snapshot(0), Event::Restore(0)],
        Operation::RemoveSnapshot => vec![Event::Fork(0)],
        Operation::Stop => vec![Event::Stop(0)],
        _ => vec![Event::Delete(0)],
    };
    let mut moments: Vec<_> =
        DURABLE.into_iter().flat_map(|of| [(of, Moment::Before), (of, Moment::After)]).collect();
    moments.push((Operation::Snapshot, Moment::Within));
    let mut stories = tokio::task::JoinSet::new();
    for (operation, moment) in moments {
        stories.spawn(async move {
            let mut story = Story::begin().await;
            story.ids.push(story.platform.running("first").await);
            let mut events = life(operation);
            // It is lain in wait for what comes of the last of these.
            let last = events.pop();
            for event in &events {
                story.happen(event).await;
                story.settle().await;
                at_rest(&story.platform).await;
            }
            story.platform.engine.faults().never_answer(operation, moment);
            story.happen(&last.unwrap()).await;
            story.platform.kill_there_and_reopen(config()).await;
            story.end().await;
        });
    }
    let told = stories.join_all().await.len();
    assert_eq!(told, 2 * DURABLE.len() + 1);
}
