//! Desktops that sleep by themselves, and wake for who comes to them or by a schedule.

pub(crate) mod ask;
pub(crate) mod wake;
pub(crate) mod watch;

use crate::kernel::jobs::jobs;

jobs! {
    Sleep: 8 at once, 5 to 60 s => watch::look_at;
}
