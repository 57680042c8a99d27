//! Errors of setting desktops up.

use rolltop_api_types::Code;
use rolltop_control::{AskSetupError, SetUpError};

use super::ApiError;

impl From<SetUpError> for ApiError {
    fn from(error: SetUpError) -> Self {
        Self::new(Code::InvalidSetup, error.to_string()).in_field(error.field())
    }
}

impl From<AskSetupError> for ApiError {
    fn from(error: AskSetupError) -> Self {
        match error {
            AskSetupError::NotFound => Self::no_such_desktop(),
            AskSetupError::NoSetup => Self::new(Code::NotFound, error.to_string()),
            AskSetupError::Wrong(error) => error.into(),
            AskSetupError::Running | AskSetupError::BeingDestroyed => {
                Self::new(Code::WrongState, error.to_string())
            }
            AskSetupError::Unreachable => Self::new(Code::DesktopUnreachable, error.to_string()),
            AskSetupError::Internal(error) => error.into(),
        }
    }
}
