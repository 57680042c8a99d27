//! `/v1/desktops`, `/v1/desktops/{id}`

use rolltop_api_types::{Code, Desktop, DesktopPage, DesktopState, op};
use rolltop_control::{ListFilter, Resize, purpose};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 200;
/// Longest text that is looked for in names, bytes.
const LONGEST_SEARCH: usize = 100;

pub(crate) async fn list(call: Call<op::ListDesktops>) -> Result<DesktopPage, ApiError> {
    let which = &call.query;
    let limit = which.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(wrong("limit", format!("The limit is a number from 1 to {LARGEST_LIMIT}.")));
    }
    if which.q.as_ref().is_some_and(|text| text.len() > LONGEST_SEARCH) {
        return Err(wrong("q", format!("A search has at most {LONGEST_SEARCH} bytes.")));
    }
    let filter = ListFilter {
        state: which.state.map(|state: DesktopState| state.as_str().to_owned()),
        text: which.q.clone(),
    };
    let page = call.control.list(&call.caller, &filter, which.cursor.as_deref(), limit).await?;
    let items = page.items.into_iter().map(|view| convert::desktop(view, false)).collect();
    Ok(DesktopPage { items, next_cursor: page.next_cursor })
}

fn wrong(field: &str, detail: String) -> ApiError {
    ApiError::new(Code::InvalidQuery, detail).in_field(field)
}

pub(crate) async fn create(mut call: Call<op::CreateDesktop>) -> Result<Desktop, ApiError> {
    let wanted = call.body().await?;
    let request = rolltop_control::CreateDesktop {
        name: wanted.name,
        template: wanted.template,
        size: wanted.size,
        screen: wanted.screen,
        setup: wanted.setup.map(convert::set_up),
    };
    let view = call.control.create(&call.caller, &request, call.idempotency_key()).await?;
    Ok(convert::desktop(view, true))
}

pub(crate) async fn get(call: Call<op::GetDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Read>().await?;
    Ok(convert::desktop(call.control.get(&access).await?, true))
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
    Ok(convert::desktop(changed.ok_or_else(nothing)?, true))
}

pub(crate) async fn destroy(call: Call<op::DestroyDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let control = &call.control;
    let view =
        if call.query.for_good { control.destroy(&access).await? } else { control.delete(&access).await? };
    Ok(convert::desktop(view, true))
}
