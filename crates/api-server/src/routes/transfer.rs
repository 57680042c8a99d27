//! Desktops as files: `GET /v1/snapshots/{id}/export`, `POST /v1/snapshots`

use std::io;

use axum::body::Body;
use axum::extract::{RawPathParams, State};
use axum::response::{IntoResponse, Response};
use futures::TryStreamExt;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use rolltop_api_types::{Problem, Snapshot};
use rolltop_control::{Control, InternalError};

use super::files::content::stored_only;
use super::snapshots::id;
use crate::convert;
use crate::extract::{Answer, Asking};
use crate::problems::ApiError;

/// Export a snapshot
///
/// Its disk with all that is on it, and what boots it, as one file: a tar archive compressed with zstd, whose last entry is
/// a manifest with the checksum of all the others. Its memory is not in it, and it is not encrypted. Made while it is
/// read; one that breaks off has no manifest and is taken in nowhere.
#[utoipa::path(get, path = "/v1/snapshots/{id}/export", tag = "snapshots", operation_id = "exportSnapshot",
    params(("id" = String, Path, description = "The snapshot's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "application/zstd"),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_transfers`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn export(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<Response, ApiError> {
    let export = control.export_snapshot(&asking.caller, id(&path)?).await?;
    let headers = stored_only(&format!("{}.rolltop", export.name));
    let mut response = (headers, Body::from_stream(export.bytes)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zstd"));
    Ok(response)
}

/// Import a snapshot
///
/// Takes in a file that was exported here or by another Rolltop. It is a snapshot then, of which desktops are made. Nothing
/// of it is kept unless all of it has come and its checksum is right.
#[utoipa::path(post, path = "/v1/snapshots", tag = "snapshots", operation_id = "importSnapshot",
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 201, description = "It is there.", body = Snapshot),
        (status = 400, description = "`upload_broken_off`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`quota_reached`, `disk_quota_reached`, `host_refused`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_export`", body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_transfers`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn import(
    State(control): State<Control>,
    asking: Asking,
    body: Body,
) -> Result<Answer<Snapshot>, ApiError> {
    // A task of its own: what has come is cleared away even when whoever sends goes away.
    let taking = tokio::spawn(async move {
        let bytes = body.into_data_stream().map_err(io::Error::other);
        control.import_snapshot(&asking.caller, Box::pin(bytes)).await
    });
    let taken = taking.await.map_err(|_| InternalError::Other("an import broke off"))??;
    Ok(Answer(StatusCode::CREATED, convert::snapshot(taken)))
}
