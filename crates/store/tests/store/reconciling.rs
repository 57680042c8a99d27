//! What the reconciler relies on: leases, guards, steps, events.

use std::time::Duration;

use rolltop_model::{
    Actor, ActorId, Command, DesktopState, FailReason, Record, Size, SnapshotId, SnapshotKind, Step,
    WorkspaceId,
};
use rolltop_store::{By, NewSnapshot, Taken, Wanted};

use crate::fixture::{after, fixture, start};

#[tokio::test]
async fn one_holder_at_a_time_and_an_old_fence_writes_nothing() {
    let fixture = fixture().await;
    let id = fixture.create("one").await.id;
    let store = &fixture.store;
    let mine = store.take_lease(id, "me", start(), after(60)).await.unwrap().unwrap();
    assert!(store.take_lease(id, "you", after(30), after(90)).await.unwrap().is_none());
    assert!(store.renew_lease(id, mine.fence, after(70)).await.unwrap());
    let yours = store.take_lease(id, "you", after(71), after(130)).await.unwrap().unwrap();
    assert!(yours.fence > mine.fence);

    let booting = mine.record.begun(Step::Fork { boot: 1 });
    assert!(!store.save_record(&mine, &booting, None, after(72)).await.unwrap());
    assert!(!store.renew_lease(id, mine.fence, after(99)).await.unwrap());
    assert!(!store.save_personalised(&mine, &booting, "ssh-ed25519 x", after(2)).await.unwrap());
    assert!(store.remove_keys(&mine, after(72)).await.unwrap().is_none());
    assert!(!store.forget_desktop(&mine, after(72)).await.unwrap());
    assert!(store.save_record(&yours, &booting, None, after(72)).await.unwrap());

    store.end_all_leases().await.unwrap();
    assert!(store.take_lease(id, "me", after(73), after(140)).await.unwrap().is_some());
}

#[tokio::test]
async fn a_finding_is_dropped_when_the_owner_has_changed_their_mind_but_a_fact_is_not() {
    let fixture = fixture().await;
    let id = fixture.create("one").await.id;
    let store = &fixture.store;
    let seen = fixture.leased(id).await;
    store.command_desktop(id, Command::Destroy, By::ROLLTOP, None, after(1)).await.unwrap();
    let failed = seen.record.done(Step::Fail(FailReason::NoMemory), after(2));
    assert!(!store.save_record(&seen, &failed, None, after(2)).await.unwrap());
    let ready = seen.record.done(Step::Personalise { boot: 1 }, after(2));
    assert!(store.save_personalised(&seen, &ready, "ssh-ed25519 x", after(2)).await.unwrap());
    let now = store.desktop(id).await.unwrap().unwrap();
    assert_eq!(now.record.state, DesktopState::Destroying);
    assert_eq!((now.record.ready_boot, now.host_key.as_deref()), (1, Some("ssh-ed25519 x")));
}

#[tokio::test]
async fn every_change_is_told_once_in_order_and_wakes_watchers() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let mut watch = store.watch_events();
    let id = fixture.create("one").await.id;
    assert!(watch.has_changed().unwrap());
    watch.mark_unchanged();
    let desktop = fixture.leased(id).await;
    assert!(!watch.has_changed().unwrap(), "a lease is nobody's business");
    let booting = desktop.record.begun(Step::Fork { boot: 1 });
    store.save_record(&desktop, &booting, None, after(1)).await.unwrap();
    store.begin_step(id, desktop.workspace, 1, "fork", after(1)).await.unwrap();
    store.begin_step(id, desktop.workspace, 1, "fork", after(2)).await.unwrap();
    store.end_step(id, desktop.workspace, 1, "fork", None, after(3)).await.unwrap();
    store.end_step(id, desktop.workspace, 1, "fork", Some("late"), after(4)).await.unwrap();

    let events = store.events_since(fixture.workspace, 0, None, 100).await.unwrap();
    let told: Vec<&str> = events.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(told, ["desktop.changed", "desktop.changed", "step", "step"]);
    assert!(events.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(events[1].data["state"], "booting");
    assert_eq!(events[3].data["name"], "fork");
    assert_eq!(*watch.borrow(), events[3].seq);
    assert_eq!(
        store.events_since(fixture.workspace, events[2].seq, Some(id.into()), 100).await.unwrap(),
        events[3..]
    );
    assert!(store.events_since(WorkspaceId::generate(), 0, None, 100).await.unwrap().is_empty());

    let steps = store.steps(id, 1).await.unwrap();
    assert_eq!(steps.len(), 1);
    assert_eq!((steps[0].started_at, steps[0].ended_at), (after(1).into(), Some(after(3).into())));
    assert_eq!(steps[0].error, None);
}

#[tokio::test]
async fn of_two_steps_of_a_millisecond_the_one_that_ended_is_the_first() {
    let fixture = fixture().await;
    let id = fixture.create("one").await.id;
    let (store, workspace) = (&fixture.store, fixture.workspace);
    store.begin_step(id, workspace, 1, "resume", after(1)).await.unwrap();
    store.end_step(id, workspace, 1, "resume", None, after(1)).await.unwrap();
    store.begin_step(id, workspace, 1, "door", after(1)).await.unwrap();
    for steps in [store.steps(id, 1).await.unwrap(), store.steps_of(&[id]).await.unwrap()] {
        assert_eq!(steps.iter().map(|step| step.name.as_str()).collect::<Vec<_>>(), ["resume", "door"]);
    }
}

#[tokio::test]
async fn failing_ends_the_steps_under_way() {
    let fixture = fixture().await;
    let id = fixture.create("one").await.id;
    let desktop = fixture.leased(id).await;
    fixture.store.begin_step(id, desktop.workspace, 1, "door", after(1)).await.unwrap();
    let failed = desktop.record.done(Step::Fail(FailReason::DoorTimeout), after(9));
    fixture.store.save_record(&desktop, &failed, Some("the console's end"), after(9)).await.unwrap();
    let step = fixture.store.steps(id, 1).await.unwrap().remove(0);
    assert_eq!(step.ended_at, Some(after(9).into()));
    assert_eq!(step.error.as_deref(), Some(FailReason::DoorTimeout.sentence()));
    let desktop = fixture.store.desktop(id).await.unwrap().unwrap();
    assert_eq!(desktop.detail.as_deref(), Some("the console's end"));
    let retried =
        fixture.store.command_desktop(id, Command::Retry, By::ROLLTOP, None, after(10)).await.unwrap();
    assert_eq!((retried.detail, retried.record.state), (None, DesktopState::Pending));
}

#[tokio::test]
async fn a_writer_that_is_dropped_half_way_holds_nobody_up() {
    let fixture = fixture().await;
    for round in 0..20u64 {
        let store = fixture.store.clone();
        let new = fixture.new_desktop(&format!("cut-{round}"));
        let cut =
            tokio::time::timeout(Duration::from_micros(50 * round), store.create_desktop(new, None, start()));
        let _ = cut.await;
    }
    let left = fixture.store.desktop_count(fixture.workspace).await.unwrap();
    assert!(left <= 3);
    tokio::time::timeout(Duration::from_secs(5), fixture.store.forget_deleted()).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_is_kept_for_a_way_back_is_seen_only_by_who_knows_of_that() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let id = fixture.create("one").await.id;
    let desktop = fixture.leased(id).await;
    store.layer_for(id, Size::S, None, start()).await.unwrap();
    let new = |name: &str, kind| NewSnapshot {
        desktop: id,
        name: name.to_owned(),
        kind,
        made_by: Actor::new(ActorId::Unknown, "tests"),
        limit: 10,
        memory_bytes: 0,
        disk_limit: None,
    };
    let early = store.insert_snapshot(new("early", SnapshotKind::Manual), None, start()).await.unwrap();
    assert_eq!(to_take(store.wanted_snapshot(&desktop).await.unwrap()), Some(early.id));
    store.next_layer(&early, start()).await.unwrap();
    let taken = Taken {
        at: after(1),
        size: Size::S,
        disk_gib: 20,
        has_memory: false,
        memory_bytes: 0,
        disk_bytes: 0,
        pause_ms: 0,
    };
    assert!(store.finish_snapshot(&desktop, early.id, taken, after(1)).await.unwrap());

    // A worker has read the row, and then it is asked for.
    let read = store.desktop(id).await.unwrap().unwrap();
    let asked = store.ask_restore(early.id, new("before", SnapshotKind::Undo), after(2)).await.unwrap();
    let for_who_read_before = store.wanted_snapshot(&read).await.unwrap();
    assert!(matches!(for_who_read_before, Wanted::Changed), "{for_who_read_before:?}");
    let undo = to_take(store.wanted_snapshot(&asked).await.unwrap()).unwrap();
    assert_eq!(asked.restore, Some((early.id, undo)));
}

#[tokio::test]
async fn what_is_kept_before_a_restart_is_seen_only_by_who_knows_of_the_restart() {
    let fixture = fixture().await;
    let store = &fixture.store;
    let id = fixture.create("one").await.id;
    let mut desktop = fixture.leased(id).await;
    // It has failed with a memory that was being brought back. A worker that is about to rest has read that.
    let failed = Record {
        state: DesktopState::Failed(FailReason::ResumeFailed),
        resumed_boot: 2,
        ready_boot: 1,
        ..desktop.record.clone()
    };
    assert!(store.save_record(&desktop, &failed, None, after(1)).await.unwrap());
    desktop = store.desktop(id).await.unwrap().unwrap();
    let undo = NewSnapshot {
        desktop: id,
        name: "Before restarting".to_owned(),
        kind: SnapshotKind::Undo,
        made_by: Actor::new(ActorId::Unknown, "tests"),
        limit: 10,
        memory_bytes: 0,
        disk_limit: None,
    };
    let by = By::somebody(Actor::new(ActorId::Unknown, "tests"));
    let told = store.command_desktop(id, Command::Restart, by, Some(undo), after(2)).await.unwrap();
    let for_who_read_before = store.wanted_snapshot(&desktop).await.unwrap();
    assert!(matches!(for_who_read_before, Wanted::Changed), "{for_who_read_before:?}");
    assert!(to_take(store.wanted_snapshot(&told).await.unwrap()).is_some());
}

fn to_take(wanted: Wanted) -> Option<SnapshotId> {
    match wanted {
        Wanted::Snapshot(snapshot) => Some(snapshot.id),
        Wanted::Nothing | Wanted::Changed => None,
    }
}
