//! Errors of signing a device in.

use rolltop_api_types::Code;
use rolltop_control::{DecideDeviceError, DeviceKeyError, StartDeviceError};

use super::ApiError;
use super::shared::missing_scope;

/// What too many devices wait, seconds.
const CROWDED: u64 = 60;

impl From<StartDeviceError> for ApiError {
    fn from(error: StartDeviceError) -> Self {
        match error {
            StartDeviceError::Name => Self::new(Code::InvalidName, error.to_string()).in_field("client_name"),
            StartDeviceError::TooMany => Self::new(Code::RateLimited, error.to_string()).retry_after(CROWDED),
            StartDeviceError::Internal(error) => error.into(),
        }
    }
}

impl From<DecideDeviceError> for ApiError {
    fn from(error: DecideDeviceError) -> Self {
        match error {
            DecideDeviceError::Forbidden(scope) => missing_scope(scope),
            DecideDeviceError::NotAPerson => Self::new(Code::NotAPerson, error.to_string()),
            DecideDeviceError::NoSuchCode => {
                Self::new(Code::NoSuchCode, error.to_string()).in_field("user_code")
            }
            DecideDeviceError::TooManyAttempts { retry_after } => {
                let seconds = retry_after.as_secs().max(1);
                Self::new(Code::RateLimited, format!("Too many attempts; wait {seconds} s."))
                    .retry_after(seconds)
            }
            DecideDeviceError::Internal(error) => error.into(),
        }
    }
}

impl From<DeviceKeyError> for ApiError {
    fn from(error: DeviceKeyError) -> Self {
        let sentence = error.to_string();
        match error {
            DeviceKeyError::Pending => Self::new(Code::AuthorizationPending, sentence),
            DeviceKeyError::TooSoon(pause) => {
                Self::new(Code::SlowDown, sentence).retry_after(pause.as_secs())
            }
            DeviceKeyError::Denied => Self::new(Code::AccessDenied, sentence),
            DeviceKeyError::Expired => Self::new(Code::ExpiredToken, sentence),
            DeviceKeyError::TooManyKeys => Self::new(Code::QuotaReached, sentence),
            DeviceKeyError::Internal(error) => error.into(),
        }
    }
}
