//! `GET /v1/desktops/{id}/ports`

use axum::extract::{RawPathParams, State};
use rolltop_api_types::{Code, PortList, Problem};
use rolltop_control::{Control, purpose};

use crate::convert;
use crate::extract::{Answer, Ticket, in_path, ok};
use crate::problems::ApiError;

/// The ports
///
/// TCP ports in which a program in the desktop waits for connections and which can be opened, by number.
#[utoipa::path(get, path = "/v1/desktops/{id}/ports", tag = "inside", operation_id = "listPorts",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "By number.", body = PortList),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_running`", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<PortList>, ApiError> {
    let ports = control.ports(&access).await?;
    Ok(ok(PortList { items: ports.into_iter().map(convert::port).collect() }))
}

/// The port's number in the path.
pub(super) fn number(path: &RawPathParams) -> Result<u16, ApiError> {
    in_path(path, "port").filter(|port| *port != 0).ok_or_else(no_such_port)
}

pub(super) fn no_such_port() -> ApiError {
    ApiError::new(Code::InvalidPort, "Ports have the numbers 1 to 65535.").in_field("port")
}
