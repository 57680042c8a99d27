//! `/v1/copies`: copies of snapshots that are not on this host

use rolltop_api_types::{SnapshotCopy, SnapshotCopyList, op};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn make(call: Call<op::CopySnapshot>) -> Result<SnapshotCopy, ApiError> {
    Ok(convert::snapshot_copy(call.control.copy_snapshot(&call.caller, call.path).await?))
}

pub(crate) async fn list(call: Call<op::ListCopies>) -> Result<SnapshotCopyList, ApiError> {
    let copies = call.control.copies(&call.caller).await?;
    let items = copies.into_iter().map(convert::snapshot_copy).collect();
    Ok(SnapshotCopyList { items, configured: call.control.has_copies() })
}

pub(crate) async fn fetch(call: Call<op::FetchCopy>) -> Result<SnapshotCopy, ApiError> {
    let id = call.path.0;
    Ok(convert::snapshot_copy(call.control.fetch_copy(&call.caller, id).await?))
}

pub(crate) async fn delete(call: Call<op::DeleteCopy>) -> Result<(), ApiError> {
    let id = call.path.0;
    call.control.delete_copy(&call.caller, id).await?;
    Ok(())
}
