//! Listing desktops, newest first.

use rolltop_api_types::{self as api, DesktopPage, ListDesktops, Scope};
use rolltop_model::{DesktopId, DesktopState};
use rolltop_store::ListQuery;

use crate::desktops::look::step;
use crate::kernel::caller::Caller;
use crate::kernel::control::Control;
use crate::kernel::error::QueryError;

const USUAL_PAGE: u32 = 50;
const LARGEST_PAGE: u32 = 200;

impl Control {
    /// A page of the caller's desktops, newest first.
    pub async fn list(&self, caller: &Caller, which: &ListDesktops) -> Result<DesktopPage, QueryError> {
        caller.needs(Scope::DesktopsRead)?;
        let before = which
            .cursor
            .as_deref()
            .map(str::parse::<DesktopId>)
            .transpose()
            .map_err(|_| QueryError::BadCursor)?;
        let limit = u64::from(which.limit.unwrap_or(USUAL_PAGE).clamp(1, LARGEST_PAGE));
        let text = which.q.as_deref().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
        let query = ListQuery {
            workspace: caller.workspace,
            only: caller.only,
            state: which.state.map(api::DesktopState::as_str),
            text: text.as_deref(),
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
