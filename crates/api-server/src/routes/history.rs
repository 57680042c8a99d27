//! `/v1/desktops/{id}/history`

use axum::extract::State;
use rolltop_api_types::{History, Problem};
use rolltop_control::{Control, purpose};

use crate::convert;
use crate::extract::{Answer, Ticket, ok};
use crate::problems::ApiError;

/// What became of it
///
/// Who made, started, stopped, suspended, resumed, forked, kept, renamed it and so on, when, and how long that took;
/// at most the latest 500 of 30 days.
#[utoipa::path(get, path = "/v1/desktops/{id}/history", tag = "desktops", operation_id = "listHistory",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "Newest first.", body = History),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Read>,
) -> Result<Answer<History>, ApiError> {
    let entries = control.history(&access).await?;
    Ok(ok(History { items: entries.into_iter().map(convert::history_entry).collect() }))
}
