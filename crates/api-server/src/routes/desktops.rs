//! `/v1/desktops`, `/v1/desktops/{id}`

use axum::extract::State;
use rolltop_api_types::{
    Code, CreateDesktop, Desktop, DesktopPage, DesktopState, DestroyDesktop, ListDesktops, Problem,
    UpdateDesktop,
};
use rolltop_control::{Control, ListFilter, Resize, purpose};

use crate::convert;
use crate::extract::{Answer, Asking, IdempotencyKey, Json, Query, Ticket, accepted, ok};
use crate::problems::ApiError;

const DEFAULT_LIMIT: u32 = 50;
const LARGEST_LIMIT: u32 = 200;
/// Longest text that is looked for in names, bytes.
const LONGEST_SEARCH: usize = 100;

/// List desktops
///
/// Newest first.
#[utoipa::path(get, path = "/v1/desktops", tag = "desktops", operation_id = "listDesktops",
    params(ListDesktops),
    responses(
        (status = 200, description = "One page.", body = DesktopPage),
        (status = 400, description = "`invalid_query`, `invalid_cursor`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    asking: Asking,
    Query(which): Query<ListDesktops>,
) -> Result<Answer<DesktopPage>, ApiError> {
    let limit = which.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=LARGEST_LIMIT).contains(&limit) {
        return Err(wrong("limit", format!("The limit is a number from 1 to {LARGEST_LIMIT}.")));
    }
    if which.q.as_ref().is_some_and(|text| text.len() > LONGEST_SEARCH) {
        return Err(wrong("q", format!("A search has at most {LONGEST_SEARCH} bytes.")));
    }
    let filter =
        ListFilter { state: which.state.map(|state: DesktopState| state.as_str().to_owned()), text: which.q };
    let page = control.list(&asking.caller, &filter, which.cursor.as_deref(), limit).await?;
    let items = page.items.into_iter().map(|view| convert::desktop(view, false)).collect();
    Ok(ok(DesktopPage { items, next_cursor: page.next_cursor }))
}

fn wrong(field: &str, detail: String) -> ApiError {
    ApiError::new(Code::InvalidQuery, detail).in_field(field)
}

/// Make a desktop
///
/// Answers at once; the desktop goes on to `booting` and `running` by itself. Follow it with
/// `GET /v1/events` or by asking for it again.
#[utoipa::path(post, path = "/v1/desktops", tag = "desktops", operation_id = "createDesktop",
    params(("Idempotency-Key" = Option<String>, Header,
        description = "1 to 255 printable characters of your choice. The same request with the same key makes one desktop.",
        example = "3f0d2c1e")),
    request_body = CreateDesktop,
    responses(
        (status = 202, description = "It is being made.", body = Desktop),
        (status = 400, description = "`invalid_json`, `invalid_header`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`name_taken`, `quota_reached`, `disk_quota_reached`, `no_template`", body = Problem,
            content_type = "application/problem+json"),
        (status = 413, description = "`payload_too_large`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_name`, `unknown_size`, `unknown_template`, `invalid_setup`, `unknown_field`, `invalid_body`, `idempotency_key_reused`",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    State(control): State<Control>,
    asking: Asking,
    key: Option<IdempotencyKey>,
    Json(wanted): Json<CreateDesktop>,
) -> Result<Answer<Desktop>, ApiError> {
    let request = rolltop_control::CreateDesktop {
        name: wanted.name,
        template: wanted.template,
        size: wanted.size,
        screen: wanted.screen,
        setup: wanted.setup.map(convert::set_up),
    };
    let view = control.create(&asking.caller, &request, IdempotencyKey::text(key.as_ref())).await?;
    Ok(accepted(convert::desktop(view, true)))
}

/// One desktop
#[utoipa::path(get, path = "/v1/desktops/{id}", tag = "desktops", operation_id = "getDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "The desktop with the steps of its present start.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Read>,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(ok(convert::desktop(control.get(&access).await?, true)))
}

/// Change a desktop
///
/// Its name, whose host name follows at its next start; whether it starts again after the host was restarted; the size of
/// its screen; and its own size: a disk grows at once, processors and memory change when it is restarted. What is given is changed in that
/// order, and nothing after something that is refused.
#[utoipa::path(patch, path = "/v1/desktops/{id}", tag = "desktops", operation_id = "updateDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = UpdateDesktop,
    responses(
        (status = 200, description = "As it is now.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`name_taken`, `wrong_state`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_name`, `unknown_size`, `invalid_screen`, `invalid_disk`, `unknown_field`, `invalid_body`",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn update(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Write>,
    Json(change): Json<UpdateDesktop>,
) -> Result<Answer<Desktop>, ApiError> {
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
    Ok(ok(convert::desktop(changed.ok_or_else(nothing)?, true)))
}

/// Destroy a desktop
///
/// What it was is kept as a snapshot first, for a day, and `POST /v1/desktops/{id}/undo` makes it anew; with
/// `for_good=true`, nothing is kept. Its keys go first, then its files. Asking again is fine, until it is gone and is a
/// 404.
#[utoipa::path(delete, path = "/v1/desktops/{id}", tag = "desktops", operation_id = "destroyDesktop",
    params(
        ("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        DestroyDesktop,
    ),
    responses(
        (status = 202, description = "It is being destroyed.", body = Desktop),
        (status = 400, description = "`invalid_query`", body = Problem, content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn destroy(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Write>,
    Query(how): Query<DestroyDesktop>,
) -> Result<Answer<Desktop>, ApiError> {
    let view = if how.for_good { control.destroy(&access).await? } else { control.delete(&access).await? };
    Ok(accepted(convert::desktop(view, true)))
}
