//! The row, and what it is outside this crate.

use jiff::Timestamp;
use rolltop_model::{
    DesktopId, DesktopName, DesktopState, FailReason, Record, ScreenSize, Size, SnapshotId, TemplateVersion,
    WorkspaceId,
};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use serde_json::{Value, json};

use crate::error::{StoreError, unreadable};
use crate::moment::{from_ms, some_from_ms, to_ms};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "desktops")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub id: String,
    pub workspace_id: String,
    pub name: String,
    pub template: String,
    pub size: String,
    pub disk_gib: i64,
    pub desired: String,
    pub state: String,
    pub reason: Option<String>,
    pub detail: Option<String>,
    pub boot: i64,
    pub ready_boot: i64,
    pub ready_at: Option<i64>,
    pub screen_boot: i64,
    pub resumed_boot: i64,
    pub restart: bool,
    pub autostart: bool,
    pub screen: Option<String>,
    pub last_used_at: Option<i64>,
    pub attempts: i64,
    pub last_failure: Option<String>,
    pub retry_at: Option<i64>,
    pub planned_at: i64,
    pub receipt: bool,
    pub keys_removed_at: Option<i64>,
    pub door_key: Option<Vec<u8>>,
    pub door_public_key: Option<String>,
    pub host_key: Option<String>,
    /// Digest of people's keys that were last installed in it.
    pub authorized_digest: Option<String>,
    /// The snapshot it was forked from.
    pub origin_id: Option<String>,
    /// The snapshot it is to be put back to, what is kept of it before that, and the layer it then writes to.
    pub restore_id: Option<String>,
    pub restore_undo_id: Option<String>,
    pub restore_layer_id: Option<String>,
    pub revision: i64,
    pub fence: i64,
    pub lease_holder: Option<String>,
    pub lease_until: Option<i64>,
    pub created_at: i64,
    pub updated_at: i64,
    /// What it takes of the host's disk beside its layers, as the engine last said.
    pub kept_bytes: i64,
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
    /// Its processors and memory, from its next boot on.
    pub size: Size,
    pub disk_gib: u64,
    /// The size that its screen keeps; without one it follows whoever looks at it.
    pub screen: Option<ScreenSize>,
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

const TABLE: &str = "desktops";

impl TryFrom<Model> for Desktop {
    type Error = StoreError;

    fn try_from(row: Model) -> Result<Self, StoreError> {
        let record = record(&row)?;
        let snapshot = |id: &Option<String>| id.as_deref().map(str::parse::<SnapshotId>).transpose();
        let snapshot = |id: &Option<String>| snapshot(id).map_err(unreadable(TABLE));
        Ok(Self {
            id: row.id.parse().map_err(unreadable(TABLE))?,
            workspace: row.workspace_id.parse().map_err(unreadable(TABLE))?,
            name: row.name.parse().map_err(unreadable(TABLE))?,
            template: row.template.parse().map_err(unreadable(TABLE))?,
            size: row.size.parse().map_err(unreadable(TABLE))?,
            disk_gib: u64::try_from(row.disk_gib).map_err(unreadable(TABLE))?,
            last_used_at: some_from_ms(row.last_used_at, TABLE)?,
            screen: row.screen.as_deref().map(str::parse).transpose().map_err(unreadable(TABLE))?,
            origin: snapshot(&row.origin_id)?,
            restore: snapshot(&row.restore_id)?.zip(snapshot(&row.restore_undo_id)?),
            record,
            detail: row.detail,
            host_key: row.host_key,
            fence: u64::try_from(row.fence).map_err(unreadable(TABLE))?,
            revision: row.revision,
            created_at: from_ms(row.created_at, TABLE)?,
            updated_at: from_ms(row.updated_at, TABLE)?,
        })
    }
}

pub(crate) fn record(row: &Model) -> Result<Record, StoreError> {
    let number = |value: i64| u32::try_from(value).map_err(unreadable(TABLE));
    let last_failure = row.last_failure.as_deref().map(reason).transpose()?;
    Ok(Record {
        desired: row.desired.parse().map_err(unreadable(TABLE))?,
        state: DesktopState::from_parts(&row.state, row.reason.as_deref()).map_err(unreadable(TABLE))?,
        boot: number(row.boot)?,
        ready_boot: number(row.ready_boot)?,
        ready_at: some_from_ms(row.ready_at, TABLE)?,
        screen_boot: number(row.screen_boot)?,
        resumed_boot: number(row.resumed_boot)?,
        restart: row.restart,
        autostart: row.autostart,
        attempts: number(row.attempts)?,
        last_failure,
        retry_at: some_from_ms(row.retry_at, TABLE)?,
        planned_at: from_ms(row.planned_at, TABLE)?,
        receipt: row.receipt,
    })
}

fn reason(code: &str) -> Result<FailReason, StoreError> {
    code.parse().map_err(|_| unreadable(TABLE)(code))
}

/// The columns a record is kept in; all others are left as they are.
pub(super) fn columns(record: &Record) -> ActiveModel {
    ActiveModel {
        desired: Set(record.desired.as_str().to_owned()),
        state: Set(record.state.name().to_owned()),
        reason: Set(record.state.reason_code().map(str::to_owned)),
        boot: Set(i64::from(record.boot)),
        ready_boot: Set(i64::from(record.ready_boot)),
        ready_at: Set(record.ready_at.map(to_ms)),
        screen_boot: Set(i64::from(record.screen_boot)),
        resumed_boot: Set(i64::from(record.resumed_boot)),
        restart: Set(record.restart),
        attempts: Set(i64::from(record.attempts)),
        last_failure: Set(record.last_failure.map(|reason| reason.as_str().to_owned())),
        retry_at: Set(record.retry_at.map(to_ms)),
        planned_at: Set(to_ms(record.planned_at)),
        receipt: Set(record.receipt),
        ..Default::default()
    }
}

/// What an event says of a desktop.
pub(crate) fn event_data(name: &str, record: &Record) -> Value {
    json!({
        "name": name,
        "state": record.state.name(),
        "desired": record.desired.as_str(),
        "reason": record.state.reason_code(),
    })
}
