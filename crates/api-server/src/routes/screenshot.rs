//! `GET /v1/desktops/{id}/screenshot`

use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use rolltop_api_types::{Code, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::problems::ApiError;

const DEFAULT_WIDTH: u16 = 480;

pub(crate) async fn get(call: Call<op::GetScreenshot>) -> Result<Response, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let width = call.query.width.unwrap_or(DEFAULT_WIDTH);
    if !(64..=1920).contains(&width) {
        return Err(
            ApiError::new(Code::InvalidQuery, "The width is a number from 64 to 1920.").in_field("width")
        );
    }
    let bytes = call.control.screenshot(&access, width).await?;
    Ok(picture_of_guest(bytes, "private, max-age=2"))
}

pub(super) fn picture_of_guest(bytes: bytes::Bytes, caching: &'static str) -> Response {
    // The bytes are the guest's: nothing may take them for anything but a picture.
    let headers = [
        (CONTENT_TYPE, "image/jpeg"),
        (CACHE_CONTROL, caching),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox"),
    ];
    (headers, bytes).into_response()
}
