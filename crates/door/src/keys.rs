//! People's keys in a running desktop: `rolltop-guest keys`, one round trip.

use std::time::Duration;

use rolltop_guest_protocol::{KeysReply, KeysRequest};

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::init::{as_root, complaint};

const LIMITS: ExecLimits = ExecLimits { max_output: 16 * 1024, timeout: Duration::from_secs(30) };

#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    #[error("the guest program did not run")]
    Exec(#[from] ExecError),
    #[error("the request can't be written")]
    Request(#[source] serde_json::Error),
    /// The guest's own sentence, made safe to show.
    #[error("the guest did not take the keys: {0}")]
    Guest(String),
    #[error("the guest's reply can't be read")]
    Reply(#[source] serde_json::Error),
    #[error("the guest installed {installed} of {wanted} keys")]
    Incomplete { installed: usize, wanted: usize },
}

impl Door {
    /// Has exactly these people's keys, OpenSSH public lines, open the desktop from now on.
    pub async fn authorize(&self, keys: Vec<String>) -> Result<(), KeysError> {
        let wanted = keys.len();
        let stdin = serde_json::to_vec(&KeysRequest { authorized_keys: keys }).map_err(KeysError::Request)?;
        let output = self.exec(&as_root("keys"), stdin, LIMITS).await?;
        if !output.succeeded() {
            return Err(KeysError::Guest(complaint(&output)));
        }
        let KeysReply { installed } = serde_json::from_slice(&output.stdout).map_err(KeysError::Reply)?;
        if installed != wanted {
            return Err(KeysError::Incomplete { installed, wanted });
        }
        Ok(())
    }
}
