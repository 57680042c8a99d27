//! `GET /v1/desktops/{id}/screenshot`

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use rolltop_api_types::{Code, Problem};
use rolltop_control::{Control, purpose};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::extract::{Query, Ticket};
use crate::problems::ApiError;

const DEFAULT_WIDTH: u16 = 480;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Picture {
    /// Pixels, 64 to 1920; by default 480. The height follows.
    #[param(minimum = 64, maximum = 1920, example = 480)]
    width: Option<u16>,
}

/// A picture of the screen
///
/// At most a few seconds old.
#[utoipa::path(get, path = "/v1/desktops/{id}/screenshot", tag = "inside", operation_id = "getScreenshot",
    params(
        ("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        Picture,
    ),
    responses(
        (status = 200, description = "A JPEG.", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_running`", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
    Query(picture): Query<Picture>,
) -> Result<Response, ApiError> {
    let width = picture.width.unwrap_or(DEFAULT_WIDTH);
    if !(64..=1920).contains(&width) {
        return Err(
            ApiError::new(Code::InvalidQuery, "The width is a number from 64 to 1920.").in_field("width")
        );
    }
    let bytes = control.screenshot(&access, width).await?;
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
