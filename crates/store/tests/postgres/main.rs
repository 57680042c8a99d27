//! What only PostgreSQL has: moving there, and hearing of what other processes write. Needs `scripts/with-postgres`.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

#[path = "../store/fixture.rs"]
#[allow(dead_code, reason = "the other tests use all of it")]
mod fixture;

use std::path::Path;

use rolltop_model::{Command, Size};
use rolltop_store::{By, Location, MoveError, Postgres, Store, copy_to_postgres, testing};
use rolltop_vault::Vault;
use sea_orm::ConnectionTrait as _;
use secrecy::ExposeSecret as _;

use crate::fixture::{after, fixture, new_desktop, start};

async fn sqlite(directory: &Path) -> Store {
    let vault = Vault::open_or_create(&directory.join("vault.key")).unwrap();
    Store::open(&Location::Sqlite(directory.join("rolltop.db")), vault).await.unwrap()
}

/// A new database.
async fn empty(directory: &Path) -> Postgres {
    testing::postgres(&directory.join("target")).await.expect("scripts/with-postgres runs these tests")
}

#[tokio::test]
async fn everything_is_in_postgres_afterwards_and_numbers_go_on() {
    let directory = tempfile::tempdir().unwrap();
    let target = empty(directory.path()).await;
    let store = sqlite(directory.path()).await;
    let workspace = store.first_workspace(start()).await.unwrap().id;
    let kept = store.create_desktop(new_desktop(workspace, "kept"), None, start()).await.unwrap().desktop.id;
    let layer = store.layer_for(kept, Size::S, None, start()).await.unwrap();
    // More rows than are taken at a time, and the last events are gone.
    for number in 0..1200 {
        store.begin_step(kept, workspace, number, "fork", after(number.into())).await.unwrap();
    }
    store.command_desktop(kept, Command::Stop, By::ROLLTOP, None, after(5000)).await.unwrap();
    let last = *store.watch_events().borrow();
    store.delete_events_before(after(9000)).await.unwrap();
    store.close().await.unwrap();

    let copied = copy_to_postgres(&directory.path().join("rolltop.db"), &target).await.unwrap();
    let of = |table: &str| copied.iter().find(|(name, _)| name == table).unwrap().1;
    assert_eq!((of("desktops"), of("steps"), of("layers"), of("events")), (1, 1200, 1, 0));

    let vault = Vault::open_or_create(&directory.path().join("vault.key")).unwrap();
    let moved = Store::open(&Location::Postgres(target.clone()), vault).await.unwrap();
    let desktop = moved.desktop(kept).await.unwrap().unwrap();
    assert_eq!(desktop.name.as_str(), "kept");
    let there = moved.layer_of(kept).await.unwrap().unwrap();
    assert_eq!((there.id, there.key.expose_secret()), (layer.id, layer.key.expose_secret()));
    assert_eq!(moved.steps(kept, 0).await.unwrap().len(), 1200);
    moved.command_desktop(kept, Command::Start, By::ROLLTOP, None, after(9001)).await.unwrap();
    let event = moved.events_since(workspace, 0, None, 10).await.unwrap().pop().unwrap();
    assert!(event.seq > last, "{} after {last}: who had read up to there would miss it", event.seq);

    let again = copy_to_postgres(&directory.path().join("rolltop.db"), &target).await;
    assert!(matches!(again, Err(MoveError::NotEmpty(_))), "{again:?}");
}

#[tokio::test]
async fn what_cant_be_copied_leaves_the_target_empty_and_the_file_as_it_is() {
    let directory = tempfile::tempdir().unwrap();
    let target = empty(directory.path()).await;
    let missing = copy_to_postgres(&directory.path().join("rolltop.db"), &target).await;
    assert!(matches!(missing, Err(MoveError::Missing(_))), "{missing:?}");
    assert!(!directory.path().join("rolltop.db").exists());

    let store = sqlite(directory.path()).await;
    store.first_workspace(start()).await.unwrap();
    let file = format!("sqlite://{}", directory.path().join("rolltop.db").display());
    let connection = sea_orm::Database::connect(&file).await.unwrap();
    // SQLite takes it, PostgreSQL does not.
    connection.execute_unprepared("UPDATE workspaces SET name = 'a' || char(0) || 'b'").await.unwrap();
    let refused = copy_to_postgres(&directory.path().join("rolltop.db"), &target).await;
    assert!(matches!(&refused, Err(MoveError::Table { table, .. }) if table == "workspaces"), "{refused:?}");

    connection.execute_unprepared("UPDATE workspaces SET name = 'a'").await.unwrap();
    copy_to_postgres(&directory.path().join("rolltop.db"), &target).await.expect("the target was left empty");
}

#[tokio::test]
async fn an_event_that_another_process_writes_is_heard() {
    let fixture = fixture().await;
    assert!(
        testing::postgres(fixture.directory.path()).await.is_some(),
        "scripts/with-postgres runs these tests"
    );
    let other = fixture::open(fixture.directory.path()).await;
    let mut events = other.watch_events();
    fixture.create("one").await;
    let changed = tokio::time::timeout(std::time::Duration::from_secs(10), events.changed());
    changed.await.expect("it is told of it").unwrap();
    assert_eq!(*events.borrow(), *fixture.store.watch_events().borrow());
}
