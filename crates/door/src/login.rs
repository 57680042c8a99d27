//! What it takes to enter: our key, and which key we expect of the desktop.

use rolltop_guest_protocol::DOOR_USER;
use russh::keys::PublicKey;
use secrecy::SecretString;

/// Credentials for one desktop's door.
#[derive(Clone)]
pub struct Login {
    /// The user to enter as; [`DOOR_USER`] by [`Login::new`].
    pub user: String,
    /// OpenSSH private key.
    pub private_key: SecretString,
    pub host_key: HostKeyPolicy,
}

impl Login {
    pub fn new(private_key: SecretString, host_key: HostKeyPolicy) -> Self {
        Self { user: DOOR_USER.to_owned(), private_key, host_key }
    }
}

/// Which host key a desktop may show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKeyPolicy {
    /// This one, an OpenSSH public line.
    Pinned(String),
    /// Any. Only to recover a desktop whose owner has made other host keys, or whose personalising was cut
    /// short between the guest renewing its host key and the platform storing it: still in quarantine, reached inside
    /// its own network namespace, where nobody but the guest itself can answer. Read
    /// [`crate::Door::host_key`] afterwards and compare it with what the guest's `init` says.
    AnyInQuarantine,
}

/// A policy as it can be compared with what the desktop shows.
pub(crate) enum ExpectedKey {
    This(PublicKey),
    Any,
}

impl HostKeyPolicy {
    pub(crate) fn expected(&self) -> Result<ExpectedKey, russh::keys::ssh_key::Error> {
        match self {
            HostKeyPolicy::Pinned(line) => PublicKey::from_openssh(line.trim()).map(ExpectedKey::This),
            HostKeyPolicy::AnyInQuarantine => Ok(ExpectedKey::Any),
        }
    }
}

impl ExpectedKey {
    /// Comments don't count.
    pub(crate) fn accepts(&self, shown: &PublicKey) -> bool {
        match self {
            ExpectedKey::This(key) => key.key_data() == shown.key_data(),
            ExpectedKey::Any => true,
        }
    }
}
