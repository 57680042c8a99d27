//! Disks of many layers become disks of one again, before they have as many as is possible.

use std::time::Duration;

use rolltop_engine::Flattening;
use rolltop_model::{DesktopId, DesktopState};
use rolltop_store::{Desktop, StoreError};

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::engine::{ENGINE_DEADLINE, ask};
use crate::kernel::fault::Fault;
use crate::kernel::jobs::{Then, Tried};

/// How often a disk is looked at that is being made flat.
const EVERY: Duration = Duration::from_secs(2);

/// Has a desktop whose disk is to be made flat go on with that. One that does not run does once it runs.
pub(crate) async fn look_at(kernel: &Kernel, id: DesktopId) -> Tried {
    let runs = |desktop: &Desktop| desktop.record.state == DesktopState::Running;
    if kernel.store.desktop(id).await?.is_none_or(|desktop| !runs(&desktop)) || !is_deep(kernel, id).await? {
        return Ok(Then::Over);
    }
    kernel.nudge(id);
    Ok(Then::after(EVERY.min(kernel.config.interval.saturating_mul(2))))
}

async fn is_deep(kernel: &Kernel, id: DesktopId) -> Result<bool, StoreError> {
    Ok(kernel.engine.layers().is_ok() && kernel.store.depth_of(id).await? >= kernel.config.flatten_at)
}

/// Goes on with a desktop's disk, if it is a deep one that can be made flat now.
pub(crate) async fn flatten(kernel: &Kernel, desktop: &Desktop) -> Result<(), Fault> {
    if desktop.record.state != DesktopState::Running || !is_deep(kernel, desktop.id).await? {
        return Ok(());
    }
    match ask(ENGINE_DEADLINE, kernel.engine.layers()?.flatten(desktop.id, desktop.fence)).await? {
        // Until it is looked at again.
        Flattening::Copying => Ok(()),
        Flattening::Flat if kernel.store.flattened(desktop, clock::now()).await? => {
            tracing::info!(desktop = %desktop.id, "its disk has one layer again");
            Ok(())
        }
        Flattening::Flat => Err(Fault::Lost),
    }
}
