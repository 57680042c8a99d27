//! Preparing desktops with a git repository and a script.

pub(crate) mod ask;
pub(crate) mod running;

use crate::kernel::jobs::jobs;

jobs! {
    SetUp: 16 at once, 2 to 60 s => running::carry_on;
}
