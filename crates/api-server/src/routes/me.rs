//! `/v1/me`, `/v1/me/password`

use rolltop_api_types::{Me, op};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn get(call: Call<op::GetMe>) -> Result<Me, ApiError> {
    let view = call.control.me(&call.caller).await?;
    Ok(convert::me(view, call.caller.who()))
}

pub(crate) async fn set_password(mut call: Call<op::SetPassword>) -> Result<(), ApiError> {
    let wanted = call.body().await?;
    call.control.set_password(&call.caller, &wanted.name, wanted.present, wanted.password).await?;
    Ok(())
}
