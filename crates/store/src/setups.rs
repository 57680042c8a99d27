//! What each desktop is prepared with, and how far that has come. Script and log are sealed.

use std::fmt;

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{Actor, DesktopId, JobKind, RequestId, Setup, SetupState};
use rolltop_vault::Cell;
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::sea_query::{OnConflict, SimpleExpr};
use sea_orm::{IntoActiveModel, Iterable};
use secrecy::ExposeSecret;

use crate::desktops;
use crate::kernel::database::{Store, Write};
use crate::kernel::error::{StoreError, unreadable};
use crate::kernel::history::{By, happening};
use crate::kernel::jobs;
use crate::kernel::moment::Moment;

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "setups")]
pub struct Model {
    #[sea_orm(primary_key, auto_increment = false)]
    #[sea_orm(column_name = "desktop_id")]
    pub desktop: DesktopId,
    pub run: String,
    pub repository: Option<String>,
    pub branch: Option<String>,
    pub script: Option<Vec<u8>>,
    pub state: SetupState,
    pub reason: Option<String>,
    pub log: Option<Vec<u8>>,
    pub asked_by: Actor,
    pub created_at: Moment,
    pub began_at: Option<Moment>,
    pub ended_at: Option<Moment>,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

const TABLE: &str = "setups";

/// A desktop's setup, and how far it has come.
#[derive(Clone, PartialEq, Eq)]
pub struct DesktopSetup {
    /// Which run of it this is: another each time it is asked for.
    pub run: String,
    pub setup: Setup,
    pub state: SetupState,
    /// Why it has failed, for people.
    pub reason: Option<String>,
    /// The end of what it has written.
    /// The guest's own: plain text.
    pub log: String,
    /// A person's or key's name.
    pub asked_by: Actor,
    pub began_at: Option<Timestamp>,
    pub ended_at: Option<Timestamp>,
}

/// The log may have secrets in it.
impl fmt::Debug for DesktopSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { setup, state, reason, .. } = self;
        f.debug_struct("DesktopSetup")
            .field("setup", setup)
            .field("state", state)
            .field("reason", reason)
            .finish_non_exhaustive()
    }
}

/// Writes down what a desktop is to be prepared with, in place of what it was before.
pub(crate) async fn insert(
    store: &Store,
    write: &Write,
    desktop: DesktopId,
    setup: &Setup,
    asked_by: &Actor,
    now: Timestamp,
) -> Result<(), StoreError> {
    let id = desktop.to_string();
    let seal = |script: &String| store.vault.seal(cell(&id, "script"), script.as_bytes());
    let row = ActiveModel {
        run: Set(RequestId::generate().to_string()),
        repository: Set(setup.repository.as_ref().map(ToString::to_string)),
        branch: Set(setup.branch.as_ref().map(|branch| branch.as_str().to_owned())),
        script: Set(setup.script.as_ref().map(seal).transpose()?),
        desktop: Set(desktop),
        state: Set(SetupState::Waiting),
        reason: Set(None),
        log: Set(None),
        asked_by: Set(asked_by.clone()),
        created_at: Set(now.into()),
        began_at: Set(None),
        ended_at: Set(None),
    };
    let mut replacing = OnConflict::column(Column::Desktop);
    replacing.update_columns(Column::iter().filter(|column| !matches!(column, Column::Desktop)));
    Entity::insert(row).on_conflict(replacing).exec_without_returning(&write.transaction).await?;
    Ok(())
}

#[boxed]
impl Store {
    pub async fn setup(&self, desktop: DesktopId) -> Result<Option<DesktopSetup>, StoreError> {
        let row = Entity::find_by_id(desktop).one(&self.connection).await?;
        row.map(|row| self.opened_setup(row)).transpose()
    }

    /// A desktop's setup that is not over.
    pub async fn open_setup(&self, desktop: DesktopId) -> Result<Option<DesktopSetup>, StoreError> {
        let row = Entity::find_by_id(desktop).filter(is_open()).one(&self.connection).await?;
        row.map(|row| self.opened_setup(row)).transpose()
    }

    fn opened_setup(&self, row: Model) -> Result<DesktopSetup, StoreError> {
        let text = |column: &'static str, sealed: Option<Vec<u8>>| -> Result<Option<String>, StoreError> {
            let Some(sealed) = sealed else { return Ok(None) };
            let opened = self.vault.open(cell(&row.desktop.to_string(), column), &sealed)?;
            let text = std::str::from_utf8(opened.expose_secret()).map_err(unreadable(TABLE))?;
            Ok(Some(text.to_owned()))
        };
        Ok(DesktopSetup {
            setup: Setup {
                repository: row.repository.map(|text| text.parse()).transpose().map_err(unreadable(TABLE))?,
                branch: row.branch.map(|text| text.parse()).transpose().map_err(unreadable(TABLE))?,
                script: text("script", row.script)?,
            },
            log: text("log", row.log)?.unwrap_or_default(),
            run: row.run,
            state: row.state,
            reason: row.reason,
            asked_by: row.asked_by,
            began_at: row.began_at.map(Timestamp::from),
            ended_at: row.ended_at.map(Timestamp::from),
        })
    }

    /// Asks for a setup of a desktop, in place of the one it had; not while that runs (`false`).
    pub async fn ask_setup(
        &self,
        desktop: DesktopId,
        setup: &Setup,
        asked_by: &Actor,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let mut write = self.write().await?;
        let row = Entity::find_by_id(desktop).one(&write.transaction).await?;
        if row.is_some_and(|row| row.state == SetupState::Running) {
            return Ok(false);
        }
        insert(self, &write, desktop, setup, asked_by, now).await?;
        jobs::ask(&mut write, JobKind::SetUp, desktop, now).await?;
        desktops::tell_of(&mut write, desktop, now).await?;
        write.commit().await?;
        Ok(true)
    }

    /// A run has begun.
    pub async fn begin_setup(&self, desktop: DesktopId, run: &str, now: Timestamp) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let Some(row) = current(&write, desktop, run).await? else { return Ok(()) };
        let mut row = row.into_active_model();
        row.state = Set(SetupState::Running);
        row.began_at = Set(Some(now.into()));
        row.update(&write.transaction).await?;
        desktops::tell_of(&mut write, desktop, now).await?;
        write.commit().await
    }

    /// What a run has written so far.
    pub async fn note_setup(&self, desktop: DesktopId, run: &str, log: &str) -> Result<(), StoreError> {
        let write = self.write().await?;
        let Some(row) = current(&write, desktop, run).await? else { return Ok(()) };
        let sealed = self.vault.seal(cell(&row.desktop.to_string(), "log"), log.as_bytes())?;
        let mut row = row.into_active_model();
        row.log = Set(Some(sealed));
        row.update(&write.transaction).await?;
        write.commit().await
    }

    /// A run is over, for a reason where it has failed. Its history is told, and who watches the desktop.
    pub async fn end_setup(
        &self,
        desktop: DesktopId,
        run: &str,
        failed: Option<&str>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut write = self.write().await?;
        let Some(row) = current(&write, desktop, run).await? else { return Ok(()) };
        let began_at = *row.began_at.unwrap_or(row.created_at);
        let state = if failed.is_some() { SetupState::Failed } else { SetupState::Done };
        let (actor, repository) = (row.asked_by.clone(), row.repository.clone());
        let mut row = row.into_active_model();
        row.state = Set(state);
        row.reason = Set(failed.map(str::to_owned));
        row.ended_at = Set(Some(now.into()));
        row.update(&write.transaction).await?;
        let by = By { actor, detail: repository.as_deref() };
        let when = (began_at, now);
        desktops::note_of(&mut write, desktop, (happening::SET_UP, by), when, failed).await?;
        jobs::ask(&mut write, JobKind::SetUp, desktop, now).await?;
        desktops::tell_of(&mut write, desktop, now).await?;
        write.commit().await
    }
}

/// Whether a desktop is to be set up, or is being.
pub(crate) async fn is_open_of(write: &Write, desktop: DesktopId) -> Result<bool, StoreError> {
    Ok(Entity::find_by_id(desktop).filter(is_open()).count(&write.transaction).await? > 0)
}

/// With the desktop's keys.
pub(crate) async fn forget(write: &Write, desktop: DesktopId) -> Result<(), StoreError> {
    Entity::delete_by_id(desktop).exec(&write.transaction).await?;
    Ok(())
}

/// What is written down of a run, unless it is over or another has been asked for.
async fn current(write: &Write, desktop: DesktopId, run: &str) -> Result<Option<Model>, StoreError> {
    let of_run = Entity::find_by_id(desktop).filter(Column::Run.eq(run));
    Ok(of_run.filter(is_open()).one(&write.transaction).await?)
}

fn is_open() -> SimpleExpr {
    Column::State.is_in([SetupState::Waiting, SetupState::Running])
}

fn cell<'a>(row: &'a str, column: &'static str) -> Cell<'a> {
    Cell { table: TABLE, row, column }
}
