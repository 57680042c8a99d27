//! Who people are: links, passwords, sessions, keys.

mod authenticate;
mod password;
mod sign_in;

pub use authenticate::AuthenticateError;
pub use password::SetPasswordError;
pub use sign_in::{RedeemError, Redeemed, SignInError};
