//! Personalising: `rolltop-guest init`, one round trip.

use std::time::Duration;

use rolltop_guest_protocol::{GUEST_PROGRAM, GuestError, InitReply, InitRequest};
use russh::keys::{Algorithm, PublicKey};

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits, ExecOutput, Exit};
use crate::text::tame;

/// Under a second in an emulated guest that has the machine to itself; many are started at once.
const LIMITS: ExecLimits = ExecLimits { max_output: 64 * 1024, timeout: Duration::from_secs(120) };

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error("the guest program did not run")]
    Exec(#[from] ExecError),
    #[error("the request can't be written")]
    Request(#[source] serde_json::Error),
    /// The guest's own sentence, made safe to show.
    #[error("the guest could not be personalised: {0}")]
    Guest(String),
    #[error("the guest's reply can't be read")]
    Reply(#[source] serde_json::Error),
    #[error("the guest's reply holds no ed25519 host key")]
    HostKey,
}

impl Door {
    /// Gives a desktop its identity, or refreshes it. Safe to repeat with the same request.
    /// The connection stays open though the host key it was proved with may be gone.
    pub async fn init(&self, request: &InitRequest) -> Result<InitReply, InitError> {
        let stdin = serde_json::to_vec(request).map_err(InitError::Request)?;
        let output = self.exec(&as_root("init"), stdin, LIMITS).await?;
        if !output.succeeded() {
            return Err(InitError::Guest(complaint(&output)));
        }
        let reply: InitReply = serde_json::from_slice(&output.stdout).map_err(InitError::Reply)?;
        normalised(reply)
    }
}

/// The line that runs one of the guest program's commands with root's rights. Where the template
/// made the program setuid, this saves a cold sudo: an emulated second.
pub(crate) fn as_root(command: &str) -> String {
    format!(
        "if [ -u {GUEST_PROGRAM} ]; then exec {GUEST_PROGRAM} {command}; fi; exec sudo -n {GUEST_PROGRAM} {command}"
    )
}

/// The guest is not to be trusted with what we pin: the key is parsed, and written out anew, and
/// its sentences made safe to show.
fn normalised(reply: InitReply) -> Result<InitReply, InitError> {
    let mut key = PublicKey::from_openssh(reply.host_public_key.trim()).map_err(|_| InitError::HostKey)?;
    if key.algorithm() != Algorithm::Ed25519 {
        return Err(InitError::HostKey);
    }
    key.set_comment("");
    let line = key.to_openssh().map_err(|_| InitError::HostKey)?;
    let left_undone = reply.left_undone.iter().map(|said| tame(said.as_bytes())).collect();
    Ok(InitReply { host_public_key: line.trim().to_owned(), left_undone, ..reply })
}

/// What a failed guest command says of itself.
pub(crate) fn complaint(output: &ExecOutput) -> String {
    let said = output
        .stderr
        .split(|byte| *byte == b'\n')
        .find_map(|line| serde_json::from_slice::<GuestError>(line).ok())
        .map(|guest| tame(guest.error.as_bytes()))
        .unwrap_or_else(|| tame(&output.stderr));
    match (&output.exit, said.is_empty()) {
        (Exit::Code(_) | Exit::Signal(_), false) => said,
        (Exit::Code(code), true) => format!("it ended with code {code}"),
        (Exit::Signal(signal), true) => format!("it was ended by signal {signal}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failed(stderr: &str) -> ExecOutput {
        ExecOutput { exit: Exit::Code(3), stdout: Vec::new(), stderr: stderr.into() }
    }

    #[test]
    fn the_guests_own_sentence_is_found_among_other_lines() {
        let text = "sudo: unable to resolve host\n{\"error\":\"no \\u001b[1mroom\"}\n";
        assert_eq!(complaint(&failed(text)), "no \u{fffd}[1mroom");
        assert_eq!(complaint(&failed("sudo: command not found\n")), "sudo: command not found");
        assert_eq!(complaint(&failed("")), "it ended with code 3");
    }

    #[test]
    fn only_an_ed25519_key_is_taken_and_its_comment_dropped() {
        let (_, line) = crate::generate_key().unwrap();
        let reply = |key: String| InitReply {
            host_public_key: key,
            reloaded: false,
            renewed: true,
            steps: vec![],
            left_undone: vec![],
        };
        assert_eq!(normalised(reply(format!("{line} root@x\n"))).unwrap().host_public_key, line);
        assert!(matches!(normalised(reply("ssh-rsa AAAA".into())), Err(InitError::HostKey)));
        assert!(matches!(normalised(reply(String::new())), Err(InitError::HostKey)));
    }
}
