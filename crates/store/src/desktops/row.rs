//! The row, and what it is outside this crate.

use jiff::Timestamp;
use rolltop_model::{
    Choices, Desired, DesktopId, DesktopName, DesktopState, EventData, FailReason, LayerId, Record, Size,
    SnapshotId, TemplateVersion, WorkspaceId,
};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::ExprTrait as _;

use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::moment::{Amount, Count, Moment};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "desktops")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: DesktopId,
    #[sea_orm(column_name = "workspace_id")]
    pub workspace: WorkspaceId,
    pub name: DesktopName,
    pub template: TemplateVersion,
    /// The engine that has its machine; none until one was there.
    pub engine: Option<String>,
    pub size: Size,
    pub disk_gib: Amount,
    pub desired: Desired,
    pub state: String,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub boot: Count,
    pub ready_boot: Count,
    pub ready_at: Option<Moment>,
    pub screen_boot: Count,
    pub resumed_boot: Count,
    pub restart: bool,
    pub autostart: bool,
    pub choices: Choices,
    pub last_used_at: Option<Moment>,
    pub attempts: Count,
    pub last_failure: Option<FailReason>,
    pub retry_at: Option<Moment>,
    pub planned_at: Moment,
    pub receipt: bool,
    pub keys_removed_at: Option<Moment>,
    pub door_key: Option<Vec<u8>>,
    pub door_public_key: Option<String>,
    pub host_key: Option<String>,
    /// Digest of people's keys that were last installed in it.
    pub authorized_digest: Option<String>,
    /// The snapshot it was forked from.
    #[sea_orm(column_name = "origin_id")]
    pub origin: Option<SnapshotId>,
    /// The snapshot it is to be put back to, what is kept of it before that, and the layer it then writes to.
    #[sea_orm(column_name = "restore_id")]
    pub restore: Option<SnapshotId>,
    #[sea_orm(column_name = "restore_undo_id")]
    pub restore_undo: Option<SnapshotId>,
    #[sea_orm(column_name = "restore_layer_id")]
    pub restore_layer: Option<LayerId>,
    pub revision: i64,
    pub fence: Amount,
    pub lease_holder: Option<String>,
    pub lease_until: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
    /// What it takes of the host's disk beside its layers, as the engine last said.
    pub kept_bytes: Amount,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// A desktop as the rest of the control plane sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Desktop {
    pub id: DesktopId,
    pub workspace: WorkspaceId,
    pub name: DesktopName,
    pub template: TemplateVersion,
    /// The engine that has its machine.
    pub engine: Option<String>,
    /// Its processors and memory, from its next boot on.
    pub size: Size,
    pub disk_gib: u64,
    pub choices: Choices,
    /// When somebody last came to use it.
    pub last_used_at: Option<Timestamp>,
    /// The snapshot it was forked from.
    pub origin: Option<SnapshotId>,
    /// The snapshot it is to be put back to, and that of what it is before: one is written with the other.
    pub restore: Option<(SnapshotId, SnapshotId)>,
    pub record: Record,
    /// More about a failure: the console's end, what the host said.
    pub detail: Option<String>,
    /// The sshd host key pinned at personalising, one OpenSSH public line.
    pub host_key: Option<String>,
    pub fence: u64,
    pub revision: i64,
    pub created_at: Timestamp,
    /// When state, wish or name last changed.
    pub updated_at: Timestamp,
}

impl TryFrom<Model> for Desktop {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let record = record(&row)?;
        Ok(Self {
            id: row.id,
            workspace: row.workspace,
            name: row.name,
            template: row.template,
            engine: row.engine,
            size: row.size,
            disk_gib: *row.disk_gib,
            last_used_at: row.last_used_at.map(Timestamp::from),
            choices: row.choices,
            origin: row.origin,
            restore: row.restore.zip(row.restore_undo),
            record,
            detail: row.detail,
            host_key: row.host_key,
            fence: *row.fence,
            revision: row.revision,
            created_at: *row.created_at,
            updated_at: *row.updated_at,
        })
    }
}

/// Of a desktop that is not being destroyed. The word stands in the statement itself: SQLite takes the index of names, which
/// is of these alone, only where it can read that they are meant.
pub(crate) fn alive() -> Expr {
    Column::Desired.into_expr().ne(Expr::Constant(Desired::Destroyed.into()))
}

pub(crate) fn record(row: &Model) -> Result<Record, StoreError> {
    Ok(Record {
        desired: row.desired,
        state: DesktopState::from_parts(&row.state, row.reason.as_deref()).map_err(unreadable("desktops"))?,
        boot: *row.boot,
        ready_boot: *row.ready_boot,
        ready_at: row.ready_at.map(Timestamp::from),
        screen_boot: *row.screen_boot,
        resumed_boot: *row.resumed_boot,
        restart: row.restart,
        autostart: row.autostart,
        attempts: *row.attempts,
        last_failure: row.last_failure,
        retry_at: row.retry_at.map(Timestamp::from),
        planned_at: *row.planned_at,
        receipt: row.receipt,
    })
}

/// The columns a record is kept in; all others are left as they are.
pub(super) fn columns(record: &Record) -> ActiveModel {
    ActiveModel {
        desired: Set(record.desired),
        state: Set(record.state.name().to_owned()),
        reason: Set(record.state.reason_code().map(str::to_owned)),
        boot: Set(Count(record.boot)),
        ready_boot: Set(Count(record.ready_boot)),
        ready_at: Set(record.ready_at.map(Moment)),
        screen_boot: Set(Count(record.screen_boot)),
        resumed_boot: Set(Count(record.resumed_boot)),
        restart: Set(record.restart),
        attempts: Set(Count(record.attempts)),
        last_failure: Set(record.last_failure),
        retry_at: Set(record.retry_at.map(Moment)),
        planned_at: Set(record.planned_at.into()),
        receipt: Set(record.receipt),
        ..Default::default()
    }
}

/// What an event says of a desktop.
pub(crate) fn event_data<'a>(name: &'a DesktopName, record: &Record) -> EventData<'a> {
    EventData::DesktopChanged {
        name,
        state: record.state.name(),
        desired: record.desired,
        reason: record.state.reason_code(),
    }
}
