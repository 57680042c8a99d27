//! What desktops are made from, and making templates of desktops.

pub(crate) mod list;
pub(crate) mod saved;
pub(crate) mod saving;

use crate::kernel::jobs::jobs;

jobs! {
    SaveTemplate: 4 at once, 1 to 3600 s => saving::look_at;
    RemoveTemplate: 1 at once, 1 to 3600 s => saving::remove;
}
