//! Errors of templates that are made of desktops.

use rolltop_api_types::Code;
use rolltop_control::SavedTemplateError;

use super::ApiError;
use super::shared::missing_scope;

impl From<SavedTemplateError> for ApiError {
    fn from(error: SavedTemplateError) -> Self {
        match error {
            SavedTemplateError::Forbidden(scope) => missing_scope(scope),
            SavedTemplateError::NotFound => Self::new(Code::NotFound, error.to_string()),
            SavedTemplateError::BadName => Self::new(Code::InvalidName, error.to_string()).in_field("name"),
            SavedTemplateError::NameTaken(_) => {
                Self::new(Code::NameTaken, error.to_string()).in_field("name")
            }
            SavedTemplateError::BadTitle => Self::new(Code::InvalidText, error.to_string()).in_field("title"),
            SavedTemplateError::BadDescription => {
                Self::new(Code::InvalidText, error.to_string()).in_field("description")
            }
            SavedTemplateError::UnknownTool(_) => {
                Self::new(Code::UnknownTool, error.to_string()).in_field("keep")
            }
            SavedTemplateError::TooMany => Self::new(Code::QuotaReached, error.to_string()),
            SavedTemplateError::Lacks(lacks) => lacks.into(),
            SavedTemplateError::HostUnreachable => Self::unavailable(&error),
            SavedTemplateError::Desktop(error) => error.into(),
            SavedTemplateError::Internal(error) => error.into(),
        }
    }
}
