//! Desktops as files: `GET /v1/snapshots/{id}/export`, `POST /v1/snapshots`

use std::io;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use futures::TryStreamExt as _;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use rolltop_api_types::{Snapshot, op};
use rolltop_control::InternalError;

use super::files::content::stored_only;
use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn export(call: Call<op::ExportSnapshot>) -> Result<Response, ApiError> {
    let export = call.control.export_snapshot(&call.caller, call.path).await?;
    let headers = stored_only(&format!("{}.rolltop", export.name));
    let mut response = (headers, Body::from_stream(export.bytes)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zstd"));
    Ok(response)
}

pub(crate) async fn import(mut call: Call<op::ImportSnapshot>) -> Result<Snapshot, ApiError> {
    // A task of its own: what has come is cleared away even when whoever sends goes away.
    let taking = tokio::spawn(async move {
        let bytes = call.bytes().into_data_stream().map_err(io::Error::other);
        call.control.import_snapshot(&call.caller, Box::pin(bytes)).await
    });
    let taken = taking.await.map_err(|_| InternalError::Other("an import broke off"))??;
    Ok(taken)
}
