//! Disks of many layers become disks of one again, before they have as many as is possible.

use std::time::Duration;

use rolltop_engine::Flattening;
use rolltop_model::{DesktopId, DesktopState};
use rolltop_store::{Desktop, Job, StoreError};

use super::fault::Fault;
use super::perform::{ENGINE_DEADLINE, ask};
use crate::clock;
use crate::control::Inner;
use crate::jobs::{Then, Tried, Work};

/// How often a disk is looked at that is being made flat.
const EVERY: Duration = Duration::from_secs(2);

pub(crate) const FLATTEN: Work = Work {
    at_once: 16,
    pauses: (EVERY, Duration::from_secs(60)),
    run: |inner, job| Box::pin(look_at(inner, job)),
};

/// Has a desktop whose disk is to be made flat go on with that. One that does not run does once it runs.
async fn look_at(inner: &Inner, job: &Job) -> Tried {
    let Ok(id) = job.subject.parse() else { return Ok(Then::Over) };
    let runs = |desktop: &Desktop| desktop.record.state == DesktopState::Running;
    if inner.store.desktop(id).await?.is_none_or(|desktop| !runs(&desktop)) || !is_deep(inner, id).await? {
        return Ok(Then::Over);
    }
    inner.nudge(id);
    Ok(Then::after(EVERY.min(inner.config.interval.saturating_mul(2))))
}

async fn is_deep(inner: &Inner, id: DesktopId) -> Result<bool, StoreError> {
    Ok(inner.engine.layers().is_ok() && inner.store.depth_of(id).await? >= inner.config.flatten_at)
}

/// Goes on with a desktop's disk, if it is a deep one that can be made flat now.
pub(super) async fn flatten(inner: &Inner, desktop: &Desktop) -> Result<(), Fault> {
    if desktop.record.state != DesktopState::Running || !is_deep(inner, desktop.id).await? {
        return Ok(());
    }
    match ask(ENGINE_DEADLINE, inner.engine.layers()?.flatten(desktop.id, desktop.fence)).await? {
        // Until it is looked at again.
        Flattening::Copying => Ok(()),
        Flattening::Flat if inner.store.flattened(desktop, clock::now()).await? => {
            tracing::info!(desktop = %desktop.id, "its disk has one layer again");
            Ok(())
        }
        Flattening::Flat => Err(Fault::Lost),
    }
}
