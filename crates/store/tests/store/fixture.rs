//! A store on a real SQLite file, or on a real PostgreSQL, and a workspace in it.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use rolltop_model::{Actor, ActorId, Choices, DesktopFilter, DesktopId, Size, WorkspaceId};
use rolltop_store::{Desktop, ListQuery, NewDesktop, Store};
use rolltop_vault::Vault;

pub struct Fixture {
    pub directory: tempfile::TempDir,
    pub store: Store,
    pub workspace: WorkspaceId,
}

pub fn start() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

pub fn after(seconds: i64) -> Timestamp {
    start().checked_add(SignedDuration::from_secs(seconds)).unwrap()
}

pub async fn open(directory: &Path) -> Store {
    let vault = Vault::open_or_create(&directory.join("vault.key")).unwrap();
    Store::open(&rolltop_store::testing::location(directory).await, vault).await.unwrap()
}

pub async fn fixture() -> Fixture {
    let directory = tempfile::tempdir().unwrap();
    let store = open(directory.path()).await;
    let workspace = store.first_workspace(start()).await.unwrap().id;
    Fixture { directory, store, workspace }
}

pub fn new_desktop(workspace: WorkspaceId, name: &str) -> NewDesktop {
    NewDesktop {
        id: DesktopId::generate(),
        workspace,
        name: name.parse().unwrap(),
        template: "desk@0123456789ab".parse().unwrap(),
        engine: "sim".to_owned(),
        size: Size::S,
        disk_gib: 20,
        choices: Choices::default(),
        origin: None,
        made_by: Actor::new(ActorId::Unknown, "tests"),
        origin_name: None,
        setup: None,
        limit: 3,
        disk_limit: None,
    }
}

impl Fixture {
    pub fn new_desktop(&self, name: &str) -> NewDesktop {
        new_desktop(self.workspace, name)
    }

    pub async fn create(&self, name: &str) -> Desktop {
        self.store.create_desktop(self.new_desktop(name), None, start()).await.unwrap().desktop
    }

    pub async fn leased(&self, id: DesktopId) -> Desktop {
        self.store.take_lease(id, "me", start(), after(60)).await.unwrap().unwrap()
    }

    pub fn everything(&self) -> ListQuery {
        ListQuery {
            workspace: self.workspace,
            only: None,
            filter: DesktopFilter::default(),
            before: None,
            limit: 100,
        }
    }
}
