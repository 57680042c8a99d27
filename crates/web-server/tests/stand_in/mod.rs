//! A stand-in for the API, for this crate's tests and for looking at pages: it speaks `/v1`
//! over a unix socket, with canned desktops in every state, and starts and stops them by the
//! clock. It keeps no rules; the real ones are the API's and are tested there.
#![allow(dead_code, reason = "each test uses its part of it")]

mod copies;
mod desktops;
mod keys;
mod picture;
pub mod previews;
mod rfb;
mod routes;
mod setup;
mod sleep;
mod snapshots;
mod ssh;
mod templates;
mod terminal;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::HeaderMap;
use rolltop_api_types::{
    ApiKey, Desktop, Event, EventKind, SavedTemplate, Sleep, Snapshot, SnapshotSchedule, SshKey,
};
use rolltop_model::DesktopId;
use tokio::sync::broadcast;

pub const NAME: &str = "sam";
pub const PASSWORD: &str = "a walnut desk";
pub const TOKEN: &str = "ses_standin";
/// A session whose account has no password yet.
pub const NEW_TOKEN: &str = "ses_standin_new";
pub const LINK: &str = "lnk_first";

/// How long the steps of a start take, and how much there is to see at first.
#[derive(Clone, Copy)]
pub struct Behaviour {
    pub step: Duration,
    pub desktops: bool,
}

pub struct StandIn {
    pub socket: PathBuf,
    pub state: Arc<State>,
    task: tokio::task::JoinHandle<()>,
}

pub struct State {
    pub behaviour: Behaviour,
    pub desktops: Mutex<Vec<Desktop>>,
    pub keys: Mutex<Vec<SshKey>>,
    pub snapshots: Mutex<Vec<Snapshot>>,
    pub templates: Mutex<Vec<SavedTemplate>>,
    pub sleeps: Mutex<HashMap<DesktopId, Sleep>>,
    pub schedules: Mutex<HashMap<DesktopId, SnapshotSchedule>>,
    pub api_keys: Mutex<Vec<ApiKey>>,
    /// What was decided about devices.
    pub decisions: Mutex<Vec<bool>>,
    pub events: broadcast::Sender<Event>,
    pub seen: Mutex<Vec<Seen>>,
    sequence: std::sync::atomic::AtomicU64,
}

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
}

impl StandIn {
    pub async fn start(socket: &Path, behaviour: Behaviour) -> Self {
        let desktops = if behaviour.desktops { desktops::canned() } else { Vec::new() };
        let only = desktops.first().map(|desktop| desktop.id);
        let state = Arc::new(State {
            behaviour,
            api_keys: Mutex::new(if behaviour.desktops { keys::canned(only) } else { Vec::new() }),
            decisions: Mutex::default(),
            snapshots: Mutex::new(snapshots::canned(&desktops)),
            templates: Mutex::new(templates::canned()),
            desktops: Mutex::new(desktops),
            schedules: Mutex::default(),
            sleeps: Mutex::new(only.into_iter().map(sleep::canned).collect()),
            keys: Mutex::new(if behaviour.desktops { ssh::canned() } else { Vec::new() }),
            events: broadcast::channel(256).0,
            seen: Mutex::new(Vec::new()),
            sequence: std::sync::atomic::AtomicU64::new(1),
        });
        let listener = tokio::net::UnixListener::bind(socket).expect("a socket for the stand-in");
        let router = routes::router(Arc::clone(&state));
        let task = tokio::spawn(async move {
            axum::serve(listener, router).await.expect("the stand-in serves");
        });
        Self { socket: socket.to_owned(), state, task }
    }
}

impl Drop for StandIn {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl State {
    pub fn requests(&self, path: &str) -> Vec<Seen> {
        self.seen.lock().expect("no test panicked").iter().filter(|seen| seen.path == path).cloned().collect()
    }

    fn tell(&self, kind: EventKind, desktop: &Desktop) {
        let seq = self.sequence.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        let data = serde_json::json!({ "state": desktop.state.as_str() });
        let event = Event { seq, kind, desktop: Some(desktop.id), at: jiff::Timestamp::now(), data };
        // Nobody may be listening.
        let _ = self.events.send(event);
    }
}
