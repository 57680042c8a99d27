//! Keys that clients send so that a repeated request is carried out once.

use rolltop_store::IdempotencyKey;
use sha2::{Digest, Sha256};

use crate::kernel::caller::Caller;
use crate::kernel::error::explained;

const LONGEST: usize = 255;

#[derive(Debug, thiserror::Error)]
#[error("An idempotency key has 1 to {LONGEST} printable characters.")]
pub struct BadIdempotencyKey;

explained! {
    type BadIdempotencyKey => InvalidHeader;
}

/// A caller's key, for a request that says `what`.
pub(crate) fn key(
    caller: &Caller,
    key: Option<&str>,
    what: &serde_json::Value,
) -> Result<Option<IdempotencyKey>, BadIdempotencyKey> {
    let Some(key) = key else { return Ok(None) };
    if key.is_empty() || key.len() > LONGEST || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(BadIdempotencyKey);
    }
    let request_hash = Sha256::digest(what.to_string()).into();
    Ok(Some(IdempotencyKey { workspace: caller.workspace, key: key.to_owned(), request_hash }))
}
