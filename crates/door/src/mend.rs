//! Putting the guest program back where it is missing or damaged: everything in the desktop is its owner's to remove,
//! and without it nobody comes in to undo that.

use std::time::Duration;

use bytes::Bytes;
use rolltop_guest_protocol::GUEST_PROGRAM;
use sha2::{Digest as _, Sha256};

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::init::complaint;

/// Two MiB through a busy emulated guest.
const LIMITS: ExecLimits = ExecLimits { max_output: 16 * 1024, timeout: Duration::from_secs(60) };

#[derive(Debug, thiserror::Error)]
pub enum MendError {
    #[error("the guest did not answer")]
    Exec(#[from] ExecError),
    /// The guest's own sentence, made safe to show.
    #[error("the guest program could not be put back: {0}")]
    Guest(String),
}

impl Door {
    /// Has the guest program be exactly `program`. True where it was another, or none.
    pub async fn mend(&self, program: &Bytes) -> Result<bool, MendError> {
        let wanted = hex(&Sha256::digest(program));
        let look = format!("stat -c %a {GUEST_PROGRAM} && sha256sum < {GUEST_PROGRAM}");
        let there = self.exec(&look, Bytes::new(), LIMITS).await?;
        let there = String::from_utf8_lossy(&there.stdout);
        if there.split_whitespace().take(2).eq(["4755", &wanted]) {
            return Ok(false);
        }
        // The old one goes last, and only where it is in the way (a folder): a guest that is full may start no other program.
        let put = format!(
            "sudo -n sh -c 'set -e; umask 022; to={GUEST_PROGRAM}; mkdir -p \"${{to%/*}}\"; \
             rm -rf \"$to.new\"; cat > \"$to.new\"; chown 0:0 \"$to.new\"; chmod 4755 \"$to.new\"; \
             mv -fT \"$to.new\" \"$to\" || {{ rm -rf \"$to\"; mv -fT \"$to.new\" \"$to\"; }}; sync \"$to\"'"
        );
        let output = self.exec(&put, program.clone(), LIMITS).await?;
        if output.succeeded() { Ok(true) } else { Err(MendError::Guest(complaint(&output))) }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
