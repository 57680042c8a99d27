//! `/v1/desktops`, `/v1/desktops/{id}`

use rolltop_api_types::{Code, Desktop, DesktopPage, op};
use rolltop_control::{Resize, purpose};

use crate::call::Call;
use crate::problems::ApiError;

const LARGEST_LIMIT: u32 = 200;
/// Longest text that is looked for in names, bytes.
const LONGEST_SEARCH: usize = 100;

pub(crate) async fn list(call: Call<op::ListDesktops>) -> Result<DesktopPage, ApiError> {
    let which = &call.query;
    if which.limit.is_some_and(|limit| !(1..=LARGEST_LIMIT).contains(&limit)) {
        return Err(wrong("limit", format!("The limit is a number from 1 to {LARGEST_LIMIT}.")));
    }
    if which.q.as_ref().is_some_and(|text| text.len() > LONGEST_SEARCH) {
        return Err(wrong("q", format!("A search has at most {LONGEST_SEARCH} bytes.")));
    }
    Ok(call.control.list(&call.caller, which).await?)
}

fn wrong(field: &str, detail: String) -> ApiError {
    ApiError::new(Code::InvalidQuery, detail).in_field(field)
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
    if let Some(screen) = &change.screen {
        changed = Some(control.fix_screen(&access, screen).await?);
    }
    if change.size.is_some() || change.disk_gib.is_some() {
        let wanted = Resize { size: change.size, disk_gib: change.disk_gib };
        changed = Some(control.resize(&access, &wanted).await?);
    }
    let nothing =
        || ApiError::new(Code::InvalidBody, "Say what to change: name, autostart, screen, size, disk_gib.");
    changed.ok_or_else(nothing)
}

pub(crate) async fn destroy(call: Call<op::DestroyDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let control = &call.control;
    Ok(if call.query.for_good { control.destroy(&access).await? } else { control.delete(&access).await? })
}
