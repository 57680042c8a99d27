//! Errors of signing in, and of accounts.

use std::time::Duration;

use rolltop_api_types::Code;
use rolltop_control::{AuthenticateError, RedeemError, SetPasswordError, SignInError};

use super::ApiError;

impl From<AuthenticateError> for ApiError {
    fn from(error: AuthenticateError) -> Self {
        match error {
            AuthenticateError::Invalid => Self::new(
                Code::Unauthenticated,
                "This credential is not valid; sign in again or use another API key.",
            ),
            AuthenticateError::Internal(error) => error.into(),
        }
    }
}

impl From<RedeemError> for ApiError {
    fn from(error: RedeemError) -> Self {
        match error {
            RedeemError::Invalid => Self::new(Code::LinkNotValid, error.to_string()),
            RedeemError::Internal(error) => error.into(),
        }
    }
}

fn too_many(retry_after: Duration) -> ApiError {
    let seconds = retry_after.as_secs().max(1);
    ApiError::new(Code::RateLimited, format!("Too many attempts; wait {seconds} s.")).retry_after(seconds)
}

impl From<SignInError> for ApiError {
    fn from(error: SignInError) -> Self {
        match error {
            SignInError::Wrong => Self::new(Code::WrongCredentials, error.to_string()),
            SignInError::TooManyAttempts { retry_after } => too_many(retry_after),
            SignInError::Internal(error) => error.into(),
        }
    }
}

impl From<SetPasswordError> for ApiError {
    fn from(error: SetPasswordError) -> Self {
        match error {
            SetPasswordError::NotAPerson => Self::new(Code::NotAPerson, error.to_string()),
            SetPasswordError::BadName => Self::new(Code::InvalidName, error.to_string()).in_field("name"),
            SetPasswordError::NameTaken => Self::new(Code::NameTaken, error.to_string()).in_field("name"),
            SetPasswordError::TooShort | SetPasswordError::TooLong => {
                Self::new(Code::WeakPassword, error.to_string()).in_field("password")
            }
            SetPasswordError::WrongPresent => {
                Self::new(Code::WrongPassword, error.to_string()).in_field("present")
            }
            SetPasswordError::TooManyAttempts { retry_after } => too_many(retry_after),
            SetPasswordError::Internal(error) => error.into(),
        }
    }
}
