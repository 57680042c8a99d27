//! The reply, and how a line of what is said is limited.

use rolltop_engine::EngineError;
use serde::{Deserialize, Serialize};

/// Longest request line, bytes. A `known` of 10,000 desktops and as many layers fits.
pub(super) const MAX_REQUEST: usize = 1 << 20;
/// Longest reply line, bytes.
pub(super) const MAX_REPLY: usize = 64 << 20;

/// One reply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply<T> {
    Ok(T),
    Error(EngineError),
}

/// A message as a line.
pub(super) fn line<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}
