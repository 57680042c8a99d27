//! Bringing machines to the size that their rows say.

use rolltop_door::GrowError;
use rolltop_engine::ResizeRequest;
use rolltop_model::{DesktopId, DesktopState, FailReason};
use rolltop_store::Desktop;

use crate::kernel::control::Kernel;
use crate::kernel::engine::{ENGINE_DEADLINE, ask};
use crate::kernel::fault::{Fault, chain};
use crate::reconcile::vitals::Vitals;

/// Whether a desktop's disk, or the file system on it, is smaller than it is to be.
pub(crate) fn is_wanted(kernel: &Kernel, id: DesktopId, gib: u64) -> bool {
    kernel.state::<Vitals>().of(id).is_some_and(|vital| vital.disk_gib < gib)
        || kernel.state::<Vitals>().may_grow(id)
}

/// Before a boot, which takes all of it.
pub(crate) async fn before_boot(kernel: &Kernel, desktop: &Desktop) -> Result<(), Fault> {
    let is = kernel.state::<Vitals>().of(desktop.id).map(|vital| (vital.size, vital.disk_gib));
    if is == Some((desktop.size, desktop.disk_gib)) { Ok(()) } else { tell_engine(kernel, desktop).await }
}

/// Has a disk grow while its machine goes on.
pub(crate) async fn grow(kernel: &Kernel, desktop: &Desktop) -> Result<(), Fault> {
    if !is_wanted(kernel, desktop.id, desktop.disk_gib) {
        return Ok(());
    }
    tell_engine(kernel, desktop).await?;
    if desktop.record.state != DesktopState::Running {
        return Ok(());
    }
    let door = kernel.doors.door(desktop.id).await;
    let door = door.map_err(|error| Fault::wrong(FailReason::DoorTimeout, &error))?;
    match door.grow_root().await {
        Ok(()) => tracing::info!(desktop = %desktop.id, disk_gib = desktop.disk_gib, "its disk has grown"),
        // It won't say otherwise the next time; the next boot grows it too.
        Err(error @ GrowError::Guest(_)) => {
            tracing::warn!(desktop = %desktop.id, error = chain(&error), "its file system stays smaller");
        }
        Err(error) => return Err(Fault::wrong(FailReason::DoorTimeout, &error)),
    }
    kernel.state::<Vitals>().has_grown(desktop.id, desktop.disk_gib);
    Ok(())
}

async fn tell_engine(kernel: &Kernel, desktop: &Desktop) -> Result<(), Fault> {
    let &Desktop { id: desktop, fence, size, disk_gib, .. } = desktop;
    ask(ENGINE_DEADLINE, kernel.engine.resize(&ResizeRequest { desktop, fence, size, disk_gib })).await
}
