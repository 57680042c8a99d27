//! People's own SSH: their public keys, and what the jump host may ask.
//!
//! A key opens every desktop of its workspace, so it is in the `authorized_keys` of each and is what
//! the jump host knows people by. Taking one away ends what is open through the jump host at once.

pub(crate) mod delivery;
pub(crate) mod gateway;
pub(crate) mod keys;
pub(crate) mod public_key;
pub(crate) mod reconnecting;

use crate::kernel::jobs::jobs;

jobs! {
    // After a desktop has not taken its keys it is left alone for the first pause.
    DeliverKeys: 8 at once, 5 to 300 s => delivery::deliver;
    ExpireKeys: 1 at once, 5 to 300 s => delivery::expire;
}
