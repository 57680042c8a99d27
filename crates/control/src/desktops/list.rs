//! Listing desktops, newest first.

use rolltop_api_types::{BadQuery, DesktopPage, ListDesktops, Scope};
use rolltop_boxed::boxed;
use rolltop_model::{DesktopId, DesktopState};
use rolltop_store::ListQuery;

use crate::desktops::look::step;
use crate::kernel::caller::Caller;
use crate::kernel::control::Control;
use crate::kernel::error::{LacksScope, explained};

explained! {
    pub enum ListError: Forbidden(LacksScope), Query(BadQuery) or Internal {
        BadCursor => InvalidCursor, "The cursor is not one that this list gave out; begin without one.";
    }
}

#[boxed]
impl Control {
    /// A page of the caller's desktops, newest first.
    pub async fn list(&self, caller: &Caller, which: &ListDesktops) -> Result<DesktopPage, ListError> {
        caller.needs(Scope::DesktopsRead)?;
        let before = which
            .cursor
            .as_deref()
            .map(str::parse::<DesktopId>)
            .transpose()
            .map_err(|_| ListError::BadCursor)?;
        let limit = which.page()?;
        let query = ListQuery {
            workspace: caller.workspace,
            only: caller.only,
            filter: which.filter()?,
            before,
            // One more, to know whether there is another page.
            limit: limit + 1,
        };
        let mut rows = self.kernel.store.desktops(&query).await?;
        let more = rows.len() as u64 > limit;
        if more {
            rows.pop();
        }
        let next_cursor = rows.last().filter(|_| more).map(|last| last.id.to_string());
        let starting: Vec<DesktopId> = rows
            .iter()
            .filter(|row| matches!(row.record.state, DesktopState::Pending | DesktopState::Booting))
            .map(|row| row.id)
            .collect();
        let steps = self.kernel.store.steps_of(&starting).await?;
        let items = rows
            .into_iter()
            .map(|row| {
                let own = steps.iter().filter(|step| step.desktop == row.id && *step.boot == row.record.boot);
                let own: Vec<_> = own.cloned().map(step).collect();
                self.view(row, Some(own).filter(|own| !own.is_empty()))
            })
            .collect();
        Ok(DesktopPage { items, next_cursor })
    }
}
