//! `/v1` as far as the web tier uses it.

use std::convert::Infallible;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Json, Path, Query, Request, State as Shared};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::sse::{KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, delete, get, post, put};
use futures::{Stream, StreamExt};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, StatusCode};
use rolltop_api_types::{ADMITTED_HEADER, DestroyDesktop};
use rolltop_api_types::{
    AccessEntry, AccessLog, Code, CreateDesktop, Credential, CredentialKind, Desktop, DesktopPage,
    DesktopState, EventKind, History, HistoryEntry, Limits, ListDesktops, Me, PROBLEM_JSON, Problem, Scope,
    StepList, TemplateList, UpdateDesktop, Usage, UsagePoint,
};
use rolltop_model::{DesktopId, DesktopName, Size, UserId, WorkspaceId};
use serde_json::{Value, json};
use tokio_stream::wrappers::BroadcastStream;

use super::{
    LINK, NAME, NEW_TOKEN, PASSWORD, Seen, State, TOKEN, copies, desktops, files, keys, picture, previews,
    rfb, setup, sleep, snapshots, ssh, templates, terminals,
};

pub(super) type App = Arc<State>;

pub(super) struct Refused(Problem);

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).expect("a status");
        (status, [(CONTENT_TYPE, PROBLEM_JSON)], serde_json::to_string(&self.0).expect("a problem"))
            .into_response()
    }
}

pub(super) fn refuse<T>(code: Code, detail: &str) -> Result<T, Refused> {
    Err(Refused(Problem::new(code, detail)))
}

pub(super) fn refuse_field<T>(code: Code, field: &str, detail: &str) -> Result<T, Refused> {
    Err(Refused(Problem::new(code, detail).in_field(field)))
}

pub fn router(state: App) -> Router {
    let private = Router::new()
        .route("/v1/me", get(me))
        .route("/v1/me/password", put(set_password))
        .route("/v1/session", delete(|| async { StatusCode::NO_CONTENT }))
        .route("/v1/desktops", get(list).post(create))
        .route("/v1/desktops/{id}", get(one).patch(rename).delete(destroy))
        .route("/v1/desktops/{id}/sleep", get(sleep::get).put(sleep::set))
        .route("/v1/desktops/{id}/holds", post(sleep::hold))
        .route("/v1/desktops/{id}/holds/{hold}", delete(sleep::release))
        .route("/v1/desktops/{id}/{action}", get(read).post(act))
        .route("/v1/desktops/{id}/files", get(files::list).delete(files::remove))
        .route("/v1/desktops/{id}/files/content", get(files::read).put(files::write))
        .route("/v1/desktops/{id}/files/upload", any(|| async { StatusCode::NO_CONTENT }))
        .route("/v1/desktops/{id}/terminals", get(terminals::list))
        .route("/v1/desktops/{id}/terminals/{number}", get(terminals::open).delete(terminals::close))
        .route("/v1/api-keys", get(keys::list).post(keys::create))
        .route("/v1/api-keys/{id}", delete(keys::revoke))
        .route("/v1/login/device/request", post(keys::device_request))
        .route("/v1/login/device/decision", post(keys::decide))
        .route("/v1/desktops/{id}/snapshots", post(snapshots::take))
        .route("/v1/desktops/{id}/fork", post(snapshots::fork_desktop))
        .route(
            "/v1/desktops/{id}/snapshot-schedule",
            get(snapshots::schedule).put(snapshots::set_schedule).delete(snapshots::end_schedule),
        )
        .route("/v1/desktops/{id}/undo", post(snapshots::undo))
        .route("/v1/snapshots", get(snapshots::list).post(snapshots::import))
        .route("/v1/snapshots/{id}/copy", post(copies::make))
        .route("/v1/copies", get(copies::list))
        .route("/v1/copies/{id}", delete(copies::delete))
        .route("/v1/copies/{id}/fetch", post(copies::fetch))
        .route("/v1/snapshots/{id}/export", get(snapshots::export))
        .route("/v1/snapshots/{id}", get(snapshots::one).delete(snapshots::delete))
        .route("/v1/snapshots/{id}/screenshot", get(snapshots::screenshot))
        .route("/v1/snapshots/{id}/fork", post(snapshots::fork))
        .route("/v1/snapshots/{id}/restore", post(snapshots::restore))
        .route("/v1/desktops/{id}/setup", get(setup::get).post(setup::set).delete(setup::stop))
        .route("/v1/desktops/{id}/template", post(templates::save))
        .route("/v1/desktops/{id}/logins", get(templates::logins))
        .route("/v1/saved-templates", get(templates::list))
        .route("/v1/saved-templates/{version}", delete(templates::delete))
        .route("/v1/ssh-keys", get(ssh::list).post(ssh::add))
        .route("/v1/ssh-keys/{id}", delete(ssh::remove))
        .route("/v1/events", get(events))
        .route("/v1/templates", get(|| async { Json(TemplateList { items: desktops::templates() }) }))
        .route("/v1/host", get(host))
        .route("/v1/echo", any(echo))
        .layer(axum::middleware::from_fn(authenticate));
    Router::new()
        .merge(private)
        .route("/v1/session", post(sign_in))
        .route("/v1/session/redeem", post(redeem))
        .route("/healthz", get(|| async { "ok" }))
        .route("/preview/ticket", post(previews::ticket))
        .route("/preview/pass", post(previews::pass))
        .route("/preview/connection", get(previews::connection))
        .layer(from_fn_with_state(Arc::clone(&state), record))
        .with_state(state)
}

async fn record(Shared(state): Shared<App>, request: Request, next: Next) -> Response {
    let seen = Seen {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        headers: request.headers().clone(),
    };
    state.seen.lock().expect("no test panicked").push(seen);
    next.run(request).await
}

pub(super) fn token(headers: &HeaderMap) -> &str {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .unwrap_or_default()
}

async fn authenticate(request: Request, next: Next) -> Response {
    let known = [TOKEN, NEW_TOKEN, "rt_key"];
    if known.contains(&token(request.headers())) {
        let mut response = next.run(request).await;
        response.headers_mut().insert(ADMITTED_HEADER, HeaderValue::from_static("yes"));
        response
    } else {
        Refused(Problem::new(Code::Unauthenticated, "Sign in first.")).into_response()
    }
}

async fn me(Shared(state): Shared<App>, headers: HeaderMap) -> Json<Me> {
    let new = token(&headers) == NEW_TOKEN;
    let used = state.desktops.lock().expect("no test panicked").len() as u64;
    Json(Me {
        user: Some(UserId::from_u128(1)),
        name: (!new).then(|| NAME.to_owned()),
        workspace: WorkspaceId::from_u128(1),
        admin: true,
        needs_password: new,
        asks_present_password: !new,
        credential: Credential {
            kind: CredentialKind::Session,
            id: "ses_1".to_owned(),
            scopes: Scope::ALL.to_vec(),
            desktop: None,
            expires_at: None,
        },
        limits: Limits {
            desktops: 40,
            desktops_used: used,
            disk_bytes: Some(40 << 30),
            disk_bytes_used: 40 << 30,
        },
    })
}

async fn sign_in(Json(body): Json<Value>) -> Result<Json<Value>, Refused> {
    if body["name"] == NAME && body["password"] == PASSWORD {
        Ok(Json(json!({ "token": TOKEN, "needs_password": false })))
    } else {
        refuse(Code::WrongCredentials, "Name or password is not right.")
    }
}

async fn redeem(Json(body): Json<Value>) -> Result<Json<Value>, Refused> {
    if body["link"] == LINK {
        Ok(Json(json!({ "token": NEW_TOKEN, "needs_password": true })))
    } else {
        refuse(Code::LinkNotValid, "This link was used before or is too old.")
    }
}

async fn set_password(headers: HeaderMap, Json(body): Json<Value>) -> Result<StatusCode, Refused> {
    if token(&headers) != NEW_TOKEN && body["present"] != PASSWORD {
        return refuse_field(Code::WrongPassword, "present", "This is not your present password.");
    }
    if body["password"].as_str().unwrap_or_default().len() < 10 {
        return refuse_field(
            Code::WeakPassword,
            "password",
            "The password has fewer than 10 characters; use a longer one.",
        );
    }
    Ok(StatusCode::NO_CONTENT)
}

async fn list(Shared(state): Shared<App>, Query(which): Query<ListDesktops>) -> Json<DesktopPage> {
    let desktops = state.desktops.lock().expect("no test panicked");
    let items = desktops
        .iter()
        .filter(|desktop| which.state.is_none_or(|state| state == desktop.state))
        .filter(|desktop| which.q.as_ref().is_none_or(|q| desktop.name.contains(q.as_str())))
        .cloned()
        .map(|desktop| Desktop { steps: None, ..desktop })
        .collect();
    Json(DesktopPage { items, next_cursor: None })
}

pub(super) fn find(state: &State, id: &str) -> Result<Desktop, Refused> {
    let desktops = state.desktops.lock().expect("no test panicked");
    match desktops.iter().find(|desktop| desktop.id.to_string() == id) {
        Some(desktop) => Ok(desktop.clone()),
        None => refuse(Code::NotFound, "There is no such desktop."),
    }
}

fn check_name(state: &State, name: &str) -> Result<(), Refused> {
    if let Err(error) = name.parse::<DesktopName>() {
        return refuse_field(Code::InvalidName, "name", &error.to_string());
    }
    if state.desktops.lock().expect("no test panicked").iter().any(|desktop| desktop.name == name) {
        return refuse_field(
            Code::NameTaken,
            "name",
            &format!("There is already a desktop named {name}; choose another name."),
        );
    }
    Ok(())
}

async fn create(
    Shared(state): Shared<App>,
    Json(body): Json<CreateDesktop>,
) -> Result<(StatusCode, Json<Desktop>), Refused> {
    let name = body.name.unwrap_or_else(|| "chosen".to_owned());
    check_name(&state, &name)?;
    let Ok(size) = body.size.as_deref().unwrap_or("s").parse::<Size>() else {
        return refuse_field(Code::UnknownSize, "size", "There is no such size; choose s, m or l.");
    };
    let desktop = Desktop { id: DesktopId::generate(), ..desktops::fresh(&name, size, 0) };
    if let Some(wanted) = body.setup {
        setup::check(&wanted, "setup.")?;
        setup::begin(&desktop.id.to_string(), wanted);
    }
    state.desktops.lock().expect("no test panicked").insert(0, desktop.clone());
    state.tell(EventKind::DesktopChanged, &desktop);
    tokio::spawn(desktops::boot(Arc::clone(&state), desktop.id, "fork"));
    Ok((StatusCode::ACCEPTED, Json(desktop)))
}

async fn one(Shared(state): Shared<App>, Path(id): Path<String>) -> Result<Json<Desktop>, Refused> {
    find(&state, &id).map(Json)
}

async fn rename(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
    Json(body): Json<UpdateDesktop>,
) -> Result<Json<Desktop>, Refused> {
    let desktop = find(&state, &id)?;
    if let Some(name) = &body.name {
        check_name(&state, name)?;
    }
    if body.disk_gib.is_some_and(|gib| gib < desktop.disk_gib) {
        let text = "Its disk is larger, and disks do not shrink: the files on it would be cut off.";
        return refuse_field(Code::InvalidDisk, "disk_gib", text);
    }
    desktops::change(&state, desktop.id, EventKind::DesktopChanged, |desktop| {
        desktop.name = body.name.unwrap_or_else(|| desktop.name.clone());
        desktop.autostart = body.autostart.unwrap_or(desktop.autostart);
        if let Some(screen) = body.screen {
            desktop.screen = Some(screen).filter(|screen| screen != "follow");
        }
        let size = body.size.and_then(|size| size.parse().ok()).unwrap_or(desktop.size);
        desktop.restart_needed |= size != desktop.size;
        desktop.size = size;
        desktop.disk_gib = body.disk_gib.unwrap_or(desktop.disk_gib).max(size.disk_gib());
    });
    find(&state, &id).map(Json)
}

async fn destroy(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
    Query(how): Query<DestroyDesktop>,
) -> Result<(StatusCode, Json<Desktop>), Refused> {
    let desktop = find(&state, &id)?;
    if !how.for_good {
        snapshots::keep(&state, &desktop);
    }
    tokio::spawn(desktops::destroy(Arc::clone(&state), desktop.id));
    Ok((StatusCode::ACCEPTED, Json(desktop)))
}

async fn act(
    Shared(state): Shared<App>,
    Path((id, action)): Path<(String, String)>,
) -> Result<(StatusCode, Json<Desktop>), Refused> {
    let desktop = find(&state, &id)?;
    match (action.as_str(), desktop.state) {
        ("resume" | "start", DesktopState::Suspended) => {
            drop(tokio::spawn(desktops::boot(state, desktop.id, "resume")));
        }
        ("suspend", DesktopState::Running) => drop(tokio::spawn(desktops::suspend(state, desktop.id))),
        ("start", DesktopState::Stopped)
        | ("retry", DesktopState::Failed)
        | ("restart", DesktopState::Running) => {
            drop(tokio::spawn(desktops::boot(state, desktop.id, "start")));
        }
        ("end-processes", DesktopState::Running) => {
            desktops::end_processes(&state, desktop.id);
            return Ok((StatusCode::OK, Json(find(&state, &id)?)));
        }
        ("stop", DesktopState::Running) => drop(tokio::spawn(desktops::stop(state, desktop.id))),
        _ => return refuse(Code::WrongState, "The desktop is in a state in which this can't be done."),
    }
    Ok((StatusCode::ACCEPTED, Json(desktop)))
}

async fn read(
    Shared(state): Shared<App>,
    Path((id, what)): Path<(String, String)>,
    socket: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Refused> {
    let desktop = find(&state, &id)?;
    let seed = desktop.name.len() as u32;
    match (what.as_str(), socket) {
        ("steps", _) => Ok(Json(StepList { items: desktop.steps.unwrap_or_default() }).into_response()),
        ("history", _) => Ok(Json(History { items: history(&desktop) }).into_response()),
        ("usage", _) => Ok(Json(usage(&desktop)).into_response()),
        ("access-log", _) => Ok(Json(AccessLog { items: access(&desktop) }).into_response()),
        ("ssh", _) => Ok(Json(ssh::of(&desktop)).into_response()),
        ("console", _) => Ok(desktops::CONSOLE.into_response()),
        ("screenshot", _) if desktop.state == DesktopState::Running => {
            Ok(([(CONTENT_TYPE, "image/jpeg")], picture::draw(480, 300, seed).jpeg()).into_response())
        }
        ("screenshot", _) => refuse(Code::NotRunning, "The desktop is not running."),
        ("screen", Ok(socket)) if desktop.state == DesktopState::Running => {
            Ok(socket.protocols(["binary"]).on_upgrade(move |socket| async move {
                rfb::serve(socket, seed).await;
            }))
        }
        ("screen", Err(_)) => refuse(Code::WebsocketRequired, "A WebSocket is needed."),
        _ => refuse(Code::NotRunning, "The desktop is not running."),
    }
}

/// An hour with a pause in it.
fn usage(desktop: &Desktop) -> Usage {
    let until = jiff::Timestamp::now();
    let since = until - jiff::SignedDuration::from_hours(1);
    let point = |number: u64| UsagePoint {
        at: since + jiff::SignedDuration::from_secs(i64::try_from(number * 10).unwrap_or_default()),
        processor_percent: 20 + number * 7919 % 60,
        memory_bytes: desktop.memory_bytes.unwrap_or(61 << 20) + (number << 18),
        disk_bytes: desktop.disk_bytes.unwrap_or(70 << 20) + (number << 16),
        received_bytes_per_second: number * 104_729 % 400_000,
        sent_bytes_per_second: number * 7919 % 60_000,
    };
    Usage { since, until, every_seconds: 10, points: (0..140).chain(220..360).map(point).collect() }
}

fn history(desktop: &Desktop) -> Vec<HistoryEntry> {
    let at = |minutes| desktop.created_at + jiff::SignedDuration::from_mins(minutes);
    let entry = |kind: &str, actor: &str, detail: Option<&str>, minutes, seconds: Option<i64>| HistoryEntry {
        kind: kind.to_owned(),
        actor: actor.to_owned(),
        detail: detail.map(str::to_owned),
        began_at: at(minutes),
        ended_at: seconds
            .map(|seconds| at(minutes) + jiff::SignedDuration::from_millis(seconds * 1000 + 340)),
        error: None,
    };
    let failed = HistoryEntry {
        error: Some("The host's disk is full; free some space, then try again.".to_owned()),
        ..entry("suspended", "sam", None, 4, Some(1))
    };
    vec![
        entry("restarted", "sam", None, 9, None),
        entry("resumed", "laptop", Some("ssh"), 8, Some(1)),
        entry("suspended", "rolltop", Some("unused"), 6, Some(0)),
        failed,
        entry("snapshot_taken", "sam", Some("before the upgrade"), 3, Some(1)),
        entry("polished", "sam", Some("a newer server's words"), 2, Some(1)),
        entry("created", "sam", Some("desk@3f2a91c0d4e5"), 0, Some(2)),
    ]
}

fn access(desktop: &Desktop) -> Vec<AccessEntry> {
    ["screen", "screenshot", "personalise"]
        .map(|purpose| AccessEntry {
            at: desktop.created_at,
            purpose: purpose.to_owned(),
            actor: "platform".to_owned(),
        })
        .to_vec()
}

async fn events(
    Shared(state): Shared<App>,
) -> Sse<impl Stream<Item = Result<axum::response::sse::Event, Infallible>>> {
    let stream = BroadcastStream::new(state.events.subscribe()).filter_map(|event| async move {
        let event = event.ok()?;
        let data = serde_json::to_string(&event).ok()?;
        Some(Ok(axum::response::sse::Event::default()
            .id(event.seq.to_string())
            .event(event.kind.as_str())
            .data(data)))
    });
    Sse::new(stream).keep_alive(KeepAlive::default())
}

async fn host() -> Json<Value> {
    Json(json!({
        "engine": "qemu",
        "accelerator": { "kind": "tcg", "why": "/dev/kvm opens, but a kernel started under it did not print its first line within 5 seconds." },
        "qemu_version": "10.0.6", "cpus": 2, "cpu_busy": 0.37, "memory_total_bytes": 25_200_000_000_u64,
        "memory_available_bytes": 17_900_000_000_u64, "disk_total_bytes": 240_000_000_000_u64,
        "disk_available_bytes": 22_400_000_000_u64, "machines_running": 2, "uptime_seconds": 187_000,
        "warnings": [
            { "kind": "memory_unusable", "message": "The memory of quiet can't be brought back: it is of QEMU 11.1.3, and this host has the older 10.0.6." },
            { "kind": "memory_unusable", "message": "The memory of a snapshot of research can't be brought back: it is of QEMU 11.1.3, and this host has the older 10.0.6." },
            { "kind": "forwarding_dropped", "message": "The firewall's table ip filter drops forwarded packets; rolltopd doctor says how to let desktops' through." },
        ],
    }))
}

/// The request's own body and content type come back.
async fn echo(headers: HeaderMap, body: Body) -> Response {
    let content_type = headers.get(CONTENT_TYPE).cloned();
    let mut response = body.into_response();
    if let Some(content_type) = content_type {
        response.headers_mut().insert(CONTENT_TYPE, content_type);
    }
    response.headers_mut().insert("set-cookie", http::HeaderValue::from_static("planted=1"));
    response
}
