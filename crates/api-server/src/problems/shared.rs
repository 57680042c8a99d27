//! Errors that many operations share.

use rolltop_api_types::{Code, Scope};
use rolltop_control::{
    AccessError, AdminError, EnterError, ExecError, FileError, InFlightError, InternalError, Lacks,
    PortError, QueryError, SettingError, TerminalError,
};

use super::ApiError;

impl From<InternalError> for ApiError {
    fn from(error: InternalError) -> Self {
        match error {
            InternalError::Engine(_) => Self::unavailable(&error),
            InternalError::Store(_) | InternalError::Vault(_) | InternalError::Other(_) => {
                Self::internal(&error)
            }
        }
    }
}

pub(super) fn missing_scope(scope: Scope) -> ApiError {
    ApiError::missing_scope(scope.as_str())
}

impl From<Lacks> for ApiError {
    fn from(lacks: Lacks) -> Self {
        Self::new(Code::NotSupportedByEngine, lacks.sentence())
    }
}

impl From<SettingError> for ApiError {
    fn from(error: SettingError) -> Self {
        match error {
            SettingError::Lacks(lacks) => lacks.into(),
            SettingError::Access(error) => error.into(),
            SettingError::Internal(error) => error.into(),
        }
    }
}

impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotFound => Self::no_such_desktop(),
            AccessError::Forbidden(scope) => missing_scope(scope),
            AccessError::Internal(error) => error.into(),
        }
    }
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        match error {
            QueryError::Forbidden(scope) => missing_scope(scope),
            QueryError::BadCursor => Self::new(
                Code::InvalidCursor,
                "The cursor is not one that this list gave out; begin without one.",
            ),
            QueryError::HostUnreachable => Self::unavailable(&error),
            QueryError::Internal(error) => error.into(),
        }
    }
}

impl From<EnterError> for ApiError {
    fn from(error: EnterError) -> Self {
        match error {
            EnterError::NotFound => Self::no_such_desktop(),
            EnterError::NotRunning => {
                Self::new(Code::NotRunning, "This desktop is not running; start it first.")
            }
            EnterError::StandsStill(_) => {
                Self::new(Code::DesktopUnreachable, error.to_string()).retry_after(2)
            }
            EnterError::InFlight(error) => error.into(),
            EnterError::Unavailable(_) | EnterError::Timeout => {
                tracing::warn!(error = %super::causes(&error), "a desktop could not be entered");
                Self::new(Code::DesktopUnreachable, "The desktop does not answer; try again shortly.")
                    .retry_after(2)
            }
            EnterError::Internal(error) => error.into(),
        }
    }
}

impl From<InFlightError> for ApiError {
    fn from(error: InFlightError) -> Self {
        match error {
            InFlightError::TooMany { .. } => Self::new(Code::TooManyAtOnce, error.to_string()).retry_after(1),
            InFlightError::NoMemory => {
                tracing::warn!("the memory for what is transferred is used up");
                Self::new(Code::Unavailable, error.to_string()).retry_after(5)
            }
        }
    }
}

impl From<TerminalError> for ApiError {
    fn from(error: TerminalError) -> Self {
        match error {
            TerminalError::NoTmux => Self::new(Code::NoTerminal, error.to_string()),
            TerminalError::TooMany => Self::new(Code::TooManyViewers, error.to_string()).retry_after(5),
            TerminalError::Enter(error) => error.into(),
        }
    }
}

impl From<PortError> for ApiError {
    fn from(error: PortError) -> Self {
        match error {
            PortError::Closed(_) => Self::new(Code::PortClosed, error.to_string()),
            PortError::TooMany => Self::new(Code::TooManyConnections, error.to_string()).retry_after(1),
            PortError::Enter(error) => error.into(),
        }
    }
}

impl From<ExecError> for ApiError {
    fn from(error: ExecError) -> Self {
        let (code, field) = match error {
            ExecError::Enter(error) => return error.into(),
            ExecError::TooMany => {
                return Self::new(Code::TooManyCommands, error.to_string()).retry_after(5);
            }
            ExecError::NotSupported => return Self::new(Code::NoExec, error.to_string()),
            ExecError::BadCommand => (Code::InvalidCommand, "command"),
            ExecError::BadVariable => (Code::InvalidCommand, "env"),
            ExecError::NoSuchProgram(_) => (Code::CommandNotFound, "command"),
            ExecError::NotExecutable(_) => (Code::NotExecutable, "command"),
            ExecError::BadFolder | ExecError::NoSuchFolder(_) => (Code::FolderNotFound, "cwd"),
        };
        Self::new(code, error.to_string()).in_field(field)
    }
}

impl From<FileError> for ApiError {
    fn from(error: FileError) -> Self {
        let code = match error {
            FileError::Enter(error) => return error.into(),
            FileError::BadPath => return Self::new(Code::InvalidPath, error.to_string()).in_field("path"),
            FileError::NoSuchFile => Code::FileNotFound,
            FileError::Denied => Code::FileDenied,
            FileError::NotAFile => Code::NotAFile,
            FileError::NotAFolder => Code::NotAFolder,
            FileError::Exists => Code::FileExists,
            FileError::NotEmpty => Code::FolderNotEmpty,
            FileError::Changed => Code::FileChanged,
            FileError::WrongOffset(_) => Code::WrongOffset,
            FileError::BrokenOff => Code::UploadBrokenOff,
            FileError::Refused => Code::FileRefused,
        };
        Self::new(code, error.to_string())
    }
}

impl From<AdminError> for ApiError {
    fn from(error: AdminError) -> Self {
        match error {
            AdminError::HostUnreachable => Self::unavailable(&error),
            AdminError::Internal(error) => error.into(),
        }
    }
}
