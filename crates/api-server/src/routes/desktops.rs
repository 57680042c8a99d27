//! `/v1/desktops`, `/v1/desktops/{id}`

use rolltop_api_types::{Desktop, DesktopPage, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListDesktops>) -> Result<DesktopPage, ApiError> {
    Ok(call.control.list(&call.caller, &call.query).await?)
}

pub(crate) async fn create(mut call: Call<op::CreateDesktop>) -> Result<Desktop, ApiError> {
    let wanted = call.body().await?;
    Ok(call.control.create(&call.caller, &wanted, call.idempotency_key()).await?)
}

pub(crate) async fn update(mut call: Call<op::UpdateDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let change = call.body().await?;
    Ok(call.control.update(&access, &change).await?)
}

pub(crate) async fn destroy(call: Call<op::DestroyDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let control = &call.control;
    Ok(if call.query.for_good { control.destroy(&access).await? } else { control.delete(&access).await? })
}
