//! `GET /v1/desktops/{id}/ssh`

use axum::extract::State;
use rolltop_api_types::{DesktopSsh, Problem};
use rolltop_control::{Control, purpose};

use crate::convert;
use crate::extract::{Answer, Ticket, ok};
use crate::problems::ApiError;

/// How to enter by SSH
///
/// The host keys of the desktop and of the jump host, for a client's `known_hosts`: as
/// `NAME ssh-ed25519 …` and `[HOST]:PORT ssh-ed25519 …`. Then `ssh -J rolltop@HOST:PORT desk@NAME`.
#[utoipa::path(get, path = "/v1/desktops/{id}/ssh", tag = "inside", operation_id = "getDesktopSsh",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "Names, users and host keys.", body = DesktopSsh),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Read>,
) -> Result<Answer<DesktopSsh>, ApiError> {
    Ok(ok(convert::desktop_ssh(control.desktop_ssh(&access).await?)))
}
