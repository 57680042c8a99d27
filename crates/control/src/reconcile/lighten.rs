//! Before a desktop is suspended: what its guest can read again from its disk need not be kept.
//!
//! What a machine has written to since its base was mapped is its own, and only grows while it runs: a guest fills all
//! memory that nobody uses with files it has read.

use std::time::Duration;

use rolltop_store::Desktop;
use tokio::time::timeout;

use crate::kernel::control::Kernel;
use crate::kernel::fault::chain;

/// A door that is not open by then stays closed: suspending does not depend on it.
const ENTERING: Duration = Duration::from_secs(5);

/// Has the guest forget files where the machine takes more than half of its memory; less is kept as quickly as a guest is asked.
pub(crate) async fn lighten(kernel: &Kernel, desktop: &Desktop) {
    let id = desktop.id;
    let Ok(Some(machine)) = kernel.engine.observe_one(id).await else { return };
    if machine.memory_bytes < machine.size.memory_mib() << 19 {
        return;
    }
    let Ok(Ok(door)) = timeout(ENTERING, kernel.doors.door(id)).await else { return };
    if let Err(error) = door.forget_files().await {
        tracing::debug!(desktop = %id, error = chain(&error), "it keeps what it has read");
    }
}
