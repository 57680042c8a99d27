//! What the web tier and the API say to each other about previews. Not under `/v1`, which the web tier
//! passes through for everybody: only what can open the API's socket can ask this.

use jiff::Timestamp;
use rolltop_model::DesktopId;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

/// `POST /preview/ticket`, with the session's token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RequestTicket {
    /// The first label of the host name, such as `3000--research`.
    pub address: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreviewTicket {
    #[serde(serialize_with = "crate::secret::expose")]
    pub ticket: SecretString,
    /// The label it is for, which may be another than was asked for.
    pub address: String,
}

/// What is exchanged for a pass.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum PreviewKey {
    #[serde(serialize_with = "crate::secret::expose")]
    Ticket(SecretString),
    /// A share link's secret.
    #[serde(serialize_with = "crate::secret::expose")]
    Share(SecretString),
}

/// `POST /preview/pass`
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OpenPreview {
    pub address: String,
    pub key: PreviewKey,
}

/// What a browser keeps for one address.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PreviewPass {
    #[serde(serialize_with = "crate::secret::expose")]
    pub pass: SecretString,
    pub desktop: DesktopId,
    pub expires_at: Timestamp,
}

/// `GET /preview/connection`, an upgrade to [`crate::TUNNEL_PROTOCOL`], with the pass as bearer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PreviewQuery {
    pub address: String,
    /// Whether somebody comes: then a suspended desktop is resumed and waited for. What a page does by itself is refused.
    #[serde(default = "crate::sleep::yes")]
    pub wake: bool,
}
