//! Copies of snapshots where the operator keeps them: in any store that speaks S3, or a folder. Each is what an export is,
//! sealed before it leaves, under a key that the store never sees.
//!
//! ```text
//!  snapshot ─► engine's frames ─► archive ─► sealed in chunks ─► the store, PREFIX/SNAPSHOT
//!  the store ─► opened in chunks ─► archive, checked ─► engine ─► a snapshot again
//! ```
//!
//! One at a time, as jobs; what fails is tried again, for longer and longer. Who waits for one to be fetched does not wait
//! for others to be made.

pub(crate) mod ask;
pub(crate) mod config;
pub(crate) mod making;
pub(crate) mod place;

use crate::kernel::jobs::jobs;

jobs! {
    CopySnapshot: 1 at once, 60 to 3600 s => making::try_to_make { attempts };
    RemoveCopy: 1 at once, 60 to 3600 s => making::try_to_remove;
    FetchCopy: 1 at once, 60 to 3600 s => making::try_to_fetch;
}
