//! What would be lost is kept first, for a day, and brought back by one word.

use rolltop_api_types::{self as api, Scope};
use rolltop_boxed::boxed;
use rolltop_model::{Command, Desired, DesktopId, DesktopState, SnapshotKind, SnapshotState};
use rolltop_store::By;

use crate::desktops::command::CommandError;
use crate::kernel::caller::Caller;
use crate::kernel::control::Control;
use crate::kernel::error::NoSuchDesktop;
use crate::snapshots::ask::SnapshotError;

#[boxed]
impl Control {
    /// Brings back what a desktop was before it was last stopped, restarted, destroyed or put back, memory and all. One
    /// that was destroyed is made anew, with its name if that is free.
    pub async fn undo(&self, caller: &Caller, id: DesktopId) -> Result<api::Desktop, SnapshotError> {
        caller.needs(Scope::DesktopsWrite)?;
        if caller.only.is_some_and(|only| only != id) {
            return Err(NoSuchDesktop.into());
        }
        let desktop = self.kernel.store.desktop(id).await?.filter(|row| row.workspace == caller.workspace);
        let kept = self.kernel.store.snapshots(caller.workspace, Some(id)).await?;
        if desktop.is_none() && kept.is_empty() {
            return Err(NoSuchDesktop.into());
        }
        if desktop.is_some_and(|row| is_about_to_stop(&row.record)) {
            let goes_on = self.kernel.command(id, Command::Start, By::somebody(caller.actor()), None).await;
            return Ok(self.view(goes_on?, Some(Vec::new())));
        }
        // Of the last time and no other: where that is not kept, an earlier one is something else.
        let last = self.kernel.store.last_to_undo(id).await?;
        let undo = kept
            .into_iter()
            .filter(|row| row.kind == SnapshotKind::Undo && last.is_none_or(|last| *row.created_at >= last))
            .find(|row| matches!(row.state, SnapshotState::Ready | SnapshotState::Taking));
        self.put_back(caller, undo.ok_or(SnapshotError::NothingToUndo)?).await
    }
}

fn is_about_to_stop(record: &rolltop_model::Record) -> bool {
    record.state == DesktopState::Running && record.desired == Desired::Stopped
}

impl From<CommandError> for SnapshotError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound(error) => error.into(),
            CommandError::Refused(_) => {
                Self::WrongState("This desktop changes just now; try again in a moment.")
            }
            CommandError::Lacks(lacks) => lacks.into(),
            CommandError::Internal(error) => Self::Internal(error),
        }
    }
}
