//! Errors of snapshots and forks.

use rolltop_api_types::Code;
use rolltop_control::SnapshotError;

use super::ApiError;
use super::desktops::name_taken;
use super::shared::missing_scope;

impl From<SnapshotError> for ApiError {
    fn from(error: SnapshotError) -> Self {
        match error {
            SnapshotError::Forbidden(scope) => missing_scope(scope),
            SnapshotError::NotFound | SnapshotError::NoPicture => {
                Self::new(Code::NotFound, error.to_string())
            }
            SnapshotError::NoSuchDesktop => Self::no_such_desktop(),
            SnapshotError::BadName | SnapshotError::Name(_) => {
                Self::new(Code::InvalidName, error.to_string()).in_field("name")
            }
            SnapshotError::WrongState(_) | SnapshotError::Failed | SnapshotError::NothingToUndo => {
                Self::new(Code::WrongState, error.to_string())
            }
            SnapshotError::TooMany | SnapshotError::QuotaReached(_) => {
                Self::new(Code::QuotaReached, error.to_string())
            }
            SnapshotError::OverDiskQuota(_) => Self::new(Code::DiskQuotaReached, error.to_string()),
            SnapshotError::InUse => Self::new(Code::InUse, error.to_string()),
            SnapshotError::IdempotencyMismatch => Self::new(Code::IdempotencyKeyReused, error.to_string()),
            SnapshotError::BadIdempotencyKey(_) => Self::new(Code::InvalidHeader, error.to_string()),
            SnapshotError::BadCount => Self::new(Code::InvalidCount, error.to_string()).in_field("count"),
            SnapshotError::NameTaken(name) => name_taken(&name),
            SnapshotError::Lacks(lacks) => lacks.into(),
            SnapshotError::Internal(error) => error.into(),
        }
    }
}
