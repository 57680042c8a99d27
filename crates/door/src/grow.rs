//! Having a guest use all of a disk that has grown.

use std::time::Duration;

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::init::complaint;

const LIMITS: ExecLimits = ExecLimits { max_output: 16 * 1024, timeout: Duration::from_secs(120) };
/// Of systemd, which every template has. It does nothing where there is nothing to grow.
const COMMAND: &str = "sudo -n /usr/lib/systemd/systemd-growfs /";

#[derive(Debug, thiserror::Error)]
pub enum GrowError {
    #[error("the guest program did not run")]
    Exec(#[from] ExecError),
    /// The guest's own sentence, made safe to show.
    #[error("the guest's file system did not grow: {0}")]
    Guest(String),
}

impl Door {
    /// Grows the root file system to the size of its disk, while it is in use.
    pub async fn grow_root(&self) -> Result<(), GrowError> {
        let output = self.exec(COMMAND, Vec::new(), LIMITS).await?;
        if output.succeeded() { Ok(()) } else { Err(GrowError::Guest(complaint(&output))) }
    }
}
