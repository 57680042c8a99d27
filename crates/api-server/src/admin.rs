//! The operator's calls. The socket has checked that root or the api's own user asks; there is
//! no credential.

use axum::extract::State;
use rolltop_api_types::{
    AdoptedCopies, CreateOperatorKey, HostWarningList, LeftoverList, OperatorKey, SignInLink, SignInStatus,
};
use rolltop_control::Control;

use crate::convert;
use crate::extract::{Answer, Json, ok};
use crate::problems::ApiError;

pub(crate) async fn sign_in_link(State(control): State<Control>) -> Result<Answer<SignInLink>, ApiError> {
    Ok(ok(SignInLink { link_token: control.sign_in_link().await? }))
}

pub(crate) async fn sign_in(State(control): State<Control>) -> Result<Answer<SignInStatus>, ApiError> {
    Ok(ok(SignInStatus { has_password: control.anybody_has_password().await? }))
}

pub(crate) async fn api_key(
    State(control): State<Control>,
    Json(wanted): Json<CreateOperatorKey>,
) -> Result<Answer<OperatorKey>, ApiError> {
    Ok(ok(OperatorKey { key: control.api_key(wanted.name.as_deref()).await? }))
}

pub(crate) async fn adopt_copies(State(control): State<Control>) -> Result<Answer<AdoptedCopies>, ApiError> {
    let (found, closed) = control.adopt_copies().await?;
    Ok(ok(AdoptedCopies { found, closed }))
}

pub(crate) async fn leftovers(State(control): State<Control>) -> Result<Answer<LeftoverList>, ApiError> {
    Ok(ok(convert::leftovers(control.leftovers().await?)))
}

pub(crate) async fn host_warnings(
    State(control): State<Control>,
) -> Result<Answer<HostWarningList>, ApiError> {
    let items = control.host_warnings().await?.into_iter().map(convert::host_warning).collect();
    Ok(ok(HostWarningList { items }))
}

pub(crate) async fn sweep(State(control): State<Control>) -> Result<Answer<LeftoverList>, ApiError> {
    Ok(ok(convert::leftovers(control.sweep().await?)))
}
