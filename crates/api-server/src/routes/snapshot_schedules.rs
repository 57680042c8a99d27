//! `/v1/desktops/{id}/snapshot-schedule`

use axum::extract::State;
use http::StatusCode;
use rolltop_api_types::{Code, DesktopSnapshotSchedule, Problem, SnapshotSchedule};
use rolltop_control::{Control, purpose};
use rolltop_model as model;

use crate::convert;
use crate::extract::{Answer, Json, Ticket, ok};
use crate::problems::ApiError;

/// A desktop's schedule of snapshots
#[utoipa::path(get, path = "/v1/desktops/{id}/snapshot-schedule", tag = "snapshots", operation_id = "getSnapshotSchedule",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "Its schedule, if it has one.", body = DesktopSnapshotSchedule),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Read>,
) -> Result<Answer<DesktopSnapshotSchedule>, ApiError> {
    Ok(ok(convert::snapshot_schedule(control.snapshot_schedule(&access).await?)))
}

/// Take snapshots by a schedule
///
/// Replaces the one before. A snapshot is taken every so many hours while the desktop runs; one that is suspended or
/// stopped by then is kept once it runs again. Those that the schedule does not keep any more are deleted; snapshots
/// that somebody asked for never are.
#[utoipa::path(put, path = "/v1/desktops/{id}/snapshot-schedule", tag = "snapshots", operation_id = "setSnapshotSchedule",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = SnapshotSchedule,
    responses(
        (status = 204, description = "It is set."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_schedule`, `invalid_body`, `unknown_field`",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn set(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Write>,
    Json(wanted): Json<SnapshotSchedule>,
) -> Result<StatusCode, ApiError> {
    let schedule = model::SnapshotSchedule::new(wanted.every_hours, wanted.keep_last, wanted.keep_days)
        .map(|schedule| schedule.with_copies(wanted.copies))
        .map_err(|error| ApiError::new(Code::InvalidSchedule, error.to_string()).in_field(error.field()))?;
    control.set_snapshot_schedule(&access, Some(schedule)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take no more snapshots by a schedule
///
/// Those that were taken stay.
#[utoipa::path(delete, path = "/v1/desktops/{id}/snapshot-schedule", tag = "snapshots", operation_id = "endSnapshotSchedule",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 204, description = "It has none any more."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn end(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Write>,
) -> Result<StatusCode, ApiError> {
    control.set_snapshot_schedule(&access, None).await?;
    Ok(StatusCode::NO_CONTENT)
}
