//! `GET /v1/snapshots/{id}/screenshot`

use axum::response::Response;
use rolltop_api_types::op;

use super::screenshot::picture_of_guest;
use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn screenshot(call: Call<op::GetSnapshotScreenshot>) -> Result<Response, ApiError> {
    let picture = call.control.snapshot_picture(&call.caller, call.path).await?;
    // It never changes.
    Ok(picture_of_guest(picture.into(), "private, max-age=86400, immutable"))
}
