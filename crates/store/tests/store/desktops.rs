//! Desktops as their owners make, list and command them.

use std::convert::Infallible;

use rolltop_model::choices::Labels;
use rolltop_model::{
    Actor, Choices, Command, Desired, DesktopFilter, DesktopId, JobKind, Refusal, SnapshotSchedule,
    WorkspaceId,
};
use rolltop_store::{
    By, ChangeError, CreateDesktopError, Created, DesktopChange, IdempotencyKey, ListQuery, NewDesktop,
    UpdateDesktopError,
};
use sea_orm::ConnectionTrait as _;

use crate::fixture::{after, fixture, open, start};

#[tokio::test]
async fn what_was_written_is_there_after_opening_again() {
    let fixture = fixture().await;
    let desktop = fixture.create("one").await;
    fixture.store.clone().close().await.unwrap();
    let store = open(fixture.directory.path()).await;
    assert_eq!(store.desktop(desktop.id).await.unwrap(), Some(desktop));
    assert_eq!(store.first_workspace(after(9)).await.unwrap().id, fixture.workspace);
    assert_eq!(*store.watch_events().borrow(), 1);
}

#[tokio::test]
async fn a_name_is_taken_until_its_desktop_is_being_destroyed() {
    let fixture = fixture().await;
    let first = fixture.create("one").await;
    let again = fixture.store.create_desktop(fixture.new_desktop("one"), None, start()).await;
    assert!(matches!(again, Err(CreateDesktopError::NameTaken)));
    let second = fixture.create("two").await;
    let rename = async |id, name: &str, at| {
        let change = DesktopChange { name: Some(name.parse().unwrap()), ..DesktopChange::default() };
        let renamed =
            fixture.store.update_desktop(id, Actor::PLATFORM, at, |_| Ok::<_, Infallible>(change)).await;
        renamed.map(|Ok(desktop)| desktop)
    };
    let taken = rename(second.id, "one", start()).await;
    assert!(matches!(taken, Err(UpdateDesktopError::NameTaken(name)) if name.as_str() == "one"));
    fixture.store.command_desktop(first.id, Command::Destroy, By::ROLLTOP, None, start()).await.unwrap();
    let renamed = rename(second.id, "one", after(1)).await.unwrap();
    assert_eq!((renamed.name.as_str(), renamed.updated_at), ("one", after(1)));
    let renamed = rename(first.id, "three", start()).await;
    assert!(matches!(renamed, Err(UpdateDesktopError::BeingDestroyed)));
}

#[tokio::test]
async fn the_limit_counts_what_is_not_being_destroyed() {
    let fixture = fixture().await;
    let first = fixture.create("one").await;
    fixture.create("two").await;
    fixture.create("three").await;
    let fourth = fixture.store.create_desktop(fixture.new_desktop("four"), None, start()).await;
    assert!(matches!(fourth, Err(CreateDesktopError::LimitReached)));
    fixture.store.command_desktop(first.id, Command::Destroy, By::ROLLTOP, None, start()).await.unwrap();
    assert_eq!(fixture.store.desktop_count(fixture.workspace).await.unwrap(), 2);
    fixture.create("four").await;
}

#[tokio::test]
async fn many_creating_at_once_stay_within_the_limit() {
    let fixture = fixture().await;
    let tries = (0..20).map(|number| {
        let (store, new) = (fixture.store.clone(), fixture.new_desktop(&format!("desk{number}")));
        tokio::spawn(async move { store.create_desktop(new, None, start()).await.is_ok() })
    });
    let mut made = 0;
    for one in tries.collect::<Vec<_>>() {
        made += u32::from(one.await.unwrap());
    }
    assert_eq!(made, 3);
}

#[tokio::test]
async fn a_repeated_key_gives_the_same_desktop_and_another_request_is_refused() {
    let fixture = fixture().await;
    let key = |request: u8| {
        Some(IdempotencyKey { workspace: fixture.workspace, key: "k".into(), request_hash: [request; 32] })
    };
    let create = |key| fixture.store.create_desktop(fixture.new_desktop("one"), key, start());
    let Created { desktop, replayed } = create(key(1)).await.unwrap();
    assert!(!replayed);
    let again = create(key(1)).await.unwrap();
    assert!(again.replayed);
    assert_eq!(again.desktop.id, desktop.id);
    assert!(matches!(create(key(2)).await, Err(CreateDesktopError::IdempotencyMismatch)));
    assert!(matches!(create(None).await, Err(CreateDesktopError::NameTaken)));
}

#[tokio::test]
async fn commands_that_make_no_sense_are_refused_and_repeated_ones_change_nothing() {
    let fixture = fixture().await;
    let id = fixture.create("one").await.id;
    let store = &fixture.store;
    let retry = store.command_desktop(id, Command::Retry, By::ROLLTOP, None, start()).await;
    assert!(matches!(retry, Err(ChangeError::Refused(Refusal::NotFailed))));
    let stopped = store.command_desktop(id, Command::Stop, By::ROLLTOP, None, after(1)).await.unwrap();
    assert_eq!(stopped.record.desired, Desired::Stopped);
    let again = store.command_desktop(id, Command::Stop, By::ROLLTOP, None, after(2)).await.unwrap();
    assert_eq!(stopped, again);
    store.command_desktop(id, Command::Destroy, By::ROLLTOP, None, after(3)).await.unwrap();
    let start_again = store.command_desktop(id, Command::Start, By::ROLLTOP, None, after(4)).await;
    assert!(matches!(start_again, Err(ChangeError::Refused(Refusal::BeingDestroyed))));
    let unknown =
        store.command_desktop(DesktopId::generate(), Command::Stop, By::ROLLTOP, None, start()).await;
    assert!(matches!(unknown, Err(ChangeError::Gone)));
}

#[tokio::test]
async fn pages_are_newest_first_and_meet_without_gap_or_overlap() {
    let fixture = fixture().await;
    let mut ids = Vec::new();
    for number in 0..7 {
        let new = NewDesktop { limit: 100, ..fixture.new_desktop(&format!("desk-{number}")) };
        ids.push(fixture.store.create_desktop(new, None, start()).await.unwrap().desktop.id);
    }
    ids.reverse();
    let mut seen = Vec::new();
    let mut before = None;
    loop {
        let query = ListQuery { before, limit: 3, ..fixture.everything() };
        let page = fixture.store.desktops(&query).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.id);
        seen.extend(page.iter().map(|desktop| desktop.id));
    }
    assert_eq!(seen, ids);

    let found = async |query: ListQuery| fixture.store.desktops(&query).await.unwrap().len();
    let named = |text: &str| DesktopFilter { text: Some(text.to_owned()), ..DesktopFilter::default() };
    assert_eq!(found(ListQuery { filter: named("k-3"), ..fixture.everything() }).await, 1);
    assert_eq!(found(ListQuery { filter: named("%"), ..fixture.everything() }).await, 0);
    assert_eq!(found(ListQuery { filter: named("_"), ..fixture.everything() }).await, 0);
    let state = |state| DesktopFilter { state: Some(state), ..DesktopFilter::default() };
    assert_eq!(found(ListQuery { filter: state("pending"), ..fixture.everything() }).await, 7);
    assert_eq!(found(ListQuery { filter: state("running"), ..fixture.everything() }).await, 0);
    assert_eq!(found(ListQuery { workspace: WorkspaceId::generate(), ..fixture.everything() }).await, 0);
}

#[tokio::test]
async fn labels_find_what_has_all_of_them() {
    let fixture = fixture().await;
    let labels = |text: &str| -> Labels {
        let labels = DesktopFilter::labels(text).unwrap().into_iter();
        Labels::default().changed(labels.map(|(key, value)| (key, Some(value.unwrap_or_default())))).unwrap()
    };
    for (name, text) in [("one", "team=a,x.y/z=1"), ("two", "team=b"), ("three", "team=a%")] {
        let choices = Choices { labels: labels(text), ..Choices::default() };
        let new = NewDesktop { choices, ..fixture.new_desktop(name) };
        fixture.store.create_desktop(new, None, start()).await.unwrap();
    }
    let found = async |filter| -> Vec<String> {
        let found = fixture.store.desktops(&ListQuery { filter, ..fixture.everything() }).await.unwrap();
        found.iter().map(|desktop| desktop.name.to_string()).collect()
    };
    for (wanted, expected) in [
        ("team", &["three", "two", "one"][..]),
        ("team=a", &["one"]),
        ("team=a%", &["three"]),
        ("x.y/z", &["one"]),
        ("team=b,x.y/z", &[]),
        ("x", &[]),
        ("screen", &[]),
    ] {
        let labels = DesktopFilter::labels(wanted).unwrap();
        assert_eq!(found(DesktopFilter { labels, ..DesktopFilter::default() }).await, expected, "{wanted}");
    }
    for (typed, expected) in [
        ("team=", &["three", "two", "one"][..]),
        ("team=a", &["three", "one"]),
        ("team=a%", &["three"]),
        ("Team=a,x.y/z", &["one"]),
        ("team=_", &[]),
        ("team=A", &[]),
    ] {
        let typed_labels = DesktopFilter::typed_labels(typed).unwrap();
        assert_eq!(
            found(DesktopFilter { typed_labels, ..DesktopFilter::default() }).await,
            expected,
            "{typed}"
        );
    }
}

#[tokio::test]
async fn a_snapshot_schedule_that_cant_be_read_stops_no_others() {
    let fixture = fixture().await;
    let (damaged, good) = (fixture.create("damaged").await.id, fixture.create("good").await.id);
    let schedule = SnapshotSchedule::new(6, 3, 7).unwrap();
    for desktop in [damaged, good] {
        assert!(fixture.store.set_snapshot_schedule(desktop, Some(schedule), start()).await.unwrap());
    }
    let database = rolltop_store::testing::connection(fixture.directory.path()).await;
    let damage = format!("UPDATE snapshot_schedules SET every_hours = -1 WHERE desktop_id = '{damaged}'");
    assert_eq!(database.execute_unprepared(&damage).await.unwrap().rows_affected(), 1);
    assert!(fixture.store.snapshot_schedule(damaged).await.is_err());
    assert!(fixture.store.snapshot_schedule(good).await.unwrap().is_some());
    let due = fixture.store.take_jobs(&[], |kind| kind == JobKind::TakeSnapshot, start(), after(60)).await;
    let due: Vec<_> = due.unwrap().into_iter().map(|job| job.subject).collect();
    assert!(due.contains(&damaged.to_string()) && due.contains(&good.to_string()), "each by itself: {due:?}");
}
