//! Snapshots: three to look at, and as many as are asked for.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Json, Path, Query, State as Shared};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use jiff::{Timestamp, ToSpan};
use rolltop_api_types::{
    Code, CreateSnapshot, Desktop, DesktopSnapshotSchedule, DesktopState, EventKind, ForkDesktop, Forks,
    ListSnapshots, Snapshot, SnapshotList, SnapshotSchedule, SnapshotState,
};
use rolltop_model::{DesktopId, SnapshotId};

use super::routes::{App, Refused, find, refuse, refuse_field};
use super::{State, desktops, picture};

pub fn canned(desktops: &[Desktop]) -> Vec<Snapshot> {
    let Some(of) = desktops.first() else { return Vec::new() };
    let ago = |hours: i64| Timestamp::now().checked_sub(hours.hours()).expect("a time");
    let base = Snapshot { created_at: ago(2), taken_at: Some(ago(2)), ..fresh(of, "before the upgrade") };
    let disk_only = Snapshot {
        has_memory: false,
        has_picture: false,
        memory_bytes: 0,
        name: "as delivered".to_owned(),
        ..base.clone()
    };
    let failed = Snapshot {
        id: SnapshotId::generate(),
        name: "in the night".to_owned(),
        state: SnapshotState::Failed,
        detail: Some("The host's disk is full; free some space, then try again.".to_owned()),
        taken_at: None,
        has_picture: false,
        created_at: ago(9),
        ..base.clone()
    };
    let undo = Snapshot {
        id: SnapshotId::generate(),
        desktop: DesktopId::generate(),
        desktop_is_gone: true,
        kept_until: Some(Timestamp::now().checked_add(23.hours()).expect("a time")),
        desktop_name: "spreadsheet".to_owned(),
        name: "Before deleting".to_owned(),
        ..base.clone()
    };
    let mut all = vec![
        undo,
        base,
        failed,
        Snapshot { id: SnapshotId::generate(), taken_at: Some(ago(40)), ..disk_only },
    ];
    // One desktop has failed: it was restarted three hours ago.
    if let Some(of) = desktops.iter().find(|desktop| desktop.state == DesktopState::Failed) {
        let kept_until = Some(Timestamp::now().checked_add(21.hours()).expect("a time"));
        let at = ago(3);
        let before = fresh(of, "Before restarting");
        all.push(Snapshot { kept_until, created_at: at, taken_at: Some(at), ..before });
    }
    all
}

fn fresh(of: &Desktop, name: &str) -> Snapshot {
    Snapshot {
        id: SnapshotId::generate(),
        desktop: of.id,
        desktop_is_gone: false,
        is_scheduled: false,
        kept_until: None,
        desktop_name: of.name.clone(),
        name: name.to_owned(),
        state: SnapshotState::Ready,
        detail: None,
        template: of.template.clone(),
        size: of.size,
        has_memory: true,
        memory_bytes: 143 << 20,
        disk_bytes: 61 << 20,
        pause_ms: Some(92),
        made_by: "sam".to_owned(),
        created_at: Timestamp::now(),
        taken_at: Some(Timestamp::now()),
        has_picture: true,
    }
}

pub async fn list(Shared(state): Shared<App>, Query(which): Query<ListSnapshots>) -> Json<SnapshotList> {
    let mut items = state.snapshots.lock().expect("no test panicked").clone();
    items.retain(|snapshot| which.desktop.is_none_or(|desktop| desktop == snapshot.desktop));
    Json(SnapshotList { items })
}

/// Any file is one, unless it is empty.
pub async fn import(
    Shared(state): Shared<App>,
    body: axum::body::Bytes,
) -> Result<(StatusCode, Json<Snapshot>), Refused> {
    if body.is_empty() {
        return refuse(Code::InvalidExport, "This is not an exported desktop.");
    }
    let of = state.desktops.lock().expect("no test panicked").first().cloned();
    let Some(of) = of else { return refuse(Code::NotFound, "There is no desktop.") };
    let taken = Snapshot {
        desktop: DesktopId::generate(),
        desktop_is_gone: true,
        has_memory: false,
        has_picture: false,
        ..fresh(&of, "Import of research")
    };
    state.snapshots.lock().expect("no test panicked").insert(0, taken.clone());
    tell(&state, of.id);
    Ok((StatusCode::CREATED, Json(taken)))
}

/// What it would be; the browser only stores it.
pub async fn export(shared: Shared<App>, path: Path<String>) -> Result<Response, Refused> {
    let snapshot = one(shared, path).await?.0;
    let name = format!("attachment; filename*=UTF-8''{}.rolltop", snapshot.desktop_name);
    let headers = [(CONTENT_TYPE, "application/zstd".to_owned()), (CONTENT_DISPOSITION, name)];
    Ok((headers, "a desktop").into_response())
}

/// What a desktop was before it was deleted.
pub fn keep(state: &State, gone: &Desktop) {
    let kept_until = Some(Timestamp::now().checked_add(24.hours()).expect("a time"));
    let undo = Snapshot { desktop_is_gone: true, kept_until, ..fresh(gone, "Before deleting") };
    state.snapshots.lock().expect("no test panicked").insert(0, undo);
}

pub async fn one(Shared(state): Shared<App>, Path(id): Path<String>) -> Result<Json<Snapshot>, Refused> {
    let snapshots = state.snapshots.lock().expect("no test panicked");
    match snapshots.iter().find(|snapshot| snapshot.id.to_string() == id) {
        Some(snapshot) => Ok(Json(snapshot.clone())),
        None => refuse(Code::NotFound, "There is no such snapshot."),
    }
}

pub async fn screenshot(shared: Shared<App>, path: Path<String>) -> Result<Response, Refused> {
    let snapshot = one(shared, path).await?.0;
    let seed = u32::try_from(snapshot.name.len()).expect("a short name");
    Ok(([(CONTENT_TYPE, "image/jpeg")], picture::draw(480, 300, seed).jpeg()).into_response())
}

pub async fn delete(Shared(state): Shared<App>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let gone = one(Shared(Arc::clone(&state)), Path(id)).await?.0;
    state.snapshots.lock().expect("no test panicked").retain(|snapshot| snapshot.id != gone.id);
    tell(&state, gone.desktop);
    Ok(StatusCode::NO_CONTENT)
}

pub async fn take(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
    Json(wanted): Json<CreateSnapshot>,
) -> Result<(StatusCode, Json<Snapshot>), Refused> {
    let of = find(&state, &id)?;
    let taken = fresh(&of, wanted.name.as_deref().unwrap_or("2026-11-25 21:04:12 UTC"));
    state.snapshots.lock().expect("no test panicked").insert(0, taken.clone());
    tell(&state, of.id);
    Ok((StatusCode::ACCEPTED, Json(taken)))
}

pub async fn fork_desktop(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
    Json(_): Json<ForkDesktop>,
) -> Result<(StatusCode, Json<Forks>), Refused> {
    let of = find(&state, &id)?;
    Ok((StatusCode::ACCEPTED, Json(make(state, &format!("{}-1", of.name), of.size))))
}

pub async fn fork(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
    Json(_): Json<ForkDesktop>,
) -> Result<(StatusCode, Json<Forks>), Refused> {
    let of = one(Shared(Arc::clone(&state)), Path(id)).await?.0;
    Ok((StatusCode::ACCEPTED, Json(make(state, &format!("{}-1", of.desktop_name), of.size))))
}

pub async fn restore(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Desktop>), Refused> {
    let of = one(Shared(Arc::clone(&state)), Path(id)).await?.0;
    if of.desktop_is_gone {
        let made = make(state, &of.desktop_name, of.size);
        let made = made.items.into_iter().next().expect("it makes one");
        return Ok((StatusCode::ACCEPTED, Json(made)));
    }
    let desktop = find(&state, &of.desktop.to_string())?;
    tokio::spawn(desktops::boot(state, desktop.id, "resume"));
    Ok((StatusCode::ACCEPTED, Json(desktop)))
}

pub async fn schedule(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
) -> Result<Json<DesktopSnapshotSchedule>, Refused> {
    let schedule = state.schedules.lock().expect("no test panicked").get(&find(&state, &id)?.id).copied();
    let next_at = schedule.map(|_| Timestamp::now().checked_add(2.hours()).expect("a time"));
    Ok(Json(DesktopSnapshotSchedule { schedule, next_at }))
}

/// One has a schedule from the beginning, with copies.
pub fn schedules(desktops: &[Desktop]) -> HashMap<DesktopId, SnapshotSchedule> {
    let schedule = SnapshotSchedule { every_hours: 24, keep_last: 2, keep_days: 0, copies: true };
    desktops.iter().filter(|desktop| desktop.name == "lamp").map(|desktop| (desktop.id, schedule)).collect()
}

pub async fn set_schedule(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
    Json(wanted): Json<SnapshotSchedule>,
) -> Result<StatusCode, Refused> {
    let SnapshotSchedule { every_hours, keep_last, keep_days, .. } = wanted;
    if let Err(error) = rolltop_model::SnapshotSchedule::new(every_hours, keep_last, keep_days) {
        return refuse_field(Code::InvalidSchedule, error.field(), &error.to_string());
    }
    let of = find(&state, &id)?.id;
    state.schedules.lock().expect("no test panicked").insert(of, wanted);
    Ok(StatusCode::NO_CONTENT)
}

pub async fn end_schedule(Shared(state): Shared<App>, Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let of = find(&state, &id)?.id;
    state.schedules.lock().expect("no test panicked").remove(&of);
    Ok(StatusCode::NO_CONTENT)
}

pub async fn undo(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<Desktop>), Refused> {
    if let Ok(desktop) = find(&state, &id) {
        tokio::spawn(desktops::boot(state, desktop.id, "resume"));
        return Ok((StatusCode::ACCEPTED, Json(desktop)));
    }
    let kept = state.snapshots.lock().expect("no test panicked").clone();
    match kept.iter().find(|snapshot| snapshot.desktop.to_string() == id) {
        Some(kept) => {
            let made = make(state, &kept.desktop_name, kept.size).items.into_iter().next();
            Ok((StatusCode::ACCEPTED, Json(made.expect("it makes one"))))
        }
        None => refuse(Code::NotFound, "There is no such desktop."),
    }
}

fn make(state: App, name: &str, size: rolltop_model::Size) -> Forks {
    let desktop = Desktop { id: DesktopId::generate(), ..desktops::fresh(name, size, 0) };
    state.desktops.lock().expect("no test panicked").insert(0, desktop.clone());
    state.tell(EventKind::DesktopChanged, &desktop);
    tokio::spawn(desktops::boot(state, desktop.id, "fork"));
    Forks { items: vec![desktop] }
}

fn tell(state: &App, of: DesktopId) {
    let desktop = state.desktops.lock().expect("no test panicked").iter().find(|one| one.id == of).cloned();
    if let Some(desktop) = desktop {
        state.tell(EventKind::SnapshotChanged, &desktop);
    }
}
