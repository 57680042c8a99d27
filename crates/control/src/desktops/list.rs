//! Listing desktops, newest first.

use crate::caller::Caller;
use crate::control::Control;
use crate::error::QueryError;
use crate::views::{DesktopView, Page};

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
        todo!()
    }
}
