//! `POST /v1/desktops/{id}/{start|stop|suspend|resume|restart|retry|end-processes}`

use axum::extract::State;
use rolltop_api_types::{Desktop, Problem};
use rolltop_control::{Control, purpose};

use crate::convert;
use crate::extract::{Answer, Ticket, accepted, ok};
use crate::problems::ApiError;

/// Start a desktop
///
/// Boots it, its disk as it was left; one that is suspended is resumed. Fine if it runs.
#[utoipa::path(post, path = "/v1/desktops/{id}/start", tag = "desktops", operation_id = "startDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is written down and will be done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn start(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(accepted(convert::desktop(control.start(&access).await?, true)))
}

/// Stop a desktop
///
/// Asks the guest to shut down, and ends it after a while if it does not. What is not saved inside is lost,
/// also in one that is suspended.
#[utoipa::path(post, path = "/v1/desktops/{id}/stop", tag = "desktops", operation_id = "stopDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is written down and will be done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn stop(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(accepted(convert::desktop(control.stop(&access).await?, true)))
}

/// Suspend a desktop
///
/// Keeps its memory, encrypted, on the host's disk and takes it off the host's memory: programs, unsaved work
/// and all are there again after `resume`. It is suspended once all of it is durable. Where that is not
/// possible it goes on running, with the `reason`.
#[utoipa::path(post, path = "/v1/desktops/{id}/suspend", tag = "desktops", operation_id = "suspendDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is written down and will be done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn suspend(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(accepted(convert::desktop(control.suspend(&access).await?, true)))
}

/// Resume a desktop
///
/// Brings it back as it was when it was suspended. One that is stopped is booted; fine if it runs.
#[utoipa::path(post, path = "/v1/desktops/{id}/resume", tag = "desktops", operation_id = "resumeDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is written down and will be done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn resume(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(accepted(convert::desktop(control.start(&access).await?, true)))
}

/// Restart a desktop
///
/// Stops and starts it. One that is suspended, or has failed, boots from its disk: what was only in memory
/// is lost.
#[utoipa::path(post, path = "/v1/desktops/{id}/restart", tag = "desktops", operation_id = "restartDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is written down and will be done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn restart(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(accepted(convert::desktop(control.restart(&access).await?, true)))
}

/// Try again
///
/// Begins anew with a desktop that has failed.
#[utoipa::path(post, path = "/v1/desktops/{id}/retry", tag = "desktops", operation_id = "retryDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is written down and will be done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn retry(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(accepted(convert::desktop(control.retry(&access).await?, true)))
}

/// End what runs
///
/// Ends, at once and for good, every command, terminal and session in a running desktop, root's in them too, and every program of
/// its user. What they had not saved is lost. The session on its screen begins anew; system services go on. It needs no room in
/// the desktop, so it is the way out of one that a program has filled. Where that does not answer at all, `restart` is what helps.
#[utoipa::path(post, path = "/v1/desktops/{id}/end-processes", tag = "desktops", operation_id = "endProcesses",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "It is done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, or `wrong_state` while it is being done", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn end_processes(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(ok(convert::desktop(control.end_processes(&access).await?, true)))
}
