//! A database that commit a8360b7 wrote, before the code was reshaped: everything in it is there, and its secrets open. It was
//! made by running that commit with its simulated engine, and using what it had over the API.

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use rolltop_model::{CopyState, DesktopFilter, DesktopId, SnapshotState};
use rolltop_store::{ListQuery, Location, Store, copy_to_postgres, testing};
use rolltop_vault::Vault;
use sea_orm::{ConnectionTrait as _, Statement};

use crate::fixture::start;

/// Rows that its tables had.
const ROWS: [(&str, i64); 26] = [
    ("access_log", 24),
    ("api_keys", 2),
    ("copies", 1),
    ("desktops", 6),
    ("device_logins", 1),
    ("events", 113),
    ("history", 17),
    ("holds", 1),
    ("idempotency_keys", 1),
    ("imported_templates", 1),
    ("layers", 12),
    ("receipts", 2),
    ("saved_templates", 1),
    ("sessions", 1),
    ("setups", 1),
    ("shares", 1),
    ("sign_in_links", 1),
    ("sleep_policies", 1),
    ("snapshot_pictures", 4),
    ("snapshot_schedules", 1),
    ("snapshots", 5),
    ("ssh_keys", 1),
    ("steps", 24),
    ("usage_points", 4),
    ("users", 1),
    ("workspaces", 1),
];

/// The file, copied and opened; moved to PostgreSQL first where the tests run on that.
async fn opened(directory: &Path) -> Store {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::copy(fixtures.join("a8360b7.db"), directory.join("rolltop.db")).unwrap();
    std::fs::copy(fixtures.join("a8360b7.key"), directory.join("vault.key")).unwrap();
    // Version control keeps no modes, and a key that others may read is refused.
    std::fs::set_permissions(directory.join("vault.key"), Permissions::from_mode(0o600)).unwrap();
    let location = testing::location(directory).await;
    if let Location::Postgres(database) = &location {
        copy_to_postgres(&directory.join("rolltop.db"), database).await.unwrap();
    }
    Store::open(&location, Vault::open_or_create(&directory.join("vault.key")).unwrap()).await.unwrap()
}

#[tokio::test]
async fn what_was_written_before_opens_with_everything_in_it() {
    let directory = tempfile::tempdir().unwrap();
    let store = opened(directory.path()).await;
    let connection = testing::connection(directory.path()).await;
    for (table, before) in ROWS {
        let sql = format!("SELECT COUNT(*) FROM {table}");
        let query = Statement::from_string(connection.get_database_backend(), sql);
        let count: i64 = connection.query_one_raw(query).await.unwrap().unwrap().try_get_by_index(0).unwrap();
        assert_eq!(count, before, "{table}");
    }

    let workspace = store.first_workspace(start()).await.unwrap().id;
    let owner = store.user_by_name("owner").await.unwrap().unwrap();
    assert_eq!(owner.workspace, workspace);
    assert!(owner.password_hash.unwrap().starts_with("$argon2id$"));
    let all = ListQuery { workspace, only: None, filter: DesktopFilter::default(), before: None, limit: 100 };
    let desktops = store.desktops(&all).await.unwrap();
    let states: BTreeMap<&str, &str> =
        desktops.iter().map(|desktop| (desktop.name.as_str(), desktop.record.state.name())).collect();
    let expected = [
        ("builder", "running"),
        ("busy", "running"),
        ("fork", "running"),
        ("research", "running"),
        ("resting", "stopped"),
        ("sleeper", "suspended"),
    ];
    assert_eq!(states, BTreeMap::from(expected));
    let id = |name: &str| -> DesktopId {
        desktops.iter().find(|desktop| desktop.name.as_str() == name).expect("a desktop").id
    };
    let research = desktops.iter().find(|desktop| desktop.name.as_str() == "research").unwrap();
    assert!(research.record.autostart);
    assert_eq!(research.choices.screen.unwrap().to_string(), "1280x800");

    // What is sealed opens with the vault's key.
    for desktop in &desktops {
        assert!(store.layer_of(desktop.id).await.unwrap().is_some(), "{}", desktop.name);
        let identity = store.identity(desktop.id).await.unwrap().unwrap();
        assert!(identity.host_key.is_some(), "{}", desktop.name);
    }
    let setup = store.setup(id("builder")).await.unwrap().unwrap();
    assert_eq!(setup.setup.script.as_deref(), Some("#!/bin/sh\necho hello\n"));

    let snapshots = store.snapshots_in(SnapshotState::Ready).await.unwrap();
    let names: Vec<&str> = snapshots.iter().map(|snapshot| snapshot.name.as_str()).collect();
    let expected =
        ["before the upgrade", "second", "Before stopping", "Before deleting", "Import of research"];
    assert_eq!(names, expected);
    let of_research = snapshots.iter().find(|snapshot| snapshot.desktop == research.id).unwrap();
    assert_eq!(of_research.choices, research.choices, "as the desktop's was when each had its own");
    for snapshot in &snapshots {
        assert!(store.snapshot_identity(snapshot.id).await.unwrap().is_some(), "{}", snapshot.name);
        assert!(!store.disk_from(snapshot.layer.unwrap()).await.unwrap().is_empty(), "{}", snapshot.name);
        assert_eq!(store.snapshot_picture(snapshot.id).await.unwrap().is_some(), snapshot.has_picture);
    }
    let policy = store.sleep_policy(id("sleeper")).await.unwrap();
    assert_eq!((policy.after.unwrap().get(), policy.schedule.is_some()), (90, true));
    let scheduled = store.snapshot_schedule(id("research")).await.unwrap().unwrap();
    assert_eq!((scheduled.desktop, scheduled.schedule.every_hours()), (id("research"), 6));
    assert_eq!(
        store.holds(id("research"), start()).await.unwrap().pop().unwrap().reason.as_deref(),
        Some("a long run")
    );
    assert_eq!(store.shares(id("research"), start()).await.unwrap().pop().unwrap().port(), 3000);
    let copy = store.copies(workspace).await.unwrap().pop().unwrap();
    assert_eq!((copy.name.as_str(), copy.state), ("second", CopyState::Done));
    let saved = store.saved_templates().await.unwrap().pop().unwrap();
    assert_eq!(saved.title, "Tools");
    assert_eq!(store.ssh_keys(workspace).await.unwrap().pop().unwrap().name, "sam@laptop");
    let keys = store.api_keys(workspace, None).await.unwrap();
    assert_eq!(*keys[1].scopes, ["desktops:read", "files:read"]);
    assert_eq!(store.usage(id("busy"), start()).await.unwrap().len(), 1);
    assert_eq!(store.history(id("research"), 10).await.unwrap().len(), 3);
    assert!(!store.access_log(id("research"), 100).await.unwrap().is_empty());
    assert_eq!(store.events_since(workspace, 0, None, 1000).await.unwrap().len(), 113);
}
