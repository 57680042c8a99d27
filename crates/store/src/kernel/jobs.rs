//! What is to be done later, and again until it is done: one row for each kind and subject. It is asked for in the transaction
//! that makes it necessary, so that nothing is forgotten, and taken by one at a time, who loses it where another takes it.

use std::fmt::Display;

use jiff::{SignedDuration, Timestamp};
use rolltop_boxed::boxed;
use rolltop_model::{JobKind, RequestId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{Expr, OnConflict, SelectStatement};
use sea_orm::{Condition, ConnectionTrait, QueryOrder, QuerySelect};

use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::moment::{Count, Moment};

/// What there is but one of: the subject of what concerns all of the installation.
pub const INSTALLATION: &str = "installation";
const SOON: SignedDuration = SignedDuration::from_millis(500);
const EARLIER: &str = "CASE WHEN jobs.due_at < excluded.due_at THEN jobs.due_at ELSE excluded.due_at END";
/// Looked through at once for something that there is room for.
const LOOKED_AT: u64 = 200;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "jobs")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    pub kind: JobKind,
    #[sea_orm(primary_key, auto_increment = false)]
    pub subject: String,
    pub due_at: Moment,
    /// How often it was tried in vain since it was last asked for.
    pub attempts: Count,
    /// Rises each time it is asked for.
    pub asked: i64,
    /// Another each time it is taken.
    pub lease: Option<RequestId>,
    pub leased_until: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

/// One that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub kind: JobKind,
    /// The id of what it is done with, or [`INSTALLATION`].
    pub subject: String,
    /// How often it was tried in vain since it was last asked for.
    pub attempts: u32,
    asked: i64,
    lease: RequestId,
}

/// Asks for something to be done at a time, or before, where that is asked for already.
pub(crate) async fn ask(
    write: &mut Write,
    kind: JobKind,
    subject: impl Display,
    due: Timestamp,
) -> Result<(), StoreError> {
    let row = ActiveModel {
        kind: Set(kind),
        subject: Set(subject.to_string()),
        due_at: Set(due.into()),
        attempts: Set(Count(0)),
        asked: Set(0),
        lease: Set(None),
        leased_until: Set(None),
    };
    let mut again = OnConflict::columns([Column::Kind, Column::Subject]);
    again.values([
        (Column::DueAt, Expr::cust(EARLIER)),
        (Column::Attempts, Expr::value(0)),
        (Column::Asked, Expr::cust("jobs.asked + 1")),
    ]);
    Entity::insert(row).on_conflict(again).exec_without_returning(&write.transaction).await?;
    write.asks = true;
    Ok(())
}

/// Keys were deleted. Several in a short time leave the files in one go.
pub(crate) async fn empty_log(write: &mut Write, now: Timestamp) -> Result<(), StoreError> {
    let soon = now.checked_add(SOON).unwrap_or(now);
    ask(write, JobKind::EmptyLog, INSTALLATION, soon).await
}

/// Asks for the same of each subject that a query gives.
pub(crate) async fn ask_of_each(
    write: &mut Write,
    kind: JobKind,
    subjects: SelectStatement,
    due: Timestamp,
) -> Result<(), StoreError> {
    for row in write.transaction.query_all(&subjects).await? {
        let subject: String = row.try_get_by_index(0)?;
        ask(write, kind, subject, due).await?;
    }
    Ok(())
}

/// Whether a job of a kind was not tried yet since it was asked for, of one of the subjects that a query gives.
pub(crate) async fn are_untried(
    kind: JobKind,
    subjects: SelectStatement,
    connection: &impl ConnectionTrait,
) -> Result<bool, StoreError> {
    let untried = Entity::find()
        .filter(Column::Kind.eq(kind))
        .filter(Column::Attempts.eq(0))
        .filter(Column::Subject.in_subquery(subjects));
    Ok(untried.count(connection).await? > 0)
}

#[boxed]
impl Store {
    /// Tells whenever something is asked for.
    pub fn jobs_asked(&self) -> &tokio::sync::Notify {
        &self.jobs
    }

    /// Asks for something to be done at a time, or before, where that is asked for already.
    pub async fn ask_job(
        &self,
        kind: JobKind,
        subject: impl Display,
        due: Timestamp,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        ask(&mut write, kind, subject, due).await?;
        write.commit().await
    }

    /// Takes those that are due and that there is room for, the longest due first; none of the kinds that are `full`.
    pub async fn take_jobs(
        &self,
        full: &[JobKind],
        mut has_room: impl FnMut(JobKind) -> bool,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<Job>, StoreError> {
        let due = free(full, now).filter(Column::DueAt.lte(Moment(now)));
        let due = due.order_by_asc(Column::DueAt).limit(LOOKED_AT);
        // Looked for before, so that nobody who writes waits where there is nothing.
        if due.clone().one(&self.connection).await?.is_none() {
            return Ok(Vec::new());
        }
        let write = self.write().await?;
        let mut taken = Vec::new();
        for row in due.all(&write.transaction).await? {
            if !has_room(row.kind) {
                continue;
            }
            let lease = RequestId::generate();
            let (kind, asked, attempts) = (row.kind, row.asked, *row.attempts);
            let subject = row.subject.clone();
            let change = ActiveModel {
                kind: Set(row.kind),
                subject: Set(row.subject),
                lease: Set(Some(lease)),
                leased_until: Set(Some(until.into())),
                ..Default::default()
            };
            change.update(&write.transaction).await?;
            taken.push(Job { kind, subject, attempts, asked, lease });
        }
        write.commit().await?;
        Ok(taken)
    }

    /// When the next is due that is of none of the kinds that are `full`; `None` where there is none.
    pub async fn next_job(&self, full: &[JobKind], now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let next = free(full, now).order_by_asc(Column::DueAt).one(&self.connection).await?;
        Ok(next.map(|row| *row.due_at))
    }

    /// Keeps those that were taken for longer.
    pub async fn keep_jobs(
        &self,
        jobs: impl IntoIterator<Item = &Job>,
        until: Timestamp,
    ) -> Result<(), StoreError> {
        let leases: Vec<RequestId> = jobs.into_iter().map(|job| job.lease).collect();
        let write = self.write().await?;
        let change = Entity::update_many().col_expr(Column::LeasedUntil, Expr::value(Moment(until)));
        change.filter(Column::Lease.is_in(leases)).exec(&write.transaction).await?;
        write.commit().await
    }

    /// One is over, or is to be tried again at a time after so many attempts. Where it was asked for meanwhile, it is done
    /// again in any case; where another has taken it, nothing is said.
    pub async fn end_job(&self, job: &Job, again: Option<(Timestamp, u32)>) -> Result<(), StoreError> {
        let write = self.write().await?;
        let of = Entity::find_by_id((job.kind, job.subject.clone())).filter(Column::Lease.eq(job.lease));
        let Some(row) = of.one(&write.transaction).await? else { return Ok(()) };
        let asked_again = row.asked != job.asked;
        let free = ActiveModel {
            kind: Set(row.kind),
            subject: Set(row.subject),
            lease: Set(None),
            leased_until: Set(None),
            ..Default::default()
        };
        match again {
            None if !asked_again => {
                Entity::delete_by_id((job.kind, job.subject.clone())).exec(&write.transaction).await?;
            }
            Some((due, attempts)) if !asked_again => {
                let later = ActiveModel { due_at: Set(due.into()), attempts: Set(Count(attempts)), ..free };
                later.update(&write.transaction).await?;
            }
            None | Some(_) => {
                free.update(&write.transaction).await?;
            }
        }
        write.commit().await
    }

    /// Frees all: for the start of the only process that works on this database.
    pub(crate) async fn free_jobs(&self, write: &Write) -> Result<(), StoreError> {
        let change = ActiveModel { lease: Set(None), leased_until: Set(None), ..Default::default() };
        let taken = Entity::update_many().set(change).filter(Column::Lease.is_not_null());
        taken.exec(&write.transaction).await?;
        Ok(())
    }
}

/// Those that nobody has, without some kinds.
fn free(full: &[JobKind], now: Timestamp) -> Select<Entity> {
    let free = Condition::any().add(Column::LeasedUntil.is_null()).add(Column::LeasedUntil.lte(Moment(now)));
    Entity::find().filter(free).filter(Column::Kind.is_not_in(full.iter().copied()))
}
