//! `GET /v1/desktops/{id}/access-log`

use axum::extract::State;
use rolltop_api_types::{AccessLog, Problem};
use rolltop_control::{Control, purpose};

use crate::convert;
use crate::extract::{Answer, Ticket, ok};
use crate::problems::ApiError;

/// Who went in
///
/// Each time the platform itself entered the desktop, why and for whom; newest first, at most 500.
#[utoipa::path(get, path = "/v1/desktops/{id}/access-log", tag = "desktops", operation_id = "getAccessLog",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "The log.", body = AccessLog),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Read>,
) -> Result<Answer<AccessLog>, ApiError> {
    let entries = control.access_log(&access).await?;
    Ok(ok(AccessLog { items: entries.into_iter().map(convert::access_entry).collect() }))
}
