//! Links that open one port of one desktop to whoever holds them.

use jiff::Timestamp;
use rolltop_model::ShareId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A link that has not expired. Its secret is told only when it is made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Share {
    #[schema(value_type = String, example = "shr_01k9abc2def3ghj4kmn5pqrs6t")]
    pub id: ShareId,
    #[schema(example = 3000, minimum = 1)]
    pub port: u16,
    /// Who made it: a person's or key's name.
    #[schema(example = "sam")]
    pub made_by: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    /// When it was last opened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
}

/// By when they were made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShareList {
    pub items: Vec<Share>,
}

/// A link to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateShare {
    #[schema(example = 3000, minimum = 1)]
    pub port: u16,
    /// Seconds it lasts, from a minute to seven days.
    #[schema(example = 3600, minimum = 60, maximum = 604800)]
    pub lasts_seconds: u64,
}

/// The link, and what to put into it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ShareCreated {
    #[serde(flatten)]
    pub share: Share,
    /// The first label of the host name: `https://{address}.HOST{path}` is what to hand on.
    #[schema(example = "3000--research")]
    pub address: String,
    /// Holds the secret, which is not told again.
    #[serde(serialize_with = "crate::secret::expose")]
    #[schema(value_type = String, example = "/.rolltop/share/rh_9dV2k0PqL7sXw3ZbNf5RtYuJc8MhAeGi1KoTxB")]
    pub path: SecretString,
}

/// What can be asked.
pub mod op {
    use rolltop_model::{DesktopId, ShareId};

    use super::{CreateShare, Share, ShareCreated, ShareList};
    use crate::operation::{CONTROL, operations};

    operations! {
        /// The share links
        ///
        /// Those of a desktop that have not expired. Their secrets are not told again.
        ListShares as shares -> [Share]: GET "/v1/desktops/{id}/shares" {
            tag: "inside",
            access: CONTROL,
            path: DesktopId,
            reply: 200 "Oldest first." ShareList,
            errors: [NotFound],
        }

        /// Share a port
        ///
        /// Makes a link. Whoever holds it sees what a web server in the desktop shows on this port, and nothing
        /// else, until the link expires or is revoked. It is bound to the desktop's name: a rename ends it.
        SharePort as share_port: POST "/v1/desktops/{id}/shares" {
            tag: "inside",
            access: CONTROL,
            path: DesktopId,
            body: CreateShare,
            reply: 201 "The link, with its secret." ShareCreated,
            errors: [NotFound, QuotaReached, InvalidPort, InvalidLifetime, InvalidBody, UnknownField],
        }

        /// Revoke a share link
        ///
        /// Who has it open is cut off within seconds.
        RevokeShare as revoke_share: DELETE "/v1/desktops/{id}/shares/{share}" {
            tag: "inside",
            access: CONTROL,
            path: (DesktopId, ShareId),
            reply: 204 "It opens nothing any more.",
            errors: [NotFound],
        }
    }
}
