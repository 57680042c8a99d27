//! People's own SSH: their public keys, and what the jump host may ask.
//!
//! A key opens every desktop of its workspace, so it is in the `authorized_keys` of each and is what
//! the jump host knows people by. Taking one away ends what is open through the jump host at once.

mod gateway;
mod keys;
mod public_key;
mod reconnecting;

pub use gateway::{GatewayView, KeyGuard, Tunnel, TunnelError};
pub use keys::{AddKeyError, RemoveKeyError};
pub(crate) use reconnecting::Reconnecting;

pub use public_key::{PublicKeyError, fingerprint};
