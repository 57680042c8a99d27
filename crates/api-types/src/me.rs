//! Who is asking.

use jiff::Timestamp;
use rolltop_model::{DesktopId, UserId, WorkspaceId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Scope;

/// The account behind the credential.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Me {
    /// Absent for a key that belongs to no person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "usr_01k9abc2def3ghj4kmn5pqrs6t")]
    pub user: Option<UserId>,
    /// What the person signs in as; absent until it is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "sam")]
    pub name: Option<String>,
    #[schema(value_type = String, example = "wsp_01k9abc2def3ghj4kmn5pqrs6t")]
    pub workspace: WorkspaceId,
    /// Whether the credential may run the installation: it has the scope `admin`.
    pub admin: bool,
    /// Whether the account still has no password, so that only a sign-in link opens it.
    pub needs_password: bool,
    /// Whether choosing another password takes the present one: not for who came by a sign-in link.
    pub asks_present_password: bool,
    pub credential: Credential,
    pub limits: Limits,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Credential {
    pub kind: CredentialKind,
    /// `ses_…` or `key_…`.
    #[schema(example = "key_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: String,
    /// All it may do: none implies another.
    pub scopes: Vec<Scope>,
    /// The only desktop it is good for; absent for one that is good for all of the workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub desktop: Option<DesktopId>,
    /// When it ends; absent for a key that does not end by itself, and for a session, which ends
    /// when it has not been used for long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    Session,
    ApiKey,
    /// A person's SSH key, at the jump host.
    SshKey,
    /// A link to one port of one desktop.
    Share,
}

/// What the workspace may have, and has.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Limits {
    /// Desktops at most.
    #[schema(example = 40)]
    pub desktops: u64,
    /// Desktops now.
    #[schema(example = 3)]
    pub desktops_used: u64,
    /// Bytes of the host's disk at most; absent where it is what there is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 500_000_000_000_u64)]
    pub disk_bytes: Option<u64>,
    /// Bytes of that disk now, a few seconds old: disks, snapshots, memories, templates and imports together.
    #[serde(default)]
    #[schema(example = 42_000_000_000_u64)]
    pub disk_bytes_used: u64,
}

/// What can be asked.
pub mod op {
    use super::Me;
    use crate::operation::{Access, operations};

    operations! {
        /// Who is asking
        GetMe as me: GET "/v1/me" {
            tag: "account",
            access: Access::Credential,
            reply: 200 "The account, the credential and the limits." Me,
            errors: [],
        }
    }
}
