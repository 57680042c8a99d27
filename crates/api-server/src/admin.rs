//! The operator's calls. The socket has checked that root or the api's own user asks; there is
//! no credential.

use axum::extract::State;
use rolltop_api_types::{
    AdoptedCopies, CreateOperatorKey, HostWarningList, LeftoverList, OperatorKey, SignInLink, SignInStatus,
};
use rolltop_control::Control;

use crate::extract::Json;
use crate::problems::ApiError;

pub(crate) async fn sign_in_link(State(control): State<Control>) -> Result<axum::Json<SignInLink>, ApiError> {
    Ok(axum::Json(SignInLink { link_token: control.sign_in_link().await? }))
}

pub(crate) async fn sign_in(State(control): State<Control>) -> Result<axum::Json<SignInStatus>, ApiError> {
    Ok(axum::Json(SignInStatus { has_password: control.anybody_has_password().await? }))
}

pub(crate) async fn api_key(
    State(control): State<Control>,
    Json(wanted): Json<CreateOperatorKey>,
) -> Result<axum::Json<OperatorKey>, ApiError> {
    Ok(axum::Json(OperatorKey { key: control.api_key(wanted.name.as_deref()).await? }))
}

pub(crate) async fn adopt_copies(
    State(control): State<Control>,
) -> Result<axum::Json<AdoptedCopies>, ApiError> {
    let (found, closed) = control.adopt_copies().await?;
    Ok(axum::Json(AdoptedCopies { found, closed }))
}

pub(crate) async fn leftovers(State(control): State<Control>) -> Result<axum::Json<LeftoverList>, ApiError> {
    Ok(axum::Json(control.leftovers().await?.into()))
}

pub(crate) async fn host_warnings(
    State(control): State<Control>,
) -> Result<axum::Json<HostWarningList>, ApiError> {
    Ok(axum::Json(control.host_warnings().await?.into()))
}

pub(crate) async fn sweep(State(control): State<Control>) -> Result<axum::Json<LeftoverList>, ApiError> {
    Ok(axum::Json(control.sweep().await?.into()))
}
