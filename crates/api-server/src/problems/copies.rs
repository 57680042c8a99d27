//! Errors of copies that are not on this host.

use rolltop_api_types::Code;
use rolltop_control::CopyError;

use super::ApiError;
use super::shared::missing_scope;

impl From<CopyError> for ApiError {
    fn from(error: CopyError) -> Self {
        match error {
            CopyError::Forbidden(scope) => missing_scope(scope),
            CopyError::NotConfigured => Self::new(Code::NoCopies, error.to_string()),
            CopyError::NotFound => Self::new(Code::NotFound, error.to_string()),
            CopyError::NotDone => Self::new(Code::WrongState, error.to_string()),
            CopyError::Unreadable => Self::new(Code::CopyUnreadable, error.to_string()),
            CopyError::Snapshot(error) => error.into(),
            CopyError::Transfer(error) => error.into(),
            CopyError::Internal(error) => error.into(),
        }
    }
}
