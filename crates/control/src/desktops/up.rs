//! Whether a desktop is as one that is used.

use rolltop_model::{Desired, DesktopState, Record};
use rolltop_store::Desktop;

/// Nothing is asked of it but to go on running.
pub(crate) fn runs_well(desktop: &Desktop) -> bool {
    is_up(&desktop.record) && desktop.restore.is_none()
}

/// It is up, and meant to be.
pub(crate) fn is_up(record: &Record) -> bool {
    record.state == DesktopState::Running
        && record.desired == Desired::Running
        && record.ready_boot == record.boot
        && !record.restart
}
