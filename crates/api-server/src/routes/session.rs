//! `/v1/session`, `/v1/session/redeem`: called by the web tier, which keeps the token in its cookie.

use rolltop_api_types::{SessionToken, op};

use crate::call::{Anybody, Call};
use crate::gate::address;
use crate::problems::ApiError;

pub(crate) async fn redeem(mut call: Call<op::RedeemLink, Anybody>) -> Result<SessionToken, ApiError> {
    let given = call.body().await?;
    let redeemed = call.control.redeem_link(&given.link).await?;
    Ok(SessionToken { token: redeemed.token, needs_password: redeemed.needs_password })
}

pub(crate) async fn sign_in(mut call: Call<op::SignIn, Anybody>) -> Result<SessionToken, ApiError> {
    let given = call.body().await?;
    let token = call.control.sign_in(&given.name, given.password, address(call.headers())).await?;
    Ok(SessionToken { token, needs_password: false })
}
