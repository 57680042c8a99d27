//! Errors of holding a desktop awake.

use rolltop_api_types::Code;
use rolltop_control::HoldError;

use super::ApiError;

impl From<HoldError> for ApiError {
    fn from(error: HoldError) -> Self {
        match error {
            HoldError::NotFound => Self::new(Code::NotFound, error.to_string()),
            HoldError::Lifetime => {
                Self::new(Code::InvalidLifetime, error.to_string()).in_field("lasts_seconds")
            }
            HoldError::Reason => Self::new(Code::InvalidReason, error.to_string()).in_field("reason"),
            HoldError::TooMany => Self::new(Code::QuotaReached, error.to_string()),
            HoldError::Internal(error) => error.into(),
        }
    }
}
