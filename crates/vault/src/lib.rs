//! Secrets. (being written)

#[derive(Debug, thiserror::Error)]
#[error("the vault failed")]
pub struct VaultError;
