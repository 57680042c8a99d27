//! What desktops are set up with: it takes two seconds, and a script with `exit` in it fails.

use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use axum::extract::{Json, Path, State as Shared};
use http::StatusCode;
use jiff::Timestamp;
use rolltop_api_types::{Code, DesktopSetup, SetUp, Setup, SetupState};

use super::routes::{App, Refused, find, refuse_field};

static ALL: LazyLock<Mutex<HashMap<String, Setup>>> = LazyLock::new(Mutex::default);
const TAKES: Duration = Duration::from_secs(2);

pub async fn get(Shared(state): Shared<App>, Path(id): Path<String>) -> Result<Json<DesktopSetup>, Refused> {
    find(&state, &id)?;
    Ok(Json(DesktopSetup { setup: now(&id) }))
}

fn now(id: &str) -> Option<Setup> {
    let mut setup = ALL.lock().expect("a lock").get(id).cloned()?;
    let began = setup.started_at?;
    if setup.ended_at.is_some() {
        return Some(setup);
    }
    let failing = setup.script.as_deref().is_some_and(|script| script.contains("exit"));
    if Timestamp::now().duration_since(began).unsigned_abs() > TAKES {
        setup.ended_at = Some(Timestamp::now());
        setup.state = if failing { SetupState::Failed } else { SetupState::Done };
        setup.detail = failing.then(|| "The script ended with 3; its log says why.".to_owned());
        setup.log.push_str("\nadded 212 packages in 2s");
    }
    Some(setup)
}

pub async fn stop(Path(id): Path<String>) -> (StatusCode, Json<DesktopSetup>) {
    if let Some(setup) = ALL.lock().expect("a lock").get_mut(&id) {
        setup.state = SetupState::Failed;
        setup.detail = Some("It was stopped before it was done; set it up again.".to_owned());
        setup.ended_at = Some(Timestamp::now());
    }
    (StatusCode::ACCEPTED, Json(DesktopSetup { setup: now(&id) }))
}

pub async fn set(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
    Json(wanted): Json<SetUp>,
) -> Result<(StatusCode, Json<DesktopSetup>), Refused> {
    find(&state, &id)?;
    check(&wanted, "")?;
    begin(&id, wanted);
    Ok((StatusCode::ACCEPTED, Json(DesktopSetup { setup: now(&id) })))
}

pub fn check(wanted: &SetUp, before: &str) -> Result<(), Refused> {
    let is_bad = wanted.repository.as_deref().is_some_and(|address| !address.contains("://"));
    if is_bad || (wanted.repository.is_none() && wanted.script.is_none()) {
        let text =
            "A repository's address begins with https://, http://, git:// or ssh://, or is user@host:path.";
        return refuse_field(Code::InvalidSetup, &format!("{before}repository"), text);
    }
    Ok(())
}

pub fn begin(id: &str, wanted: SetUp) {
    let SetUp { repository, branch, script } = wanted;
    let setup = Setup {
        repository,
        branch,
        script,
        state: SetupState::Running,
        detail: None,
        log: "Cloning into 'tools'...\nnpm install".to_owned(),
        asked_by: "sam".to_owned(),
        started_at: Some(Timestamp::now()),
        ended_at: None,
    };
    ALL.lock().expect("a lock").insert(id.to_owned(), setup);
}
