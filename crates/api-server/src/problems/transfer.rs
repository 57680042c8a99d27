//! Errors of exporting and importing desktops.

use rolltop_api_types::Code;
use rolltop_control::{ArchiveError, TransferError};

use super::ApiError;
use super::shared::missing_scope;

/// Seconds; how long the others take nobody knows.
const RETRY_AFTER: u64 = 30;

impl From<TransferError> for ApiError {
    fn from(error: TransferError) -> Self {
        match error {
            TransferError::Forbidden(scope) => missing_scope(scope),
            TransferError::Snapshot(error) => error.into(),
            TransferError::NeverUp => Self::new(Code::WrongState, error.to_string()),
            TransferError::Archive(ArchiveError::Io(error)) => {
                tracing::debug!(%error, "an import broke off");
                Self::new(Code::UploadBrokenOff, "The file did not come whole; send it again.")
            }
            TransferError::Archive(ArchiveError::NoRoom) => {
                Self::new(Code::DiskQuotaReached, error.to_string())
            }
            TransferError::Archive(_) => Self::new(Code::InvalidExport, error.to_string()),
            TransferError::TooMany => {
                Self::new(Code::TooManyTransfers, error.to_string()).retry_after(RETRY_AFTER)
            }
            TransferError::Refused(_) | TransferError::DiskFull => {
                Self::new(Code::HostRefused, error.to_string())
            }
            TransferError::Lacks(lacks) => lacks.into(),
            TransferError::HostUnreachable => Self::unavailable(&error),
            TransferError::InFlight(error) => error.into(),
            TransferError::Internal(error) => error.into(),
        }
    }
}
