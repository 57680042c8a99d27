//! `GET /v1/desktops/{id}/terminals`, `DELETE /v1/desktops/{id}/terminals/{number}`

use axum::extract::{RawPathParams, State};
use http::StatusCode;
use rolltop_api_types::{Code, Problem, TerminalList};
use rolltop_control::{Control, TerminalNumber, purpose};

use crate::convert;
use crate::extract::{Answer, Ticket, in_path, ok};
use crate::problems::ApiError;

/// The terminals
///
/// Those that are there, whether anybody looks at them or not. They go on until their shell ends,
/// they are closed, or the desktop stops.
#[utoipa::path(get, path = "/v1/desktops/{id}/terminals", tag = "inside", operation_id = "listTerminals",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "By number.", body = TerminalList),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `no_terminal`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<TerminalList>, ApiError> {
    let terminals = control.terminals(&access).await?;
    Ok(ok(TerminalList { items: terminals.into_iter().map(convert::terminal).collect() }))
}

/// Close a terminal
///
/// Ends its shell and what runs in it. Fine if it is not there.
#[utoipa::path(delete, path = "/v1/desktops/{id}/terminals/{number}", tag = "inside",
    operation_id = "closeTerminal",
    params(
        ("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        ("number" = u32, Path, description = "1 to 32.", example = 1),
    ),
    responses(
        (status = 204, description = "It is not there any more."),
        (status = 404, description = "`not_found`, `no_such_terminal`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `no_terminal`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn close(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
    path: RawPathParams,
) -> Result<StatusCode, ApiError> {
    control.close_terminal(&access, number(&path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The terminal's number in the path.
pub(super) fn number(path: &RawPathParams) -> Result<TerminalNumber, ApiError> {
    in_path(path, "number").and_then(TerminalNumber::new).ok_or_else(|| {
        let detail = format!("Terminals have the numbers 1 to {}.", TerminalNumber::MOST);
        ApiError::new(Code::NoSuchTerminal, detail)
    })
}
