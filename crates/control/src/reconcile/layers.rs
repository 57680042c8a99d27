//! Disks of many layers become disks of one again, before they have as many as is possible.

use rolltop_engine::Flattening;
use rolltop_model::{DesktopId, DesktopState};
use rolltop_store::{Desktop, StoreError};

use super::fault::Fault;
use super::perform::{ENGINE_DEADLINE, ask};
use crate::control::Inner;

/// Desktops whose disk is to be made flat.
pub(super) async fn deep(inner: &Inner) -> Result<Vec<DesktopId>, StoreError> {
    if inner.engine.layers().is_err() {
        return Ok(Vec::new());
    }
    inner.store.deep_desktops(inner.config.flatten_at).await
}

/// Goes on with a desktop's disk, if it is a deep one that can be made flat now.
pub(super) async fn flatten(inner: &Inner, desktop: &Desktop) -> Result<(), Fault> {
    if desktop.record.state != DesktopState::Running || !deep(inner).await?.contains(&desktop.id) {
        return Ok(());
    }
    match ask(ENGINE_DEADLINE, inner.engine.layers()?.flatten(desktop.id, desktop.fence)).await? {
        // Until the next look around.
        Flattening::Copying => Ok(()),
        Flattening::Flat if inner.store.flattened(desktop).await? => {
            inner.keys_removed.store(true, std::sync::atomic::Ordering::Relaxed);
            tracing::info!(desktop = %desktop.id, "its disk has one layer again");
            Ok(())
        }
        Flattening::Flat => Err(Fault::Lost),
    }
}
