//! Errors of making and revoking API keys.

use rolltop_api_types::Code;
use rolltop_control::{CreateKeyError, RevokeKeyError};

use super::ApiError;
use super::shared::missing_scope;

impl From<CreateKeyError> for ApiError {
    fn from(error: CreateKeyError) -> Self {
        let code = match error {
            CreateKeyError::Forbidden(scope) => return missing_scope(scope),
            CreateKeyError::NotHeld(_) => (Code::MissingScope, "scopes"),
            CreateKeyError::Name => (Code::InvalidName, "name"),
            CreateKeyError::NoScopes => (Code::InvalidScopes, "scopes"),
            CreateKeyError::Tied => (Code::TiedToDesktop, "desktop"),
            CreateKeyError::UnknownDesktop => (Code::UnknownDesktop, "desktop"),
            CreateKeyError::Expired | CreateKeyError::Outlives(_) => (Code::InvalidExpiry, "expires_at"),
            CreateKeyError::TooMany => return Self::new(Code::QuotaReached, error.to_string()),
            CreateKeyError::Internal(error) => return error.into(),
        };
        Self::new(code.0, error.to_string()).in_field(code.1)
    }
}

impl From<RevokeKeyError> for ApiError {
    fn from(error: RevokeKeyError) -> Self {
        match error {
            RevokeKeyError::Forbidden(scope) => missing_scope(scope),
            RevokeKeyError::NotFound => Self::new(Code::NotFound, error.to_string()),
            RevokeKeyError::Internal(error) => error.into(),
        }
    }
}
