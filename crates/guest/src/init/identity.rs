//! What makes a desktop itself and not the one it was forked from: SSH host key and machine-id,
//! and the record of which desktop they belong to.

use serde::{Deserialize, Serialize};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{LineEnding, PrivateKey};

use super::System;
use super::files::{FileError, Permissions, Staged, Tree};

const RECORD: &str = "var/lib/rolltop/identity.json";
const HOST_KEY: &str = "etc/ssh/ssh_host_ed25519_key";
/// What is replaced when an identity is made.
const REPLACED: [&str; 5] =
    [HOST_KEY, "etc/ssh/ssh_host_ed25519_key.pub", "etc/machine-id", "var/lib/dbus/machine-id", RECORD];
/// Secrets of the machine this was forked from, which nothing needs to replace now: each is
/// made anew when it is wanted.
const SECRETS_OF_ANOTHER: [&str; 3] =
    ["var/lib/systemd/random-seed", "var/lib/systemd/credential.secret", "var/lib/dhcpcd/secret"];

#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    #[error(transparent)]
    File(#[from] FileError),
    #[error("no random bytes")]
    Random(#[source] std::io::Error),
    #[error("the host key could not be written out")]
    Key(#[source] ssh_key::Error),
    #[error("the record could not be written out")]
    Record(#[source] serde_json::Error),
}

/// Kept in the desktop, mode 0600. Append-only, as the guest protocol is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    pub desktop: String,
    /// One OpenSSH public line, without a comment.
    pub host_public_key: String,
}

impl Identity {
    /// The identity there is, if it is this desktop's, with the host key on disk: its owner may have made another than the
    /// recorded one. Anything doubtful counts as none, and is renewed: also a key that sshd could not use.
    pub fn recorded(tree: &Tree<'_>, desktop: &str) -> Option<Self> {
        let read = |path| tree.read(path).ok().flatten();
        let identity = serde_json::from_slice::<Self>(&read(RECORD)?).ok()?;
        let key = PrivateKey::from_openssh(read(HOST_KEY)?).ok()?;
        if identity.desktop != desktop || key.is_encrypted() || !key.algorithm().is_ed25519() {
            return None;
        }
        let mut public = key.public_key().clone();
        public.set_comment("");
        let line = public.to_openssh().ok()?;
        Some(Self { host_public_key: line.trim().to_owned(), ..identity })
    }

    /// A new identity, staged but for its record.
    pub fn renew(
        desktop: &str,
        tree: &Tree<'_>,
        staged: &mut Staged<'_>,
        system: &impl System,
    ) -> Result<Self, IdentityError> {
        let mut seed = [0; 32];
        system.random(&mut seed).map_err(IdentityError::Random)?;
        let key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        let private = key.to_openssh(LineEnding::LF).map_err(IdentityError::Key)?;
        let public = key.public_key().to_openssh().map_err(IdentityError::Key)?.trim().to_owned();
        for path in REPLACED {
            tree.clear_way(path)?;
        }
        staged.replace("etc/ssh", "ssh_host_ed25519_key", private.as_bytes(), Permissions::root(0o600))?;
        let line = format!("{public}\n");
        staged.replace("etc/ssh", "ssh_host_ed25519_key.pub", line.as_bytes(), Permissions::root(0o644))?;
        machine_id(staged, system)?;
        Ok(Self { desktop: desktop.to_owned(), host_public_key: public })
    }

    /// The record's text.
    pub fn record(&self) -> Result<Vec<u8>, IdentityError> {
        let mut text = serde_json::to_vec(self).map_err(IdentityError::Record)?;
        text.push(b'\n');
        Ok(text)
    }
}

/// A random (version 4) id, as `systemd-machine-id-setup` makes it, for systemd and D-Bus alike.
fn machine_id(staged: &mut Staged<'_>, system: &impl System) -> Result<(), IdentityError> {
    let mut bytes = [0; 16];
    system.random(&mut bytes).map_err(IdentityError::Random)?;
    let value = u128::from_be_bytes(bytes);
    let value = value & !(0xf << 76) | (4 << 76);
    let value = value & !(0x3 << 62) | (2 << 62);
    staged.replace("etc", "machine-id", format!("{value:032x}\n").as_bytes(), Permissions::root(0o444))?;
    Ok(staged.link("var/lib/dbus", "machine-id", "/etc/machine-id")?)
}

/// Takes the record away, so that the next run renews everything.
pub fn forget(tree: &Tree<'_>) -> Result<(), FileError> {
    tree.remove(RECORD)
}

/// Removes host keys of other types and what else belonged to the machine this was forked from.
pub fn remove_what_was_anothers(tree: &Tree<'_>) -> Result<(), FileError> {
    for path in SECRETS_OF_ANOTHER {
        tree.remove(path)?;
    }
    let Ok(entries) = std::fs::read_dir(tree.at("etc/ssh")) else { return Ok(()) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with("ssh_host_") && !name.starts_with("ssh_host_ed25519_key") {
            tree.remove(&format!("etc/ssh/{name}"))?;
        }
    }
    Ok(())
}
