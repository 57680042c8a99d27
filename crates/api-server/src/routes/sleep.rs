//! `/v1/desktops/{id}/sleep`, `/v1/desktops/{id}/holds`, `/v1/desktops/{id}/holds/{hold}`

use std::time::Duration;

use axum::extract::{RawPathParams, State};
use http::StatusCode;
use rolltop_api_types::{Code, CreateHold, Hold, Problem, Sleep, SleepPolicy};
use rolltop_control::{Control, HoldError, purpose};
use rolltop_model::{self as model, Minutes, ScheduleParts};

use crate::convert;
use crate::extract::{Answer, Json, Ticket, in_path, ok};
use crate::problems::ApiError;

/// A desktop's sleep
///
/// When it is suspended without anybody asking, and what keeps it awake now.
#[utoipa::path(get, path = "/v1/desktops/{id}/sleep", tag = "desktops", operation_id = "getSleep",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "Its policy, its holds and what keeps it awake.", body = Sleep),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Read>,
) -> Result<Answer<Sleep>, ApiError> {
    Ok(ok(convert::sleep(control.sleep(&access).await?)))
}

/// Say when it sleeps
///
/// Replaces the policy. A desktop never sleeps by itself unless this says so, and never while somebody looks
/// at it, an SSH connection, command, transfer or connection to a port is open, its processors or its
/// network work, or something holds it awake. Whatever comes to it later resumes it and waits.
#[utoipa::path(put, path = "/v1/desktops/{id}/sleep", tag = "desktops", operation_id = "setSleep",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = SleepPolicy,
    responses(
        (status = 200, description = "As it is now.", body = Sleep),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_minutes`, `invalid_schedule`, `invalid_body`, `unknown_field`",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn set(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Write>,
    Json(wanted): Json<SleepPolicy>,
) -> Result<Answer<Sleep>, ApiError> {
    Ok(ok(convert::sleep(control.set_sleep(&access, &policy(wanted)?).await?)))
}

/// Hold it awake
///
/// For a program that works without a trace of it in processors and network, or a person who wants it
/// to stay.
#[utoipa::path(post, path = "/v1/desktops/{id}/holds", tag = "desktops", operation_id = "holdDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = CreateHold,
    responses(
        (status = 201, description = "It stays awake until then.", body = Hold),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`quota_reached`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_lifetime`, `invalid_reason`, `invalid_body`, `unknown_field`",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn hold(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
    Json(wanted): Json<CreateHold>,
) -> Result<Answer<Hold>, ApiError> {
    let lifetime = Duration::from_secs(wanted.lasts_seconds);
    let hold = control.hold(&access, lifetime, wanted.reason).await?;
    Ok(Answer(StatusCode::CREATED, convert::hold(hold)))
}

/// Let go of a hold
#[utoipa::path(delete, path = "/v1/desktops/{id}/holds/{hold}", tag = "desktops", operation_id = "releaseHold",
    params(
        ("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        ("hold" = String, Path, description = "The hold's id.", example = "hld_01k9abc2def3ghj4kmn5pqrs6t"),
    ),
    responses(
        (status = 204, description = "It holds nothing any more."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn release(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
    path: RawPathParams,
) -> Result<StatusCode, ApiError> {
    // What is no id names nothing.
    let id = in_path(&path, "hold").ok_or(HoldError::NotFound)?;
    control.release_hold(&access, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn policy(wanted: SleepPolicy) -> Result<model::SleepPolicy, ApiError> {
    let after = wanted.after_minutes.map(|minutes| {
        Minutes::new(minutes).ok_or_else(|| {
            let (least, most) = (Minutes::LEAST, Minutes::MOST);
            ApiError::new(Code::InvalidMinutes, format!("There can be {least} to {most} minutes."))
                .in_field("after_minutes")
        })
    });
    let schedule = wanted.schedule.map(|schedule| {
        let parts = ScheduleParts {
            days: schedule.days,
            from: schedule.from,
            to: schedule.to,
            time_zone: schedule.time_zone,
        };
        model::Schedule::try_from(parts)
            .map_err(|error| ApiError::new(Code::InvalidSchedule, error.to_string()).in_field("schedule"))
    });
    Ok(model::SleepPolicy { after: after.transpose()?, schedule: schedule.transpose()? })
}
