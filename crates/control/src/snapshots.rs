//! Snapshots of desktops, forks of them, and the way back: asked for in [`ask`], taken by the reconciler in [`taking`].

pub(crate) mod ask;
pub(crate) mod layers;
pub(crate) mod scheduled;
pub(crate) mod schedules;
pub(crate) mod taking;
pub(crate) mod undo;

use crate::kernel::jobs::jobs;

jobs! {
    TakeSnapshot: 4 at once, 5 to 300 s => scheduled::take;
    ThinSnapshots: 4 at once, 5 to 300 s => scheduled::thin;
    ExpireSnapshot: 4 at once, 1 to 60 s => taking::expire;
    RemoveSnapshot: 4 at once, 1 to 60 s => taking::remove;
    Flatten: 16 at once, 2 to 60 s => layers::look_at;
}
