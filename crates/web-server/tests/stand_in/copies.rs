//! Copies of snapshots that are not on the host: each is done after two seconds.

use std::sync::Mutex;
use std::time::Duration;

use axum::extract::{Json, Path, State as Shared};
use http::StatusCode;
use jiff::Timestamp;
use rolltop_api_types::{Code, CopyState, SnapshotCopy, SnapshotCopyList};

use super::routes::{App, Refused, refuse};
use super::snapshots;

static ALL: Mutex<Vec<SnapshotCopy>> = Mutex::new(Vec::new());
const TAKES: Duration = Duration::from_secs(2);

pub async fn list(Shared(state): Shared<App>) -> Json<SnapshotCopyList> {
    let mut items = ALL.lock().expect("a lock").clone();
    for copy in &mut items {
        let since = copy.ended_at.unwrap_or(copy.created_at);
        if Timestamp::now().duration_since(since).unsigned_abs() > TAKES {
            copy.state = CopyState::Done;
            copy.bytes = Some(612 << 20);
        }
    }
    Json(SnapshotCopyList { items, configured: state.behaviour.copies })
}

pub async fn make(
    shared: Shared<App>,
    path: Path<String>,
) -> Result<(StatusCode, Json<SnapshotCopy>), Refused> {
    let of = snapshots::one(shared, path).await?.0;
    let copy = SnapshotCopy {
        id: of.id,
        desktop_name: of.desktop_name,
        name: of.name,
        size: of.size,
        disk_gib: 20,
        taken_at: of.created_at,
        state: CopyState::Copying,
        detail: None,
        bytes: None,
        made_by: "sam".to_owned(),
        fetched_as: None,
        created_at: Timestamp::now(),
        ended_at: None,
    };
    ALL.lock().expect("a lock").insert(0, copy.clone());
    Ok((StatusCode::ACCEPTED, Json(copy)))
}

pub async fn fetch(Path(id): Path<String>) -> Result<(StatusCode, Json<SnapshotCopy>), Refused> {
    let mut all = ALL.lock().expect("a lock");
    let Some(copy) = all.iter_mut().find(|copy| copy.id.to_string() == id) else {
        return refuse(Code::NotFound, "There is no such copy.");
    };
    copy.state = CopyState::Fetching;
    copy.ended_at = Some(Timestamp::now());
    Ok((StatusCode::ACCEPTED, Json(copy.clone())))
}

pub async fn delete(Path(id): Path<String>) -> Result<StatusCode, Refused> {
    let mut all = ALL.lock().expect("a lock");
    let before = all.len();
    all.retain(|copy| copy.id.to_string() != id);
    if all.len() == before {
        refuse(Code::NotFound, "There is no such copy.")
    } else {
        Ok(StatusCode::NO_CONTENT)
    }
}
