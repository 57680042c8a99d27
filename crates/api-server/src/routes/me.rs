//! `/v1/me`, `/v1/me/password`

use axum::extract::State;
use http::StatusCode;
use rolltop_api_types::{Me, Problem, SetPassword};
use rolltop_control::Control;

use crate::convert;
use crate::extract::{Answer, Asking, Json, ok};
use crate::problems::ApiError;

/// Who is asking
#[utoipa::path(get, path = "/v1/me", tag = "account", operation_id = "getMe",
    responses((status = 200, description = "The account, the credential and the limits.", body = Me)))]
pub(crate) async fn get(State(control): State<Control>, asking: Asking) -> Result<Answer<Me>, ApiError> {
    let view = control.me(&asking.caller).await?;
    Ok(ok(convert::me(view, asking.caller.who())))
}

/// Choose name and password
///
/// To sign in with from now on. Every other session of the person ends. Whoever has a password gives it, but for a
/// session that a sign-in link began.
#[utoipa::path(put, path = "/v1/me/password", tag = "account", operation_id = "setPassword",
    request_body = SetPassword,
    responses(
        (status = 204, description = "Done."),
        (status = 409, description = "`name_taken`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`wrong_password`, `weak_password`, `invalid_name`, `not_a_person`, `invalid_body`",
            body = Problem, content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn set_password(
    State(control): State<Control>,
    asking: Asking,
    Json(wanted): Json<SetPassword>,
) -> Result<StatusCode, ApiError> {
    control.set_password(&asking.caller, &wanted.name, wanted.present, wanted.password).await?;
    Ok(StatusCode::NO_CONTENT)
}
