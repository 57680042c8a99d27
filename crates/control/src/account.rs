//! Who people are: links, passwords, sessions, keys.

mod api_keys;
mod authenticate;
mod device;
mod guard;
mod limiter;
mod password;
mod sign_in;

pub(crate) use api_keys::names;
pub use api_keys::{CreateKeyError, RevokeKeyError};
pub use authenticate::AuthenticateError;
pub use device::{DecideDeviceError, DeviceKeyError, DeviceLogin, StartDeviceError};
pub use guard::CredentialGuard;
pub(crate) use guard::Looks;
pub(crate) use limiter::{SignInLimiter, Whence};
pub use password::SetPasswordError;
pub use sign_in::{RedeemError, Redeemed, SignInError};
