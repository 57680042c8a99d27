//! The database. (being written)

#[derive(Debug, thiserror::Error)]
#[error("the database failed")]
pub struct StoreError;
