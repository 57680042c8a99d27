//! Which set of people's keys each desktop was last given.

use jiff::Timestamp;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, DesktopState, JobKind, WorkspaceId};
use sea_orm::ActiveValue::Set;
use sea_orm::entity::prelude::*;
use sea_orm::{QuerySelect, QueryTrait as _, Select};

use super::row::{ActiveModel, Column, Entity, alive};
use crate::kernel::database::{Store, Write};
use crate::kernel::error::StoreError;
use crate::kernel::jobs;

/// Desktops of a workspace that run or come up get the keys that its people have now.
pub(crate) async fn have_keys_delivered(
    write: &mut Write,
    workspace: WorkspaceId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let on = [DesktopState::Running.name(), DesktopState::Booting.name()];
    let of = wanted().filter(Column::Workspace.eq(workspace)).filter(Column::State.is_in(on));
    let ids = of.select_only().column(Column::Id).into_query();
    jobs::ask_of_each(write, JobKind::DeliverKeys, ids, now).await
}

#[boxed]
impl Store {
    /// How many desktops of a workspace run, how many of them were given the keys with this digest, and whether for some of the
    /// others that is still to be tried.
    pub async fn desktops_authorized(
        &self,
        workspace: WorkspaceId,
        digest: &str,
    ) -> Result<(u64, u64, bool), StoreError> {
        let running = wanted()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::State.eq(DesktopState::Running.name()));
        let done = running.clone().filter(Column::AuthorizedDigest.eq(digest));
        let ids = running.clone().select_only().column(Column::Id).into_query();
        let count = running.count(&self.connection).await?;
        let is_untried = jobs::are_untried(JobKind::DeliverKeys, ids, &self.connection).await?;
        Ok((count, done.count(&self.connection).await?, is_untried))
    }

    /// The digest of the keys that a desktop was last given.
    pub async fn authorized_digest(&self, id: DesktopId) -> Result<Option<String>, StoreError> {
        let row = Entity::find_by_id(id).one(&self.connection).await?;
        Ok(row.and_then(|row| row.authorized_digest))
    }

    /// How many desktops of a workspace do not run, and get their keys when they start.
    pub async fn desktops_not_running(&self, workspace: WorkspaceId) -> Result<u64, StoreError> {
        let off = wanted()
            .filter(Column::Workspace.eq(workspace))
            .filter(Column::State.ne(DesktopState::Running.name()));
        Ok(off.count(&self.connection).await?)
    }

    pub async fn set_authorized_digest(&self, id: DesktopId, digest: &str) -> Result<(), StoreError> {
        let write = self.write().await?;
        let change = ActiveModel { authorized_digest: Set(Some(digest.to_owned())), ..Default::default() };
        Entity::update_many().set(change).filter(Column::Id.eq(id)).exec(&write.transaction).await?;
        write.commit().await
    }
}

fn wanted() -> Select<Entity> {
    Entity::find().filter(alive())
}
