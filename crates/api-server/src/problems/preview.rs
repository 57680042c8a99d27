//! Errors of previews and share links.

use rolltop_api_types::Code;
use rolltop_control::{PassError, PreviewError, ShareError, TicketError};

use super::ApiError;
use super::shared::missing_scope;

impl From<TicketError> for ApiError {
    fn from(error: TicketError) -> Self {
        match error {
            TicketError::NotFound => Self::no_such_desktop(),
            TicketError::Forbidden(scope) => missing_scope(scope),
            TicketError::NotAPerson => Self::new(Code::NotAPerson, error.to_string()),
            TicketError::Internal(error) => error.into(),
        }
    }
}

impl From<PassError> for ApiError {
    fn from(error: PassError) -> Self {
        match error {
            PassError::Invalid => Self::new(Code::PreviewClosed, error.to_string()),
            PassError::Internal(error) => error.into(),
        }
    }
}

impl From<PreviewError> for ApiError {
    fn from(error: PreviewError) -> Self {
        match error {
            PreviewError::Pass(error) => error.into(),
            PreviewError::Port(error) => error.into(),
        }
    }
}

impl From<ShareError> for ApiError {
    fn from(error: ShareError) -> Self {
        match error {
            ShareError::NotFound => Self::new(Code::NotFound, error.to_string()),
            ShareError::Lifetime => {
                Self::new(Code::InvalidLifetime, error.to_string()).in_field("lasts_seconds")
            }
            ShareError::TooMany => Self::new(Code::QuotaReached, error.to_string()),
            ShareError::Access(error) => error.into(),
            ShareError::Internal(error) => error.into(),
        }
    }
}
