//! `/v1/copies`: copies of snapshots that are not on this host

use axum::extract::{RawPathParams, State};
use http::StatusCode;
use rolltop_api_types::{Problem, SnapshotCopy, SnapshotCopyList};
use rolltop_control::Control;

use super::snapshots::id;
use crate::convert;
use crate::extract::{Answer, Asking, accepted, in_path, ok};
use crate::problems::ApiError;

/// Copy a snapshot off this host
///
/// To where the operator keeps such: any store that speaks S3, or a folder. Its disk, not its memory, encrypted before it
/// leaves. It is made in the background, and tried again where that fails. A copy stays when its snapshot goes.
#[utoipa::path(post, path = "/v1/snapshots/{id}/copy", tag = "snapshots", operation_id = "copySnapshot",
    params(("id" = String, Path, description = "The snapshot's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is being made, or was.", body = SnapshotCopy),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`, `no_copies`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn make(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<Answer<SnapshotCopy>, ApiError> {
    Ok(accepted(convert::snapshot_copy(control.copy_snapshot(&asking.caller, id(&path)?).await?)))
}

/// List copies
///
/// Of this workspace's snapshots, whether those are there or not.
#[utoipa::path(get, path = "/v1/copies", tag = "snapshots", operation_id = "listCopies",
    responses((status = 200, description = "The newest first.", body = SnapshotCopyList)))]
pub(crate) async fn list(
    State(control): State<Control>,
    asking: Asking,
) -> Result<Answer<SnapshotCopyList>, ApiError> {
    let copies = control.copies(&asking.caller).await?;
    let items = copies.into_iter().map(convert::snapshot_copy).collect();
    Ok(ok(SnapshotCopyList { items, configured: control.has_copies() }))
}

/// Fetch a copy
///
/// It becomes a snapshot here again, in the background: `fetched_as` names it then, and desktops are made of it. The copy
/// stays.
#[utoipa::path(post, path = "/v1/copies/{id}/fetch", tag = "snapshots", operation_id = "fetchCopy",
    params(("id" = String, Path, description = "The copy's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is being fetched.", body = SnapshotCopy),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`, `no_copies`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn fetch(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<Answer<SnapshotCopy>, ApiError> {
    let id = in_path(&path, "id").ok_or_else(no_such_copy)?;
    Ok(accepted(convert::snapshot_copy(control.fetch_copy(&asking.caller, id).await?)))
}

/// Delete a copy
#[utoipa::path(delete, path = "/v1/copies/{id}", tag = "snapshots", operation_id = "deleteCopy",
    params(("id" = String, Path, description = "The copy's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 204, description = "It is going."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`no_copies`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<StatusCode, ApiError> {
    let id = in_path(&path, "id").ok_or_else(no_such_copy)?;
    control.delete_copy(&asking.caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn no_such_copy() -> ApiError {
    rolltop_control::CopyError::NotFound.into()
}
