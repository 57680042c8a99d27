//! Who people are: links, passwords, sessions, keys.

mod authenticate;
mod limiter;
mod password;
mod sign_in;

pub use authenticate::AuthenticateError;
pub(crate) use limiter::SignInLimiter;
pub use password::SetPasswordError;
pub use sign_in::{RedeemError, Redeemed, SignInError};
