//! Listing desktops, newest first.

use rolltop_api_types::Scope;
use rolltop_model::{DesktopId, DesktopState};
use rolltop_store::ListQuery;

use crate::caller::Caller;
use crate::control::Control;
use crate::error::QueryError;
use crate::views::{DesktopView, Page, StepView};

const LARGEST_PAGE: u32 = 200;

/// Which desktops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListFilter {
    /// A state's name, one of `DesktopState::NAMES`; another one finds nothing.
    pub state: Option<String>,
    /// Part of a name.
    pub text: Option<String>,
}

impl Control {
    /// A page of at most `limit` (1 to 200) of the caller's desktops, newest first.
    pub async fn list(
        &self,
        caller: &Caller,
        filter: &ListFilter,
        cursor: Option<&str>,
        limit: u32,
    ) -> Result<Page<DesktopView>, QueryError> {
        caller.needs(Scope::DesktopsRead)?;
        let before = cursor.map(str::parse::<DesktopId>).transpose().map_err(|_| QueryError::BadCursor)?;
        let limit = u64::from(limit.clamp(1, LARGEST_PAGE));
        let text =
            filter.text.as_deref().map(|text| text.trim().to_lowercase()).filter(|text| !text.is_empty());
        let query = ListQuery {
            workspace: caller.workspace,
            only: caller.only,
            state: filter.state.as_deref(),
            text: text.as_deref(),
            before,
            // One more, to know whether there is another page.
            limit: limit + 1,
        };
        let mut rows = self.inner.store.desktops(&query).await?;
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
        let steps = self.inner.store.steps_of(&starting).await?;
        let items = rows
            .into_iter()
            .map(|row| {
                let own = steps.iter().filter(|step| step.desktop == row.id && *step.boot == row.record.boot);
                let own = own.cloned().map(StepView::from).collect();
                self.view(row, own)
            })
            .collect();
        Ok(Page { items, next_cursor })
    }
}
