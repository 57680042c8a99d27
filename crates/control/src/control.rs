//! The handle, and what it is made of.

use std::path::PathBuf;
use std::sync::Arc;

use rolltop_engine::Engine;

use crate::caller::{Caller, DesktopAccess, Purpose};
use crate::config::ControlConfig;
use crate::error::AccessError;
use rolltop_model::DesktopId;

/// Everything the control plane does. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    #[expect(dead_code, reason = "filled in next")]
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {}

/// What a control plane is put together from.
pub struct Parts {
    /// Holds the database and the vault's key: `rolltop.db`, `vault.key`. Must exist.
    pub directory: PathBuf,
    pub engine: Arc<dyn Engine>,
    pub config: ControlConfig,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database can't be opened")]
    Store(#[from] rolltop_store::StoreError),
    #[error("the vault can't be opened")]
    Vault(#[from] rolltop_vault::VaultError),
}

impl Control {
    /// Opens database and vault and starts the reconciler in the background.
    pub async fn open(parts: Parts) -> Result<Self, OpenError> {
        todo!()
    }

    /// Stops the reconciler after the steps under way, within seconds. Desktops are not touched.
    pub async fn close(&self) {
        todo!()
    }

    /// The ticket to one desktop, if the caller may have it. The purpose follows from what the
    /// ticket is used for.
    pub async fn authorise<P: Purpose>(&self, caller: &Caller, desktop: DesktopId) -> Result<DesktopAccess<P>, AccessError> {
        todo!()
    }
}
