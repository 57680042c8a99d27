//! Errors of SSH keys, and of the jump host's tunnels.

use rolltop_api_types::Code;
use rolltop_control::{AddKeyError, PublicKeyError, RemoveKeyError, TunnelError};

use super::ApiError;
use super::shared::missing_scope;

impl From<AddKeyError> for ApiError {
    fn from(error: AddKeyError) -> Self {
        match error {
            AddKeyError::Forbidden(scope) => missing_scope(scope),
            AddKeyError::Key(error) => {
                let code = match error {
                    PublicKeyError::Private => Code::PrivateKey,
                    PublicKeyError::Dsa | PublicKeyError::ShortRsa(_) => Code::WeakKey,
                    PublicKeyError::NotAKey
                    | PublicKeyError::SeveralLines
                    | PublicKeyError::Certificate
                    | PublicKeyError::UnknownKind => Code::InvalidKey,
                };
                Self::new(code, error.to_string()).in_field("public_key")
            }
            AddKeyError::Name => Self::new(Code::InvalidName, error.to_string()).in_field("name"),
            AddKeyError::Exists(_) => Self::new(Code::KeyExists, error.to_string()).in_field("public_key"),
            AddKeyError::TooMany => Self::new(Code::QuotaReached, error.to_string()),
            AddKeyError::Internal(error) => error.into(),
        }
    }
}

impl From<RemoveKeyError> for ApiError {
    fn from(error: RemoveKeyError) -> Self {
        match error {
            RemoveKeyError::Forbidden(scope) => missing_scope(scope),
            RemoveKeyError::NotFound => Self::new(Code::NotFound, error.to_string()),
            RemoveKeyError::Internal(error) => error.into(),
        }
    }
}

impl From<TunnelError> for ApiError {
    fn from(error: TunnelError) -> Self {
        match error {
            TunnelError::NotFound => Self::no_such_desktop(),
            TunnelError::Ambiguous => Self::new(Code::AmbiguousName, error.to_string()),
            TunnelError::NotRunning(sentence) => Self::new(Code::NotRunning, sentence),
            TunnelError::StartTimedOut => Self::new(Code::DesktopUnreachable, error.to_string()),
            TunnelError::Unreachable(_) => {
                tracing::warn!(error = %super::causes(&error), "a desktop's sshd could not be reached");
                Self::new(Code::DesktopUnreachable, error.to_string())
            }
            TunnelError::Internal(error) => error.into(),
        }
    }
}
