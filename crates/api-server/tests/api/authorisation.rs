//! The one table of who may ask what: every operation there is, REST, WebSocket and event stream,
//! asked by everybody who may not.
//!
//! [`OPERATIONS`] is walked, so a new operation is walked too; until [`asked`] says how one asks it,
//! this test fails.

use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use reqwest::{Method, RequestBuilder, Response};
use rolltop_api_server::{Access, OPERATIONS};
use rolltop_api_types::{CreateApiKey, CreateSnapshot, CreateSshKey, SaveTemplate, Scope};
use rolltop_model::{ApiKeyId, DesktopId, SnapshotId, SshKeyId};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::platform::{DEADLINE, Platform, eventually, insert_key};

const SSH_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN sam";
/// In the names of all that the first workspace has, and in nothing else.
const MARK: &str = "zebra";

/// How an operation is asked.
#[derive(Default)]
struct Asked {
    query: &'static str,
    body: Option<Value>,
    /// Opens a WebSocket.
    websocket: bool,
    /// Answers with an event stream, which has no end.
    endless: bool,
    /// Only for a person with a session; an API key is told so.
    person: bool,
}

/// How one asks this operation. A new one has to be named here.
fn asked(method: &Method, path: &str) -> Asked {
    let plain = Asked::default();
    let query = |query| Asked { query, ..Asked::default() };
    let body = |body| Asked { body: Some(body), ..Asked::default() };
    let websocket = |query| Asked { query, websocket: true, ..Asked::default() };
    match (method.as_str(), path) {
        ("GET", "/v1/events") => Asked { query: "?after=0", endless: true, ..plain },
        ("GET", "/v1/desktops/{id}/exec") => websocket(""),
        ("POST", "/v1/desktops/{id}/exec") => body(json!({"command": ["true"]})),
        // Nobody has named a place for copies here, which is all that is said.
        ("POST", "/v1/snapshots/{id}/copy" | "/v1/copies/{id}/fetch") | ("DELETE", "/v1/copies/{id}") => {
            plain
        }
        // No desktop, which is said of what was sent.
        ("POST", "/v1/snapshots") => plain,
        ("POST", "/v1/desktops/{id}/setup") => body(json!({"script": "true"})),
        ("POST", "/v1/desktops/{id}/template") => body(json!({"name": "tools"})),
        ("DELETE", "/v1/saved-templates/{id}") => plain,
        ("POST", "/v1/desktops/{id}/shares") => body(json!({"port": 8000, "lasts_seconds": 3600})),
        ("GET", "/v1/desktops/{id}/screen" | "/v1/desktops/{id}/ports/{port}") => websocket(""),
        ("GET", "/v1/desktops/{id}/terminals/{number}") => websocket("?columns=80&rows=24"),
        (
            "GET",
            "/v1/me" | "/v1/host" | "/v1/templates" | "/v1/desktops" | "/v1/api-keys" | "/v1/ssh-keys",
        )
        | (
            "GET",
            "/v1/desktops/{id}"
            | "/v1/desktops/{id}/steps"
            | "/v1/desktops/{id}/history"
            | "/v1/desktops/{id}/usage"
            | "/v1/desktops/{id}/setup"
            | "/v1/desktops/{id}/access-log"
            | "/v1/desktops/{id}/screenshot"
            | "/v1/desktops/{id}/ssh"
            | "/v1/desktops/{id}/sleep"
            | "/v1/desktops/{id}/snapshot-schedule"
            | "/v1/snapshots"
            | "/v1/saved-templates"
            | "/v1/copies"
            | "/v1/snapshots/{id}"
            | "/v1/snapshots/{id}/screenshot"
            | "/v1/snapshots/{id}/export"
            | "/v1/desktops/{id}/console"
            | "/v1/desktops/{id}/terminals"
            | "/v1/desktops/{id}/ports"
            | "/v1/desktops/{id}/logins"
            | "/v1/desktops/{id}/shares",
        )
        | (
            "POST",
            "/v1/desktops/{id}/start"
            | "/v1/desktops/{id}/stop"
            | "/v1/desktops/{id}/suspend"
            | "/v1/desktops/{id}/resume"
            | "/v1/desktops/{id}/restart"
            | "/v1/desktops/{id}/retry"
            | "/v1/desktops/{id}/end-processes"
            | "/v1/desktops/{id}/undo"
            | "/v1/snapshots/{id}/restore",
        )
        | (
            "DELETE",
            "/v1/session"
            | "/v1/desktops/{id}"
            | "/v1/desktops/{id}/setup"
            | "/v1/desktops/{id}/snapshot-schedule"
            | "/v1/desktops/{id}/terminals/{number}"
            | "/v1/desktops/{id}/shares/{share}"
            | "/v1/desktops/{id}/holds/{hold}"
            | "/v1/ssh-keys/{id}"
            | "/v1/api-keys/{id}"
            | "/v1/snapshots/{id}",
        ) => plain,
        ("GET", "/v1/desktops/{id}/files" | "/v1/desktops/{id}/files/archive") => query("?path=/home/desk"),
        ("GET", "/v1/desktops/{id}/files/info" | "/v1/desktops/{id}/files/content")
        | ("DELETE", "/v1/desktops/{id}/files") => query("?path=/home/desk/welcome.txt"),
        ("GET" | "DELETE", "/v1/desktops/{id}/files/upload") => {
            query("?path=/home/desk/welcome.txt&upload=anupload1")
        }
        ("PUT", "/v1/desktops/{id}/files/content") => {
            Asked { query: "?path=/home/desk/welcome.txt", ..body(json!({"over": "written"})) }
        }
        ("PATCH", "/v1/desktops/{id}/files") => {
            Asked { query: "?path=/home/desk/welcome.txt", ..body(json!({"mode": "0600"})) }
        }
        ("POST", "/v1/desktops/{id}/files/folder") => body(json!({"path": "/home/desk/new"})),
        ("POST", "/v1/desktops/{id}/files/move" | "/v1/desktops/{id}/files/copy") => {
            body(json!({"from": "/home/desk/welcome.txt", "to": "/home/desk/elsewhere"}))
        }
        ("PUT", "/v1/desktops/{id}/snapshot-schedule") => body(json!({"every_hours": 6, "keep_last": 4})),
        ("PUT", "/v1/desktops/{id}/sleep") => body(json!({"after_minutes": 30})),
        ("POST", "/v1/desktops/{id}/holds") => body(json!({"lasts_seconds": 3600})),
        ("POST", "/v1/desktops/{id}/snapshots") => body(json!({"name": "kept"})),
        ("POST", "/v1/desktops/{id}/fork" | "/v1/snapshots/{id}/fork") => body(json!({"count": 1})),
        ("POST", "/v1/desktops") => body(json!({"size": "s"})),
        ("PATCH", "/v1/desktops/{id}") => body(json!({"name": "renamed"})),
        ("POST", "/v1/ssh-keys") => body(json!({"public_key": SSH_KEY})),
        ("POST", "/v1/api-keys") => body(json!({"name": "more", "scopes": ["keys:write"]})),
        ("PUT", "/v1/me/password") => {
            Asked { person: true, ..body(json!({"name": "sam", "password": "correct horse battery"})) }
        }
        ("POST", "/v1/login/device/request") => {
            Asked { person: true, ..body(json!({"user_code": "BCDF-GHJK"})) }
        }
        ("POST", "/v1/login/device/decision") => {
            Asked { person: true, ..body(json!({"user_code": "BCDF-GHJK", "allow": true})) }
        }
        (method, path) => panic!("{method} {path} is new: say here how it is asked"),
    }
}

/// Two workspaces, and everybody who may come and ask for what the first one has.
struct Stage {
    platform: Platform,
    desktop: DesktopId,
    ssh_key: SshKeyId,
    api_key: ApiKeyId,
    snapshot: SnapshotId,
    template: String,
    /// All scopes, in the other workspace.
    stranger: SecretString,
    /// All scopes, for another desktop of the same workspace.
    tied: SecretString,
    revoked: SecretString,
    expired: SecretString,
    signed_out: SecretString,
}

impl Stage {
    async fn set() -> Self {
        let platform = Platform::start().await;
        let desktop = platform.running(MARK).await.id;
        let other = platform.running("neighbour").await.id;
        let client = &platform.client;
        let ssh = CreateSshKey { name: Some(MARK.into()), public_key: SSH_KEY.into() };
        let ssh_key = client.add_ssh_key(&ssh).await.unwrap().key.id;
        let api_key = key(&platform, MARK, Scope::ALL, None).await.1;
        let named = CreateSnapshot { name: Some(MARK.into()) };
        let snapshot = client.take_snapshot(desktop, &named).await.unwrap().id;
        let pictured =
            eventually(async || client.snapshot(snapshot).await.is_ok_and(|kept| kept.has_picture));
        assert!(pictured.await, "it shows what was on the screen");
        let wanted = SaveTemplate { name: "kept".into(), ..SaveTemplate::default() };
        let template = client.save_template(desktop, &wanted).await.unwrap().version;
        let tied = key(&platform, "tied", Scope::ALL, Some(other)).await.0;
        let (revoked, id) = key(&platform, "revoked", Scope::ALL, None).await;
        client.revoke_api_key(id).await.unwrap();
        let (session, token) = platform.session_with_token().await;
        session.sign_out().await.unwrap();
        let (stranger, expired) = others(&platform).await;
        Self {
            desktop,
            ssh_key,
            api_key,
            snapshot,
            template,
            stranger,
            tied,
            revoked,
            expired,
            signed_out: token,
            platform,
        }
    }

    /// The operation for the first workspace's things.
    fn request(&self, method: &Method, path: &str, token: Option<&SecretString>) -> RequestBuilder {
        let id = match path {
            path if path.starts_with("/v1/ssh-keys/") => self.ssh_key.to_string(),
            path if path.starts_with("/v1/api-keys/") => self.api_key.to_string(),
            path if path.starts_with("/v1/snapshots/") => self.snapshot.to_string(),
            path if path.starts_with("/v1/saved-templates/") => self.template.clone(),
            _ => self.desktop.to_string(),
        };
        self.request_for(method, path, &id, token)
    }

    fn request_for(
        &self,
        method: &Method,
        path: &str,
        id: &str,
        token: Option<&SecretString>,
    ) -> RequestBuilder {
        let asked = asked(method, path);
        let path = path
            .replace("{id}", id)
            .replace("{number}", "1")
            .replace("{port}", "8000")
            .replace("{share}", "shr_00000000000000000000000000")
            .replace("{hold}", "hld_00000000000000000000000000");
        let mut request =
            self.platform.http().request(method.clone(), format!("http://api{path}{}", asked.query));
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = asked.body {
            request = request.json(&body);
        }
        if asked.websocket {
            request = request
                .header("connection", "upgrade")
                .header("upgrade", "websocket")
                .header("sec-websocket-version", "13")
                .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        }
        request
    }

    /// Everything is as it was.
    async fn is_untouched(&self) {
        let client = &self.platform.client;
        let desktop = client.desktop(self.desktop).await.unwrap();
        assert_eq!((desktop.name.as_str(), desktop.state.as_str()), (MARK, "running"));
        assert_eq!(desktop.desired, rolltop_api_types::Desired::Running);
        assert!(client.ssh_keys().await.unwrap().iter().any(|key| key.id == self.ssh_key));
        assert!(client.snapshot(self.snapshot).await.is_ok());
        assert!(client.api_keys().await.unwrap().iter().any(|key| key.id == self.api_key));
        assert!(client.saved_templates().await.unwrap().iter().any(|saved| saved.version == self.template));
        let file = client.file(self.desktop, "/home/desk/welcome.txt", None).await.unwrap();
        let text = String::from_utf8(file.into_bytes().await.unwrap()).unwrap();
        assert!(text.contains(&self.desktop.to_string()), "{text}");
        assert!(client.file_info(self.desktop, "/home/desk/new").await.is_err());
        assert!(client.file_info(self.desktop, "/home/desk/elsewhere").await.is_err());
    }
}

async fn key(
    platform: &Platform,
    name: &str,
    scopes: &[Scope],
    desktop: Option<DesktopId>,
) -> (SecretString, ApiKeyId) {
    let wanted = CreateApiKey { name: name.into(), scopes: scopes.to_vec(), desktop, expires_at: None };
    let made = platform.client.create_api_key(&wanted).await.unwrap();
    (made.token, made.key.id)
}

/// A key of another workspace, and one of the first workspace that has expired: neither can be made
/// over the API.
async fn others(platform: &Platform) -> (SecretString, SecretString) {
    let store = platform.store().await;
    let first = store.first_workspace(Timestamp::now()).await.unwrap().id;
    let expired = Timestamp::now().checked_sub(SignedDuration::from_secs(1)).unwrap();
    (platform.stranger().await, insert_key(&store, first, Some(expired)).await)
}

/// All of an answer, or of an endless one what comes until the asker's own workspace has been heard of.
async fn text_of(response: Response, endless: Option<&str>) -> String {
    let Some(until) = endless else { return response.text().await.unwrap() };
    let mut text = String::new();
    let mut stream = response.bytes_stream();
    while !text.contains(until) {
        let chunk = timeout(DEADLINE, stream.next()).await.expect("an event in time").expect("it goes on");
        text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
    }
    text
}

fn guarded() -> impl Iterator<Item = &'static (Method, &'static str, Access)> {
    OPERATIONS.iter().filter(|(_, _, access)| matches!(access, Access::Credential | Access::Scopes(_)))
}

fn is_of_a_desktop(path: &str) -> bool {
    path.starts_with("/v1/desktops/{id}")
}

#[tokio::test]
async fn who_has_no_credential_or_one_that_has_ended_is_nobody() {
    let stage = Stage::set().await;
    let wrong = SecretString::from("rt_wrong");
    let nobodies = [
        ("nobody", None),
        ("a made up key", Some(&wrong)),
        ("a revoked key", Some(&stage.revoked)),
        ("an expired key", Some(&stage.expired)),
        ("a session that has ended", Some(&stage.signed_out)),
    ];
    for (method, path, _) in guarded() {
        for (who, token) in nobodies {
            let response = stage.request(method, path, token).send().await.unwrap();
            assert_eq!(response.status(), 401, "{method} {path} by {who}");
            assert_eq!(response.headers()["www-authenticate"], "Bearer");
            let text = text_of(response, None).await;
            assert!(
                text.contains("unauthenticated") && !text.contains(MARK),
                "{method} {path} by {who}: {text}"
            );
        }
    }
    stage.is_untouched().await;
}

#[tokio::test]
async fn another_workspace_finds_nothing() {
    let stage = Stage::set().await;
    let me = stage.platform.client.me().await.unwrap();
    let secrets = [
        MARK.to_owned(),
        "neighbour".to_owned(),
        me.workspace.to_string(),
        stage.desktop.to_string(),
        stage.ssh_key.to_string(),
        stage.api_key.to_string(),
    ];
    for (method, path, _) in guarded() {
        let response = stage.request(method, path, Some(&stage.stranger)).send().await.unwrap();
        let status = response.status().as_u16();
        if path.contains("{id}") {
            assert_eq!(status, 404, "{method} {path}");
        } else {
            // Nothing is sent to be taken in.
            let is_import = *method == Method::POST && *path == "/v1/snapshots";
            let is_fine = (200..300).contains(&status) || asked(method, path).person;
            assert!(is_fine || is_import && status == 422, "{method} {path}: {status}");
        }
        // Its own desktop was made on the way here, so there is something to hear.
        let own = asked(method, path).endless.then_some("event: desktop.changed");
        if own.is_some() {
            let made = stage.platform.nobody.with_token(&stage.stranger).unwrap();
            made.create_desktop(&Default::default(), None).await.unwrap();
        }
        let text = text_of(response, own).await;
        for secret in &secrets {
            assert!(!text.contains(secret), "{method} {path} tells {secret}: {text}");
        }
        if path.contains("{id}") {
            assert!(text.contains("\"not_found\""), "{method} {path}: {text}");
        }
    }
    stage.is_untouched().await;
}

#[tokio::test]
async fn a_key_for_another_desktop_finds_nothing_of_this_one() {
    let stage = Stage::set().await;
    for (method, path, _) in guarded() {
        let response = stage.request(method, path, Some(&stage.tied)).send().await.unwrap();
        let status = response.status().as_u16();
        match path {
            path if is_of_a_desktop(path) => assert_eq!(status, 404, "{method} {path}"),
            path if path.contains("{id}") => {
                assert!(matches!(status, 403 | 404), "{method} {path}: {status}")
            }
            _ => {}
        }
        let own = asked(method, path).endless.then_some("event: step");
        let text = text_of(response, own).await;
        for secret in [MARK.to_owned(), stage.desktop.to_string(), stage.api_key.to_string()] {
            assert!(!text.contains(&secret), "{method} {path} tells {secret}: {text}");
        }
    }
    let keys = stage.platform.client.api_keys().await.unwrap();
    let loose = keys.iter().filter(|key| key.name == "more" && key.desktop.is_none()).count();
    assert_eq!(loose, 0, "it made no key that is not tied");
    stage.is_untouched().await;
}

/// And exactly those are: a key with no other gets past both the gate and the ticket's own check.
#[tokio::test]
async fn the_scopes_in_the_table_are_those_that_are_needed() {
    let stage = Stage::set().await;
    for (method, path, access) in guarded() {
        let Access::Scopes(all_needed) = access else { continue };
        for needed in *all_needed {
            let others = Scope::ALL.iter().copied().filter(|scope| scope.as_str() != needed.as_str());
            let (all_others, id) = key(&stage.platform, "others", &others.collect::<Vec<_>>(), None).await;
            let response = stage.request(method, path, Some(&all_others)).send().await.unwrap();
            assert_eq!(response.status(), 403, "{method} {path} without {}", needed.as_str());
            let problem: Value = response.json().await.unwrap();
            assert_eq!(problem["code"], "missing_scope");
            assert!(problem["detail"].as_str().unwrap().contains(needed.as_str()), "{problem}");
            stage.platform.client.revoke_api_key(id).await.unwrap();
        }

        let is_needed = |scope: &Scope| all_needed.iter().any(|needed| needed.as_str() == scope.as_str());
        let those: Vec<Scope> = Scope::ALL.iter().copied().filter(is_needed).collect();
        let (only, id) = key(&stage.platform, "only", &those, None).await;
        let nothing = "dsk_00000000000000000000000000";
        let request = stage.request_for(method, path, nothing, Some(&only)).timeout(Duration::from_secs(20));
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        assert!(!matches!(status, 401 | 403), "{method} {path} with {those:?} alone: {status}");
        if path.contains("{id}") {
            assert_eq!(status, 404, "{method} {path}");
        }
        drop(response);
        stage.platform.client.revoke_api_key(id).await.unwrap();
    }
    stage.is_untouched().await;
}
