//! `/v1/snapshots`, `/v1/snapshots/{id}`, `/v1/desktops/{id}/snapshots`, and forks

use axum::extract::{RawPathParams, State};
use axum::response::Response;
use http::StatusCode;
use rolltop_api_types::{
    CreateSnapshot, Desktop, ForkDesktop, Forks, ListSnapshots, Problem, Snapshot, SnapshotList,
};
use rolltop_control::{Control, DesktopView, SnapshotError, purpose};
use rolltop_model::SnapshotId;

use super::screenshot::picture_of_guest;
use crate::convert;
use crate::extract::{Answer, Asking, IdempotencyKey, Json, Query, Ticket, accepted, in_path, ok};
use crate::problems::ApiError;

/// List snapshots
///
/// Newest first. A desktop that was destroyed does not take its snapshots with it.
#[utoipa::path(get, path = "/v1/snapshots", tag = "snapshots", operation_id = "listSnapshots",
    params(ListSnapshots),
    responses(
        (status = 200, description = "All of them.", body = SnapshotList),
        (status = 400, description = "`invalid_query`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    asking: Asking,
    Query(which): Query<ListSnapshots>,
) -> Result<Answer<SnapshotList>, ApiError> {
    let found = control.snapshots(&asking.caller, which.desktop).await?;
    Ok(ok(SnapshotList { items: found.into_iter().map(convert::snapshot).collect() }))
}

/// One snapshot
#[utoipa::path(get, path = "/v1/snapshots/{id}", tag = "snapshots", operation_id = "getSnapshot",
    params(("id" = String, Path, description = "The snapshot's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "As it is now.", body = Snapshot),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn get(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<Answer<Snapshot>, ApiError> {
    let found = control.snapshot(&asking.caller, id(&path)?).await?;
    Ok(ok(convert::snapshot(found)))
}

/// What was on the screen
///
/// When the snapshot was taken. Not kept of one that is of a desktop that did not run.
#[utoipa::path(get, path = "/v1/snapshots/{id}/screenshot", tag = "snapshots", operation_id = "getSnapshotScreenshot",
    params(("id" = String, Path, description = "The snapshot's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "A JPEG, 480 pixels wide.", body = Vec<u8>, content_type = "image/jpeg"),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn screenshot(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<Response, ApiError> {
    let picture = control.snapshot_picture(&asking.caller, id(&path)?).await?;
    // It never changes.
    Ok(picture_of_guest(picture.into(), "private, max-age=86400, immutable"))
}

/// Delete a snapshot
///
/// What nothing else needs of it is unreadable at once and removed within moments. Desktops that were made from
/// it stay.
#[utoipa::path(delete, path = "/v1/snapshots/{id}", tag = "snapshots", operation_id = "deleteSnapshot",
    params(("id" = String, Path, description = "The snapshot's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`in_use`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<StatusCode, ApiError> {
    control.delete_snapshot(&asking.caller, id(&path)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Take a snapshot
///
/// Of a desktop that runs, memory included, which stands still for a fraction of a second; or of one that is
/// suspended or stopped. It is `taking` at first, and `ready` within moments.
#[utoipa::path(post, path = "/v1/desktops/{id}/snapshots", tag = "snapshots", operation_id = "takeSnapshot",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable characters of your choice. For 30 days, the same request with the same key takes one snapshot.",
            example = "3f0d2c1e")),
    request_body = CreateSnapshot,
    responses(
        (status = 202, description = "It is written down and will be done.", body = Snapshot),
        (status = 400, description = "`invalid_json`, `invalid_header`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`, `quota_reached`, `disk_quota_reached`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_name`, `unknown_field`, `invalid_body`, `idempotency_key_reused`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn take(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Write>,
    key: Option<IdempotencyKey>,
    Json(wanted): Json<CreateSnapshot>,
) -> Result<Answer<Snapshot>, ApiError> {
    let taken =
        control.take_snapshot(&access, wanted.name.as_deref(), IdempotencyKey::text(key.as_ref())).await?;
    Ok(accepted(convert::snapshot(taken)))
}

/// Fork a desktop
///
/// Makes desktops that begin as this one is now: its disk, and its memory with every program in it if it runs or
/// is suspended. Each gets a name, an address and an identity of its own before it has a network. The
/// desktop itself goes on; if it runs it stands still for a fraction of a second.
#[utoipa::path(post, path = "/v1/desktops/{id}/fork", tag = "snapshots", operation_id = "forkDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable characters of your choice. For 30 days, the same request with the same key makes these forks once.",
            example = "3f0d2c1e")),
    request_body = ForkDesktop,
    responses(
        (status = 202, description = "They are being made.", body = Forks),
        (status = 400, description = "`invalid_json`, `invalid_header`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`name_taken`, `quota_reached`, `disk_quota_reached`, `wrong_state`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_name`, `invalid_count`, `unknown_field`, `invalid_body`, `idempotency_key_reused`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn fork_desktop(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Write>,
    key: Option<IdempotencyKey>,
    Json(wanted): Json<ForkDesktop>,
) -> Result<Answer<Forks>, ApiError> {
    Ok(accepted(forks(control.fork(&access, &asked(wanted), IdempotencyKey::text(key.as_ref())).await?)))
}

/// Fork a snapshot
///
/// Makes desktops that begin as the snapshot was.
#[utoipa::path(post, path = "/v1/snapshots/{id}/fork", tag = "snapshots", operation_id = "forkSnapshot",
    params(("id" = String, Path, description = "The snapshot's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t"),
        ("Idempotency-Key" = Option<String>, Header,
            description = "1 to 255 printable characters of your choice. For 30 days, the same request with the same key makes these forks once.",
            example = "3f0d2c1e")),
    request_body = ForkDesktop,
    responses(
        (status = 202, description = "They are being made.", body = Forks),
        (status = 400, description = "`invalid_json`, `invalid_header`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`name_taken`, `quota_reached`, `disk_quota_reached`, `wrong_state`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_name`, `invalid_count`, `unknown_field`, `invalid_body`, `idempotency_key_reused`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn fork_snapshot(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
    key: Option<IdempotencyKey>,
    Json(wanted): Json<ForkDesktop>,
) -> Result<Answer<Forks>, ApiError> {
    let (id, key) = (id(&path)?, IdempotencyKey::text(key.as_ref()));
    Ok(accepted(forks(control.fork_snapshot(&asking.caller, id, &asked(wanted), key).await?)))
}

/// Go back to a snapshot
///
/// Puts the desktop that it is of back to what it was then, disk and memory, and has it run from there. What it is
/// now is kept as a snapshot first, for a day. A desktop that was destroyed is made anew, with its name if that is free.
#[utoipa::path(post, path = "/v1/snapshots/{id}/restore", tag = "snapshots", operation_id = "restoreSnapshot",
    params(("id" = String, Path, description = "The snapshot's id.", example = "snp_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is written down and will be done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`, `in_use`, `quota_reached`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn restore(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<Answer<Desktop>, ApiError> {
    Ok(accepted(convert::desktop(control.restore(&asking.caller, id(&path)?).await?, true)))
}

/// Bring back what a desktop was
///
/// Before it was last stopped, restarted, destroyed or put back, within a day: memory and all, and it runs from there. What
/// it is now is kept first, so that asking again undoes the undoing. One that was destroyed is made anew, with its name
/// if that is free.
#[utoipa::path(post, path = "/v1/desktops/{id}/undo", tag = "snapshots", operation_id = "undoDesktop",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 202, description = "It is written down and will be done.", body = Desktop),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`wrong_state`, `in_use`, `quota_reached`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn undo(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<Answer<Desktop>, ApiError> {
    let id = in_path(&path, "id").ok_or(SnapshotError::NoSuchDesktop)?;
    Ok(accepted(convert::desktop(control.undo(&asking.caller, id).await?, true)))
}

fn asked(wanted: ForkDesktop) -> rolltop_control::ForkDesktop {
    rolltop_control::ForkDesktop { name: wanted.name, count: wanted.count }
}

fn forks(made: Vec<DesktopView>) -> Forks {
    Forks { items: made.into_iter().map(|view| convert::desktop(view, false)).collect() }
}

/// What is no id names nothing.
pub(super) fn id(path: &RawPathParams) -> Result<SnapshotId, SnapshotError> {
    in_path(path, "id").ok_or(SnapshotError::NotFound)
}
