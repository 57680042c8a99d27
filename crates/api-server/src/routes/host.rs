//! `GET /v1/host`

use axum::extract::State;
use rolltop_api_types::Host;
use rolltop_control::Control;

use crate::convert;
use crate::extract::{Answer, Asking, ok};
use crate::problems::ApiError;

/// The host's health
#[utoipa::path(get, path = "/v1/host", tag = "host", operation_id = "getHost",
    responses((status = 200, description = "As it is now.", body = Host)))]
pub(crate) async fn get(State(control): State<Control>, asking: Asking) -> Result<Answer<Host>, ApiError> {
    Ok(ok(convert::host(control.host(&asking.caller).await?)))
}
