//! What became of each desktop, when, by whom, and how long it took. Outlives the desktop, as events do.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{Actor, DesktopId, WorkspaceId};
use sea_orm::ActiveValue::{NotSet, Set};
use sea_orm::entity::prelude::*;
use sea_orm::{QueryOrder, QuerySelect};

use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::moment::Moment;

/// What can become of a desktop.
pub mod happening {
    pub const CREATED: &str = "created";
    pub const FORKED: &str = "forked";
    pub const STARTED: &str = "started";
    pub const RESUMED: &str = "resumed";
    pub const STOPPED: &str = "stopped";
    pub const SUSPENDED: &str = "suspended";
    pub const RESTARTED: &str = "restarted";
    pub const RETRIED: &str = "retried";
    pub const DELETED: &str = "deleted";
    pub const RENAMED: &str = "renamed";
    pub const RESIZED: &str = "resized";
    /// Its screen keeps a size from now on.
    pub const SCREEN_FIXED: &str = "screen_fixed";
    /// Its screen follows whoever drives again.
    pub const SCREEN_FREED: &str = "screen_freed";
    pub const SET_UP: &str = "set_up";
    pub const SNAPSHOT: &str = "snapshot_taken";
    pub const RESTORED: &str = "restored";
    /// Its machine ended by itself and is started again.
    pub const DIED: &str = "died";
    /// It was restarted from inside.
    pub const REBOOTED: &str = "rebooted";
    /// It was shut down from inside.
    pub const SHUT_DOWN: &str = "shut_down";
    /// It ran when the host went down, and is off.
    pub const HOST_RESTARTED: &str = "host_restarted";
    /// It stands still for want of room on the disk.
    pub const HELD: &str = "held";
    /// There is room, and it goes on.
    pub const WENT_ON: &str = "went_on";
    pub const FAILED: &str = "failed";
    /// It runs and does not answer; the detail says why.
    pub const NOT_ANSWERING: &str = "not_answering";
    /// It does again; it had not for as long as this took.
    pub const ANSWERS_AGAIN: &str = "answers_again";
    /// What ran in it was ended.
    pub const PROCESSES_ENDED: &str = "processes_ended";

    /// Those that somebody may want to undo.
    pub(super) const UNDONE: [&str; 4] = [STOPPED, RESTARTED, DELETED, RESTORED];
}

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "history")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    pub kind: String,
    pub actor: Actor,
    pub detail: Option<String>,
    pub began_at: Moment,
    pub ended_at: Option<Moment>,
    pub error: Option<String>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

pub use Model as HistoryEntry;

/// Who does something, and what for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct By<'a> {
    pub actor: Actor,
    /// A name, or a reason; what it is follows from what happens.
    pub detail: Option<&'a str>,
}

impl By<'static> {
    /// Nobody asked.
    pub const ROLLTOP: Self = Self { actor: Actor::PLATFORM, detail: None };
}

impl<'a> By<'a> {
    pub fn somebody(actor: Actor) -> Self {
        Self { actor, detail: None }
    }

    pub fn because(self, detail: &'a str) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

/// Why what was asked for was not done.
pub(crate) const OVERTAKEN: &str = "Something else was asked for meanwhile.";

/// What happens to whom: workspace, desktop.
pub(crate) type Whom = (WorkspaceId, DesktopId);

/// Notes what has begun and will be ended by [`end`]. What was under way was overtaken by it.
pub(crate) async fn begin(
    write: &Write,
    whom: Whom,
    kind: &str,
    by: By<'_>,
    now: Timestamp,
) -> Result<(), StoreError> {
    end(write, whom.1, Some(OVERTAKEN), now).await?;
    insert(write, whom, kind, by, (now, None), None).await
}

/// Notes what is over.
pub(crate) async fn note(
    write: &Write,
    whom: Whom,
    kind: &str,
    by: By<'_>,
    (began_at, ended_at): (Timestamp, Timestamp),
    error: Option<&str>,
) -> Result<(), StoreError> {
    insert(write, whom, kind, by, (began_at, Some(ended_at)), error).await
}

async fn insert(
    write: &Write,
    (workspace, desktop): Whom,
    kind: &str,
    by: By<'_>,
    (began_at, ended_at): (Timestamp, Option<Timestamp>),
    error: Option<&str>,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        seq: NotSet,
        workspace: Set(workspace),
        desktop: Set(desktop),
        kind: Set(kind.to_owned()),
        actor: Set(by.actor),
        detail: Set(by.detail.map(str::to_owned)),
        began_at: Set(began_at.into()),
        ended_at: Set(ended_at.map(Moment)),
        error: Set(error.map(str::to_owned)),
    };
    Entity::insert(row).exec(&write.transaction).await?;
    Ok(())
}

/// Ends what is under way; whether there was anything.
pub(crate) async fn end(
    write: &Write,
    desktop: DesktopId,
    error: Option<&str>,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let change = ActiveModel {
        ended_at: Set(Some(now.into())),
        error: Set(error.map(str::to_owned)),
        ..Default::default()
    };
    let ended = Entity::update_many()
        .set(change)
        .filter(Column::Desktop.eq(desktop))
        .filter(Column::EndedAt.is_null())
        .exec(&write.transaction)
        .await?;
    Ok(ended.rows_affected > 0)
}

#[boxed]
impl Store {
    /// A desktop's, newest first.
    pub async fn history(&self, desktop: DesktopId, limit: u64) -> Result<Vec<HistoryEntry>, StoreError> {
        Ok(Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .order_by_desc(Column::Seq)
            .limit(limit)
            .all(&self.connection)
            .await?)
    }

    /// When it was last asked for something that is undone by an undo.
    pub async fn last_to_undo(&self, desktop: DesktopId) -> Result<Option<Timestamp>, StoreError> {
        let latest = Entity::find()
            .filter(Column::Desktop.eq(desktop))
            .filter(Column::Kind.is_in(happening::UNDONE))
            .order_by_desc(Column::Seq);
        let row = latest.one(&self.connection).await?;
        Ok(row.map(|row| *row.began_at))
    }

    pub async fn delete_history_before(&self, at: Timestamp) -> Result<(), StoreError> {
        let write = self.write().await?;
        Entity::delete_many().filter(Column::BeganAt.lt(Moment(at))).exec(&write.transaction).await?;
        write.commit().await
    }
}
