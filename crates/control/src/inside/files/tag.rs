//! What a file's contents are known by. SFTP tells the time of a change in whole seconds, within which a file may change
//! twice, so the desktop is asked for the inode and the time of its last change of state, which no program can set.

use std::time::Duration;

use rolltop_door::ExecLimits;

use crate::inside::files::{Files, quoted};

const LIMITS: ExecLimits = ExecLimits { max_output: 256, timeout: Duration::from_secs(10) };

/// Changes when the content does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tag {
    /// As an HTTP entity tag without its quotes.
    pub text: String,
    /// Whether every change gives another; a weak one may miss the second change within a second.
    pub strong: bool,
}

impl Tag {
    pub(crate) fn strong(text: String) -> Self {
        Self { text, strong: true }
    }

    pub(crate) fn weak(text: String) -> Self {
        Self { text, strong: false }
    }
}

impl<P> Files<P> {
    /// Inode, time of the last change to the tick of the desktop's clock, and size; `None` where the desktop has no
    /// `stat` that tells them. Asked once before a file is opened and once after, the same answer means that it is of
    /// the file that was opened, and that any later change gives another: more than a tick lies between the two.
    pub(crate) async fn state(&self, path: &str) -> Option<String> {
        let user = rolltop_guest_protocol::SESSION_USER;
        let command = format!("sudo -n -u {user} stat -Lc %i.%.9Z.%s -- {}", quoted(path));
        let output = self.door.exec(&command, "", LIMITS).await.ok().filter(|output| output.succeeded())?;
        let state = String::from_utf8(output.stdout).ok()?.trim().replace('.', "-");
        let plain = !state.is_empty() && state.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
        plain.then_some(state)
    }
}
