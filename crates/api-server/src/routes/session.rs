//! `/v1/session`, `/v1/session/redeem`: called by the web tier, which keeps the token in its cookie.

use axum::extract::State;
use http::{HeaderMap, StatusCode};
use rolltop_api_types::{Problem, RedeemLink, SessionToken, SignIn};
use rolltop_control::Control;

use crate::extract::{Answer, Asking, Json, ok};
use crate::gate::address;
use crate::problems::ApiError;

/// Sign in by link
///
/// Uses up a one-time link.
#[utoipa::path(post, path = "/v1/session/redeem", tag = "account", operation_id = "redeemLink",
    request_body = RedeemLink,
    responses(
        (status = 200, description = "A session has begun.", body = SessionToken),
        (status = 401, description = "`link_not_valid`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn redeem(
    State(control): State<Control>,
    Json(given): Json<RedeemLink>,
) -> Result<Answer<SessionToken>, ApiError> {
    let redeemed = control.redeem_link(&given.link).await?;
    Ok(ok(SessionToken { token: redeemed.token, needs_password: redeemed.needs_password }))
}

/// Sign in
#[utoipa::path(post, path = "/v1/session", tag = "account", operation_id = "signIn",
    request_body = SignIn,
    responses(
        (status = 200, description = "A session has begun.", body = SessionToken),
        (status = 401, description = "`wrong_credentials`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn sign_in(
    State(control): State<Control>,
    headers: HeaderMap,
    Json(given): Json<SignIn>,
) -> Result<Answer<SessionToken>, ApiError> {
    let token = control.sign_in(&given.name, given.password, address(&headers)).await?;
    Ok(ok(SessionToken { token, needs_password: false }))
}

/// Sign out
///
/// Ends the session whose token was sent. An API key is not ended by this.
#[utoipa::path(delete, path = "/v1/session", tag = "account", operation_id = "signOut",
    responses((status = 204, description = "Done.")))]
pub(crate) async fn sign_out(State(control): State<Control>, asking: Asking) -> Result<StatusCode, ApiError> {
    control.sign_out(&asking.caller).await?;
    Ok(StatusCode::NO_CONTENT)
}
