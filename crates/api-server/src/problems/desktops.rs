//! Errors of making and changing desktops.

use rolltop_api_types::Code;
use rolltop_control::{
    CommandError, CreateError, EndProcessesError, FixScreenError, RenameError, ResizeError,
};

use super::shared::missing_scope;
use super::{ApiError, shown};

impl From<CreateError> for ApiError {
    fn from(error: CreateError) -> Self {
        match error {
            CreateError::Forbidden(scope) => missing_scope(scope),
            CreateError::Name(error) => Self::new(Code::InvalidName, error.to_string()).in_field("name"),
            CreateError::NameTaken(name) => name_taken(&name),
            CreateError::Size(error) => Self::new(Code::UnknownSize, error.to_string()).in_field("size"),
            CreateError::Screen(error) => {
                Self::new(Code::InvalidScreen, error.to_string()).in_field("screen")
            }
            CreateError::Setup(error) => {
                let field = format!("setup.{}", error.field());
                Self::new(Code::InvalidSetup, error.to_string()).in_field(&field)
            }
            CreateError::UnknownTemplate(template) => Self::new(
                Code::UnknownTemplate,
                match shown(&template) {
                    Some(template) => {
                        format!("There is no template {template}; GET /v1/templates lists them.")
                    }
                    None => "There is no such template; GET /v1/templates lists them.".to_owned(),
                },
            )
            .in_field("template"),
            CreateError::NoTemplate => {
                Self::new(Code::NoTemplate, "There is no template yet; the operator has to build one first.")
            }
            CreateError::QuotaReached(limit) => {
                let desktops = if limit == 1 { "desktop" } else { "desktops" };
                let detail =
                    format!("This workspace may have {limit} {desktops} at most; destroy one first.");
                Self::new(Code::QuotaReached, detail)
            }
            CreateError::OverDiskQuota(error) => Self::new(Code::DiskQuotaReached, error.to_string()),
            CreateError::IdempotencyMismatch => Self::new(Code::IdempotencyKeyReused, error.to_string()),
            CreateError::BadIdempotencyKey(_) => Self::new(Code::InvalidHeader, error.to_string()),
            CreateError::HostUnreachable => Self::unavailable(&error),
            CreateError::Internal(error) => error.into(),
        }
    }
}

pub(super) fn name_taken(name: &str) -> ApiError {
    let detail = match shown(name) {
        Some(name) => format!("There is already a desktop called {name}; choose another name."),
        None => "There is already a desktop of that name; choose another one.".to_owned(),
    };
    ApiError::new(Code::NameTaken, detail).in_field("name")
}

impl From<FixScreenError> for ApiError {
    fn from(error: FixScreenError) -> Self {
        match error {
            FixScreenError::NotFound => Self::no_such_desktop(),
            FixScreenError::Size(error) => {
                Self::new(Code::InvalidScreen, error.to_string()).in_field("screen")
            }
            FixScreenError::Internal(error) => error.into(),
        }
    }
}

impl From<CommandError> for ApiError {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::NotFound => Self::no_such_desktop(),
            CommandError::Refused(refusal) => Self::new(Code::WrongState, refusal.to_string()),
            CommandError::Lacks(lacks) => lacks.into(),
            CommandError::Internal(error) => error.into(),
        }
    }
}

impl From<EndProcessesError> for ApiError {
    fn from(error: EndProcessesError) -> Self {
        match error {
            EndProcessesError::NotFound => Self::no_such_desktop(),
            EndProcessesError::NotRunning => Self::new(Code::NotRunning, error.to_string()),
            EndProcessesError::UnderWay => Self::new(Code::WrongState, error.to_string()).retry_after(1),
            EndProcessesError::NotAnswering | EndProcessesError::StandsStill(_) => {
                Self::new(Code::DesktopUnreachable, error.to_string())
            }
            EndProcessesError::Internal(error) => error.into(),
        }
    }
}

impl From<ResizeError> for ApiError {
    fn from(error: ResizeError) -> Self {
        match error {
            ResizeError::NotFound => Self::no_such_desktop(),
            ResizeError::Size(error) => Self::new(Code::UnknownSize, error.to_string()).in_field("size"),
            ResizeError::Shrinks(_) | ResizeError::TooLarge => {
                Self::new(Code::InvalidDisk, error.to_string()).in_field("disk_gib")
            }
            ResizeError::Internal(error) => error.into(),
        }
    }
}

impl From<RenameError> for ApiError {
    fn from(error: RenameError) -> Self {
        match error {
            RenameError::NotFound => Self::no_such_desktop(),
            RenameError::Name(error) => Self::new(Code::InvalidName, error.to_string()).in_field("name"),
            RenameError::NameTaken(name) => name_taken(&name),
            RenameError::BeingDestroyed => Self::new(Code::WrongState, "This desktop is being destroyed."),
            RenameError::Internal(error) => error.into(),
        }
    }
}
