//! A person's SSH keys, and what an SSH client needs to know of a desktop.

use jiff::Timestamp;
use rolltop_model::{DesktopId, SshKeyId};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A public key that opens every desktop of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKey {
    #[schema(value_type = String, example = "sshk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: SshKeyId,
    #[schema(example = "laptop")]
    pub name: String,
    /// Its algorithm's name.
    #[schema(example = "ssh-ed25519")]
    pub kind: String,
    /// One OpenSSH line without a comment.
    #[schema(example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN")]
    pub public_key: String,
    /// As `ssh-keygen -l` shows it.
    #[schema(example = "SHA256:1V6zZ4pYxXv8m1nZp8mP0k1u9bZt3y6mJ2b5b1bq7aA")]
    pub fingerprint: String,
    pub created_at: Timestamp,
    /// When it ends, with the API key that added it; absent where nothing ends it but somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// When it last went through the jump host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKeyList {
    /// Oldest first; at most 100.
    pub items: Vec<SshKey>,
}

/// A key to be added.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateSshKey {
    /// 1 to 64 characters; by default the key's comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "laptop")]
    pub name: Option<String>,
    /// One OpenSSH line: the contents of `~/.ssh/id_ed25519.pub`. Kept from logs, as what is pasted
    /// here may be a private key by mistake; that is refused.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(
        value_type = String,
        example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN sam@laptop"
    )]
    pub public_key: SecretString,
}

/// The key as it is kept, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKeyAdded {
    #[serde(flatten)]
    pub key: SshKey,
    pub delivery: KeyDelivery,
}

/// How far a change of keys has come, in desktops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyDelivery {
    /// Running, and the change is in force there.
    #[schema(example = 3)]
    pub done: u64,
    /// Running, but not answering yet; tried again until they do.
    #[schema(example = 0)]
    pub pending: u64,
    /// Not running: the change comes into force at their next start.
    #[schema(example = 1)]
    pub at_next_start: u64,
}

/// The key is gone, and how far that has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SshKeyRemoved {
    pub delivery: KeyDelivery,
}

/// What an SSH client needs to know to enter a desktop, and to be certain of whom it speaks to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DesktopSsh {
    #[schema(value_type = String, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: DesktopId,
    /// The host name behind the jump host; the id works there too and never changes.
    #[schema(example = "research")]
    pub name: String,
    /// Who to log in as.
    #[schema(example = "desk")]
    pub user: String,
    /// The desktop's own host key, one OpenSSH public line; absent until it has been personalised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN")]
    pub host_key: Option<String>,
    /// Its fingerprint. Present with `host_key`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "SHA256:1V6zZ4pYxXv8m1nZp8mP0k1u9bZt3y6mJ2b5b1bq7aA")]
    pub fingerprint: Option<String>,
    /// The jump host, on the machine that this API is on; absent while none runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jump: Option<JumpHost>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct JumpHost {
    #[schema(example = "rolltop")]
    pub user: String,
    #[schema(example = 2222)]
    pub port: u16,
    /// One OpenSSH public line.
    #[schema(example = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN")]
    pub host_key: String,
    #[schema(example = "SHA256:1V6zZ4pYxXv8m1nZp8mP0k1u9bZt3y6mJ2b5b1bq7aA")]
    pub fingerprint: String,
}

/// What can be asked.
pub mod op {
    use rolltop_model::{DesktopId, SshKeyId};

    use super::{CreateSshKey, DesktopSsh, SshKey, SshKeyAdded, SshKeyList, SshKeyRemoved};
    use crate::Scope;
    use crate::operation::{Access, READ, READ_KEYS, WRITE_KEYS, operations};

    /// Whoever holds an SSH key may do all of this in every desktop.
    const ADD_SSH_KEYS: Access = Access::Scopes(&[
        Scope::KeysWrite,
        Scope::DesktopsControl,
        Scope::Exec,
        Scope::FilesRead,
        Scope::FilesWrite,
    ]);

    operations! {
        /// List SSH keys
        ///
        /// Those of the whole workspace: each opens every desktop of it.
        ListSshKeys as ssh_keys -> [SshKey]: GET "/v1/ssh-keys" {
            tag: "account",
            access: READ_KEYS,
            reply: 200 "All of them, oldest first." SshKeyList,
            errors: [],
        }

        /// Add an SSH key
        ///
        /// A public key. Desktops that run know it before the answer comes, the others from their next start;
        /// `delivery` says how many.
        AddSshKey as add_ssh_key: POST "/v1/ssh-keys" {
            tag: "account",
            access: ADD_SSH_KEYS,
            body: CreateSshKey,
            reply: 201 "It is kept." SshKeyAdded,
            errors: [
                KeyExists, QuotaReached, InvalidKey, WeakKey, PrivateKey, InvalidName, UnknownField,
                InvalidBody,
            ],
        }

        /// Remove an SSH key
        ///
        /// What it has open through the jump host is closed, and no running desktop knows it any more.
        RemoveSshKey as remove_ssh_key: DELETE "/v1/ssh-keys/{id}" {
            tag: "account",
            access: WRITE_KEYS,
            path: SshKeyId,
            reply: 200 "It is gone." SshKeyRemoved,
            errors: [NotFound],
        }

        /// How to enter by SSH
        ///
        /// The host keys of the desktop and of the jump host, for a client's `known_hosts`: as
        /// `NAME ssh-ed25519 …` and `[HOST]:PORT ssh-ed25519 …`. Then `ssh -J rolltop@HOST:PORT desk@NAME`.
        GetDesktopSsh as desktop_ssh: GET "/v1/desktops/{id}/ssh" {
            tag: "inside",
            access: READ,
            path: DesktopId,
            reply: 200 "Names, users and host keys." DesktopSsh,
            errors: [NotFound],
        }
    }
}
