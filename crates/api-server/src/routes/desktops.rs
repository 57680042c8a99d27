//! `/v1/desktops`, `/v1/desktops/{id}`

use rolltop_api_types::{Code, Desktop, DesktopPage, op};
use rolltop_control::{Resize, purpose};

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
    let control = &call.control;
    let mut changed = None;
    if let Some(name) = &change.name {
        changed = Some(control.rename(&access, name).await?);
    }
    if let Some(autostart) = change.autostart {
        changed = Some(control.set_autostart(&access, autostart).await?);
    }
    if change.chooses() {
        changed = Some(control.choose(&access, &change).await?);
    }
    if change.size.is_some() || change.disk_gib.is_some() {
        let wanted = Resize { size: change.size, disk_gib: change.disk_gib };
        changed = Some(control.resize(&access, &wanted).await?);
    }
    let nothing = || ApiError::new(Code::InvalidBody, "Say what to change of the desktop.");
    changed.ok_or_else(nothing)
}

pub(crate) async fn destroy(call: Call<op::DestroyDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let control = &call.control;
    Ok(if call.query.for_good { control.destroy(&access).await? } else { control.delete(&access).await? })
}
