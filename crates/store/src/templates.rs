//! Templates that workspaces made or brought.

pub(crate) mod imported;
pub(crate) mod saved;
