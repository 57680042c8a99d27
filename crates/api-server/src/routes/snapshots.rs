//! `/v1/snapshots`, `/v1/snapshots/{id}`, `/v1/desktops/{id}/snapshots`, and forks

use axum::response::Response;
use rolltop_api_types::{Desktop, ForkDesktop, Forks, Snapshot, SnapshotList, op};
use rolltop_control::{DesktopView, purpose};

use super::screenshot::picture_of_guest;
use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListSnapshots>) -> Result<SnapshotList, ApiError> {
    let found = call.control.snapshots(&call.caller, call.query.desktop).await?;
    Ok(SnapshotList { items: found.into_iter().map(convert::snapshot).collect() })
}

pub(crate) async fn get(call: Call<op::GetSnapshot>) -> Result<Snapshot, ApiError> {
    Ok(convert::snapshot(call.control.snapshot(&call.caller, call.path).await?))
}

pub(crate) async fn screenshot(call: Call<op::GetSnapshotScreenshot>) -> Result<Response, ApiError> {
    let picture = call.control.snapshot_picture(&call.caller, call.path).await?;
    // It never changes.
    Ok(picture_of_guest(picture.into(), "private, max-age=86400, immutable"))
}

pub(crate) async fn delete(call: Call<op::DeleteSnapshot>) -> Result<(), ApiError> {
    call.control.delete_snapshot(&call.caller, call.path).await?;
    Ok(())
}

pub(crate) async fn take(mut call: Call<op::TakeSnapshot>) -> Result<Snapshot, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let name = call.body().await?.name;
    Ok(convert::snapshot(call.control.take_snapshot(&access, name.as_deref(), call.idempotency_key()).await?))
}

pub(crate) async fn fork_desktop(mut call: Call<op::ForkDesktop>) -> Result<Forks, ApiError> {
    let access = call.desktop::<purpose::Write>().await?;
    let wanted = asked(call.body().await?);
    Ok(forks(call.control.fork(&access, &wanted, call.idempotency_key()).await?))
}

pub(crate) async fn fork_snapshot(mut call: Call<op::ForkSnapshot>) -> Result<Forks, ApiError> {
    let wanted = asked(call.body().await?);
    let made = call.control.fork_snapshot(&call.caller, call.path, &wanted, call.idempotency_key()).await?;
    Ok(forks(made))
}

pub(crate) async fn restore(call: Call<op::RestoreSnapshot>) -> Result<Desktop, ApiError> {
    Ok(convert::desktop(call.control.restore(&call.caller, call.path).await?, true))
}

pub(crate) async fn undo(call: Call<op::UndoDesktop>) -> Result<Desktop, ApiError> {
    Ok(convert::desktop(call.control.undo(&call.caller, call.path).await?, true))
}

fn asked(wanted: ForkDesktop) -> rolltop_control::ForkDesktop {
    rolltop_control::ForkDesktop { name: wanted.name, count: wanted.count }
}

fn forks(made: Vec<DesktopView>) -> Forks {
    Forks { items: made.into_iter().map(|view| convert::desktop(view, false)).collect() }
}
