//! Killed anywhere, it goes on where it was.

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use rolltop_control::ControlConfig;
use rolltop_door::{Door, HostKeyPolicy, Login};
use rolltop_engine::{Engine, OffReason, Power};
use rolltop_guest_protocol::InitRequest;
use rolltop_model::{Desired, DesktopId, DesktopState, Limits};
use rolltop_sim::Operation;
use rolltop_store::Store;
use rolltop_vault::Vault;

use crate::fixture::{PATIENCE, Platform, has_screen, platform, platform_with, quick};

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
    assert!(view.steps.iter().all(|step| step.boot == 1), "the same machine all along");
    assert!(platform.control.screenshot(&platform.access(id).await, 100).await.is_ok());
}

/// The platform's database, opened beside it.
async fn second_look(platform: &Platform) -> Store {
    let vault = Vault::open_or_create(&platform.directory.path().join("vault.key")).unwrap();
    Store::open(&platform.directory.path().join("rolltop.db"), vault).await.unwrap()
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
    Off(usize, OffReason),
    CutShort(Operation),
    Kill,
    Pass(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let which = 0usize..4;
    let why = proptest::sample::select(vec![OffReason::Guest, OffReason::Died, OffReason::HostRestarted]);
    let operation = proptest::sample::select(vec![
        Operation::Fork,
        Operation::Start,
        Operation::Suspend,
        Operation::Resume,
        Operation::Destroy,
    ]);
    prop_oneof![
        3 => Just(Event::Create),
        1 => which.clone().prop_map(Event::Start),
        2 => which.clone().prop_map(Event::Stop),
        3 => which.clone().prop_map(Event::Suspend),
        2 => which.clone().prop_map(Event::Start),
        1 => which.clone().prop_map(Event::Restart),
        1 => which.clone().prop_map(Event::Retry),
        2 => which.clone().prop_map(Event::Delete),
        2 => (which, why).prop_map(|(which, why)| Event::Off(which, why)),
        1 => operation.prop_map(Event::CutShort),
        4 => Just(Event::Kill),
        5 => (0u64..120).prop_map(Event::Pass),
    ]
}

struct Story {
    platform: Platform,
    ids: Vec<DesktopId>,
}

impl Story {
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
            | Event::Delete(which) => {
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
                    _ => platform.control.delete(&destroy).await,
                };
            }
            Event::Off(which, why) => {
                if let Some(id) = id(which) {
                    platform.engine.power_off(id, *why);
                }
            }
            Event::CutShort(operation) => platform.engine.faults().cut_short(*operation, 1),
            Event::Kill => platform.kill_and_reopen(quick()).await,
            Event::Pass(ms) => tokio::time::sleep(Duration::from_millis(*ms)).await,
        }
    }

    /// Every desktop comes to what is wanted, or has failed with a reason.
    async fn settle(&self) {
        for operation in
            [Operation::Fork, Operation::Start, Operation::Suspend, Operation::Resume, Operation::Destroy]
        {
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
                        (DesktopState::Stopped(_), Desired::Stopped) | (DesktopState::Failed(_), _) => {
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

#[test]
fn whatever_happens_and_whenever_it_is_killed_nothing_is_lost_or_left_over() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let mut runner =
        TestRunner::new(ProptestConfig { cases: 12, max_shrink_iters: 0, ..ProptestConfig::default() });
    let stories = proptest::collection::vec(event(), 5..30);
    let told = runner.run(&stories, |events| {
        runtime.block_on(async {
            let mut story = Story { platform: platform().await, ids: Vec::new() };
            for event in &events {
                story.happen(event).await;
            }
            story.settle().await;
            assert_eq!(story.platform.control.leftovers().await.unwrap(), []);
            for id in story.ids.clone() {
                if let Ok(write) = story.platform.control.authorise(&story.platform.owner, id).await {
                    story.platform.control.delete(&write).await.unwrap();
                }
            }
            for id in story.ids.clone() {
                story.platform.wait_gone(id).await;
            }
            assert_eq!(story.platform.engine.observe().await.unwrap(), []);
            assert_eq!(story.platform.control.leftovers().await.unwrap(), []);
            story.platform.control.close().await;
        });
        Ok(())
    });
    told.unwrap();
}
