//! What is known of one desktop from outside.

use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::{AccessError, QueryError};
use crate::views::{AccessLogView, DesktopView, StepView};

impl Control {
    /// The desktop with the present start's timeline.
    pub async fn get(&self, access: &DesktopAccess<purpose::Read>) -> Result<DesktopView, AccessError> {
        todo!()
    }

    /// The timelines of the latest starts, oldest step first.
    pub async fn steps(&self, access: &DesktopAccess<purpose::Read>) -> Result<Vec<StepView>, AccessError> {
        todo!()
    }

    /// Every time the platform went in, newest first, at most 500.
    pub async fn access_log(&self, access: &DesktopAccess<purpose::Read>) -> Result<Vec<AccessLogView>, AccessError> {
        todo!()
    }

    /// The end of what the guest wrote on its serial console, at most 64 KiB of plain text; empty
    /// when there is no machine.
    pub async fn console(&self, access: &DesktopAccess<purpose::Enter>) -> Result<String, QueryError> {
        todo!()
    }
}
