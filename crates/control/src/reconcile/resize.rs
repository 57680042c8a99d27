//! Bringing machines to the size that their rows say.

use rolltop_door::GrowError;
use rolltop_engine::ResizeRequest;
use rolltop_model::{DesktopId, DesktopState, FailReason};
use rolltop_store::Desktop;

use super::fault::{Fault, chain};
use super::perform::{ENGINE_DEADLINE, ask};
use crate::control::Inner;

/// Whether a desktop's disk, or the file system on it, is smaller than it is to be.
pub(super) fn is_wanted(inner: &Inner, id: DesktopId, gib: u64) -> bool {
    inner.vitals.of(id).is_some_and(|vital| vital.disk_gib < gib) || inner.vitals.may_grow(id)
}

/// Before a boot, which takes all of it.
pub(super) async fn before_boot(inner: &Inner, desktop: &Desktop) -> Result<(), Fault> {
    let is = inner.vitals.of(desktop.id).map(|vital| (vital.size, vital.disk_gib));
    if is == Some((desktop.size, desktop.disk_gib)) { Ok(()) } else { tell_engine(inner, desktop).await }
}

/// Has a disk grow while its machine goes on.
pub(super) async fn grow(inner: &Inner, desktop: &Desktop) -> Result<(), Fault> {
    if !is_wanted(inner, desktop.id, desktop.disk_gib) {
        return Ok(());
    }
    tell_engine(inner, desktop).await?;
    if desktop.record.state != DesktopState::Running {
        return Ok(());
    }
    let door = inner.doors.door(desktop.id).await;
    let door = door.map_err(|error| Fault::wrong(FailReason::DoorTimeout, &error))?;
    match door.grow_root().await {
        Ok(()) => tracing::info!(desktop = %desktop.id, disk_gib = desktop.disk_gib, "its disk has grown"),
        // It won't say otherwise the next time; the next boot grows it too.
        Err(error @ GrowError::Guest(_)) => {
            tracing::warn!(desktop = %desktop.id, error = chain(&error), "its file system stays smaller");
        }
        Err(error) => return Err(Fault::wrong(FailReason::DoorTimeout, &error)),
    }
    inner.vitals.has_grown(desktop.id, desktop.disk_gib);
    Ok(())
}

async fn tell_engine(inner: &Inner, desktop: &Desktop) -> Result<(), Fault> {
    let &Desktop { id: desktop, fence, size, disk_gib, .. } = desktop;
    ask(ENGINE_DEADLINE, inner.engine.resize(&ResizeRequest { desktop, fence, size, disk_gib })).await
}
