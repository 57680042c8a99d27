//! `GET /v1/desktops/{id}/console`

use axum::extract::State;
use rolltop_api_types::Problem;
use rolltop_control::{Control, purpose};

use crate::extract::Ticket;
use crate::problems::ApiError;

/// The console's end
///
/// The last 64 KiB at most of what the guest wrote on its serial console, as plain text; empty
/// where there is no machine.
#[utoipa::path(get, path = "/v1/desktops/{id}/console", tag = "inside", operation_id = "getConsole",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "Plain text.", body = String, content_type = "text/plain"),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<String, ApiError> {
    Ok(control.console(&access).await?)
}
