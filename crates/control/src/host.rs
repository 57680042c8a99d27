//! Templates and the host.

use crate::caller::Caller;
use crate::control::Control;
use crate::error::QueryError;
use crate::views::{HostStatus, TemplateView};

impl Control {
    /// What desktops can be made from, newest version first within each name.
    pub async fn templates(&self, caller: &Caller) -> Result<Vec<TemplateView>, QueryError> {
        todo!()
    }

    pub async fn host(&self, caller: &Caller) -> Result<HostStatus, QueryError> {
        todo!()
    }
}
