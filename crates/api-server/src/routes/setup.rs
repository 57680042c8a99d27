//! `/v1/desktops/{id}/setup`

use axum::extract::State;
use rolltop_api_types::{DesktopSetup, Problem, SetUp};
use rolltop_control::{AskSetupError, Control, purpose};

use crate::convert;
use crate::extract::{Answer, Json, Ticket, accepted, ok};
use crate::problems::ApiError;

/// How its setup is
///
/// What a desktop was last set up with, how far that has come and what it has written. Nothing, where it never was; a
/// fork is not, it has what its parent had.
#[utoipa::path(get, path = "/v1/desktops/{id}/setup", tag = "desktops", operation_id = "getSetup",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "As it is now.", body = DesktopSetup),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Exec>,
) -> Result<Answer<DesktopSetup>, ApiError> {
    match control.setup(&access).await {
        Ok(setup) => Ok(ok(DesktopSetup { setup: Some(convert::setup(setup)) })),
        Err(AskSetupError::NoSetup) => Ok(ok(DesktopSetup { setup: None })),
        Err(error) => Err(error.into()),
    }
}

/// Stop a setup
///
/// One that waits or runs: what it has started ends, what it has done stays. It then has failed, as it was stopped.
/// Nothing happens to one that is over.
#[utoipa::path(delete, path = "/v1/desktops/{id}/setup", tag = "desktops", operation_id = "stopSetup",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It ends.", body = DesktopSetup),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn stop(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Exec>,
) -> Result<Answer<DesktopSetup>, ApiError> {
    match control.stop_setup(&access).await {
        Ok(setup) => Ok(accepted(DesktopSetup { setup: Some(convert::setup(setup)) })),
        Err(AskSetupError::NoSetup) => Ok(accepted(DesktopSetup { setup: None })),
        Err(error) => Err(error.into()),
    }
}

/// Set a desktop up
///
/// Clones a repository and runs a script once the desktop runs, beside whatever else goes on in it. It goes on by
/// itself, keeps the desktop awake and is in its history. Asked for again, it begins anew; a repository that is there
/// already stays as it is.
#[utoipa::path(post, path = "/v1/desktops/{id}/setup", tag = "desktops", operation_id = "setUpDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = SetUp,
    responses(
        (status = 202, description = "It is begun once the desktop runs.", body = DesktopSetup),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
        (status = 413, description = "`payload_too_large`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_setup`, `unknown_field`, `invalid_body`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn set(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Exec>,
    Json(wanted): Json<SetUp>,
) -> Result<Answer<DesktopSetup>, ApiError> {
    let setup = control.set_up(&access, &convert::set_up(wanted)).await?;
    Ok(accepted(DesktopSetup { setup: Some(convert::setup(setup)) }))
}
