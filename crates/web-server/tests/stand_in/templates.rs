//! Templates of the workspace's own: one that could not be made, and as many as are asked for.

use std::sync::Arc;

use axum::extract::{Json, Path, State as Shared};
use http::StatusCode;
use jiff::Timestamp;
use rolltop_api_types::{
    Code, DesktopState, EventKind, Logins, LoginsList, SaveTemplate, SavedTemplate, SavedTemplateList,
    SavedTemplateState,
};

use super::routes::{App, Refused, find, refuse, refuse_field};
use super::{State, desktops};

pub fn canned() -> Vec<SavedTemplate> {
    vec![SavedTemplate {
        version: "data@0123456789ab".to_owned(),
        name: "data".to_owned(),
        title: "Data science".to_owned(),
        description: "With the compiler and the test data.".to_owned(),
        desktop_name: "research".to_owned(),
        state: SavedTemplateState::Failed,
        detail: Some("The host's disk is full; free some space, then try again.".to_owned()),
        made_by: "sam".to_owned(),
        created_at: Timestamp::now(),
    }]
}

pub async fn list(Shared(state): Shared<App>) -> Json<SavedTemplateList> {
    Json(SavedTemplateList { items: state.templates.lock().expect("a lock").clone() })
}

/// What tools keep in a desktop that runs.
pub async fn logins(Shared(state): Shared<App>, Path(id): Path<String>) -> Result<Json<LoginsList>, Refused> {
    let desktop = find(&state, &id)?;
    if desktop.state != DesktopState::Running {
        return refuse(Code::NotRunning, "This desktop does not run.");
    }
    let tool = |id: &str, title: &str, paths: &[&str]| Logins {
        id: id.to_owned(),
        title: title.to_owned(),
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
    };
    Ok(Json(LoginsList {
        items: vec![
            tool("ssh", "SSH keys", &["/home/desk/.ssh"]),
            tool("github", "GitHub", &["/home/desk/.config/gh"]),
            tool(
                "claude",
                "Claude Code",
                &["/home/desk/.claude/.credentials.json", "/home/desk/.claude.json"],
            ),
        ],
    }))
}

pub async fn save(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
    Json(wanted): Json<SaveTemplate>,
) -> Result<(StatusCode, Json<SavedTemplate>), Refused> {
    let desktop = find(&state, &id)?;
    if wanted.name.chars().any(|character| !matches!(character, 'a'..='z' | '0'..='9' | '-' | '.')) {
        let text =
            "A template's name has 1 to 40 of a-z, 0-9, dots and hyphens, and begins with a letter or digit.";
        return refuse_field(Code::InvalidName, "name", text);
    }
    let saved = SavedTemplate {
        version: format!("{}@{:012x}", wanted.name, state.templates.lock().expect("a lock").len()),
        title: wanted.title.unwrap_or_else(|| wanted.name.clone()),
        name: wanted.name,
        // So that a test sees what was kept.
        description: [wanted.description.unwrap_or_default(), wanted.keep.join(" ")].concat(),
        desktop_name: desktop.name.clone(),
        state: SavedTemplateState::Saving,
        detail: None,
        made_by: "sam".to_owned(),
        created_at: Timestamp::now(),
    };
    state.templates.lock().expect("a lock").insert(0, saved.clone());
    drop(tokio::spawn(ready(Arc::clone(&state), saved.version.clone(), desktop.id)));
    Ok((StatusCode::ACCEPTED, Json(saved)))
}

async fn ready(state: Arc<State>, version: String, of: rolltop_model::DesktopId) {
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    for saved in state.templates.lock().expect("a lock").iter_mut().filter(|saved| saved.version == version) {
        saved.state = SavedTemplateState::Ready;
    }
    desktops::change(&state, of, EventKind::DesktopChanged, |_| {});
}

pub async fn delete(Shared(state): Shared<App>, Path(version): Path<String>) -> Result<StatusCode, Refused> {
    let mut templates = state.templates.lock().expect("a lock");
    let before = templates.len();
    templates.retain(|saved| saved.version != version);
    if templates.len() == before {
        return refuse(Code::NotFound, "There is no such template of this workspace.");
    }
    Ok(StatusCode::NO_CONTENT)
}
