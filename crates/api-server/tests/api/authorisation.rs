//! The one table of who may ask what: every operation there is, REST, WebSocket and event stream,
//! asked by everybody who may not.
//!
//! [`operations`] is walked, so a new operation is walked too. It is asked as its declaration and the examples in the API's
//! description say; the stage has what those name.

use std::time::Duration;

use futures::StreamExt;
use jiff::{SignedDuration, Timestamp};
use reqwest::{RequestBuilder, Response};
use rolltop_api_server::{description, operations};
use rolltop_api_types::operation::{Content, Declaration};
use rolltop_api_types::{
    Access, Code, CreateApiKey, CreateSnapshot, CreateSshKey, SaveCondition, SaveTemplate, Scope,
};
use rolltop_model::{ApiKeyId, DesktopId, SnapshotId, SshKeyId};
use rolltop_testing::{PATIENCE, Platform, comes_true, insert_key};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value, json};
use tokio::time::timeout;

const SSH_KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN sam";
/// In the names of all that the first workspace has, and in nothing else.
const MARK: &str = "zebra";

/// In the desktop's home folder, as examples name them.
const FILES: [&str; 3] = ["/home/desk/report.pdf", "/home/desk/old/notes.txt", "/home/desk/draft.md"];
/// What examples would make there.
const NEW_FILES: [&str; 3] =
    ["/home/desk/reports", "/home/desk/draft copy.md", "/home/desk/reports/final.md"];

/// How an operation is asked.
struct Asked {
    /// Its path, which names an example of all but `{id}`.
    path: String,
    query: Vec<(String, String)>,
    body: Option<Value>,
    /// Answers with an event stream, which has no end.
    endless: bool,
}

/// Every operation that takes a credential, and how one asks it.
fn guarded() -> Vec<(Declaration, Asked)> {
    let described: Value = serde_json::from_slice(&description()).unwrap();
    let guarded = |access| matches!(access, Access::Credential | Access::Scopes(_));
    let all = operations().into_iter().filter(|operation| guarded(operation.access));
    all.map(|operation| {
        let asked = Asked::of(&operation, &described);
        (operation, asked)
    })
    .collect()
}

impl Asked {
    fn of(operation: &Declaration, described: &Value) -> Self {
        let about = &described["paths"][operation.path][operation.method.as_str().to_lowercase()];
        let mut asked =
            Self { path: operation.path.to_owned(), query: Vec::new(), body: None, endless: false };
        for parameter in about["parameters"].as_array().into_iter().flatten() {
            let name = parameter["name"].as_str().unwrap();
            let example = match &parameter["example"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            match parameter["in"].as_str() {
                Some("path") if name != "id" => {
                    asked.path = asked.path.replace(&format!("{{{name}}}"), &example)
                }
                Some("query") if parameter["required"] == true => {
                    assert!(!parameter["example"].is_null(), "{} needs an example of {name}", operation.name);
                    asked.query.push((name.to_owned(), example));
                }
                _ => {}
            }
        }
        let has_id = operation.path.contains("{id}");
        asked.endless = !has_id && operation.replies[0].content == Content::Other("text/event-stream");
        if asked.endless {
            asked.query.push(("after".into(), "0".into()));
        }
        if operation.body == Content::Json {
            let schema = &about["requestBody"]["content"]["application/json"]["schema"];
            asked.body = Some(example(schema, described));
        }
        // Who may make keys and nothing else can give that and nothing else.
        if let Some(scopes) = asked.body.as_mut().and_then(|body| body.get_mut("scopes")) {
            *scopes = json!(["keys:write"]);
        }
        asked
    }
}

/// Something that fits a schema: of an object the fields that have to be there, or where none has to, those with an example.
fn example(schema: &Value, described: &Value) -> Value {
    if !schema["example"].is_null() {
        return schema["example"].clone();
    }
    if let Some(reference) = schema["$ref"].as_str() {
        return example(described.pointer(reference.trim_start_matches('#')).unwrap(), described);
    }
    let first = [&schema["oneOf"][0], &schema["allOf"][0]].into_iter().find(|one| !one.is_null());
    if let Some(first) = first {
        return example(first, described);
    }
    if !schema["enum"].is_null() {
        return schema["enum"][0].clone();
    }
    match schema["type"].as_str() {
        Some("object") => {
            let needed: Vec<_> =
                schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            let fields = schema["properties"].as_object().unwrap().iter();
            let fields = fields.filter(|(name, field)| match needed.as_slice() {
                [] => !field["example"].is_null(),
                needed => needed.contains(&name.as_str()),
            });
            fields.map(|(name, field)| (name.clone(), example(field, described))).collect()
        }
        Some("array") => json!([example(&schema["items"], described)]),
        Some("boolean") => json!(true),
        Some("string") => json!("correct horse battery"),
        _ => panic!("a field needs an example: {schema}"),
    }
}

/// Only for a person with a session; an API key is told so.
fn is_for_persons(operation: &Declaration) -> bool {
    operation.errors.iter().any(|(code, _)| *code == Code::NotAPerson)
}

/// Two workspaces, and everybody who may come and ask for what the first one has.
struct Stage {
    platform: Platform,
    desktop: DesktopId,
    ssh_key: SshKeyId,
    api_key: ApiKeyId,
    snapshot: SnapshotId,
    template: String,
    /// Of the files that examples name.
    file_mode: String,
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
            comes_true(async || client.snapshot(snapshot).await.is_ok_and(|kept| kept.has_picture));
        assert!(pictured.await, "it shows what was on the screen");
        client.create_folder(desktop, "/home/desk/old").await.unwrap();
        for file in FILES {
            client.save_file(desktop, file, &SaveCondition::New, file).await.unwrap();
        }
        let file_mode = client.file_info(desktop, FILES[0]).await.unwrap().mode;
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
            file_mode,
            stranger,
            tied,
            revoked,
            expired,
            signed_out: token,
            platform,
        }
    }

    /// The operation for the first workspace's things.
    fn request(
        &self,
        (operation, asked): &(Declaration, Asked),
        token: Option<&SecretString>,
    ) -> RequestBuilder {
        let id = match operation.path {
            path if path.starts_with("/v1/ssh-keys/") => self.ssh_key.to_string(),
            path if path.starts_with("/v1/api-keys/") => self.api_key.to_string(),
            path if path.starts_with("/v1/snapshots/") => self.snapshot.to_string(),
            path if path.starts_with("/v1/saved-templates/") => self.template.clone(),
            _ => self.desktop.to_string(),
        };
        self.request_for(operation, asked, &id, token)
    }

    fn request_for(
        &self,
        operation: &Declaration,
        asked: &Asked,
        id: &str,
        token: Option<&SecretString>,
    ) -> RequestBuilder {
        let url = format!("http://api{}", asked.path.replace("{id}", id));
        let mut request = self.platform.http().request(operation.method.clone(), url).query(&asked.query);
        if let Some(token) = token {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some(body) = &asked.body {
            request = request.json(body);
        }
        if let Content::Other(kind) = operation.body {
            request = request.header("content-type", kind).body("over written");
        }
        if operation.websocket.is_some() {
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
        for path in FILES {
            let file = client.file(self.desktop, path, None).await.unwrap();
            assert_eq!(file.into_bytes().await.unwrap(), path.as_bytes(), "{path}");
            assert_eq!(client.file_info(self.desktop, path).await.unwrap().mode, self.file_mode, "{path}");
        }
        for path in NEW_FILES {
            assert!(client.file_info(self.desktop, path).await.is_err(), "{path}");
        }
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
        let chunk = timeout(PATIENCE, stream.next()).await.expect("an event in time").expect("it goes on");
        text.push_str(&String::from_utf8_lossy(&chunk.unwrap()));
    }
    text
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
    for case in guarded() {
        let (method, path) = (&case.0.method, case.0.path);
        for (who, token) in nobodies {
            let response = stage.request(&case, token).send().await.unwrap();
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
    for case in guarded() {
        let (operation, asked) = &case;
        let (method, path) = (&operation.method, operation.path);
        let response = stage.request(&case, Some(&stage.stranger)).send().await.unwrap();
        let status = response.status().as_u16();
        if path.contains("{id}") {
            assert_eq!(status, 404, "{method} {path}");
        } else {
            // What is sent to be taken in is nothing that was exported.
            let is_import = matches!(operation.body, Content::Other(_));
            let is_fine = (200..300).contains(&status) || is_for_persons(operation);
            assert!(is_fine || is_import && status == 422, "{method} {path}: {status}");
        }
        // Its own desktop was made on the way here, so there is something to hear.
        let own = asked.endless.then_some("event: desktop.changed");
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
    for case in guarded() {
        let (operation, asked) = &case;
        let (method, path) = (&operation.method, operation.path);
        let response = stage.request(&case, Some(&stage.tied)).send().await.unwrap();
        let status = response.status().as_u16();
        match path {
            path if is_of_a_desktop(path) => assert_eq!(status, 404, "{method} {path}"),
            path if path.contains("{id}") => {
                assert!(matches!(status, 403 | 404), "{method} {path}: {status}")
            }
            _ => {}
        }
        let own = asked.endless.then_some("event: step");
        let text = text_of(response, own).await;
        for secret in [MARK.to_owned(), stage.desktop.to_string(), stage.api_key.to_string()] {
            assert!(!text.contains(&secret), "{method} {path} tells {secret}: {text}");
        }
    }
    let keys = stage.platform.client.api_keys().await.unwrap();
    let loose = keys.iter().filter(|key| key.name == "nightly build" && key.desktop.is_none()).count();
    assert_eq!(loose, 0, "it made no key that is not tied");
    stage.is_untouched().await;
}

/// And exactly those are: a key with no other gets past both the gate and the ticket's own check.
#[tokio::test]
async fn the_scopes_in_the_table_are_those_that_are_needed() {
    let stage = Stage::set().await;
    for case in guarded() {
        let (operation, asked) = &case;
        let (method, path) = (&operation.method, operation.path);
        let Access::Scopes(all_needed) = operation.access else { continue };
        for needed in all_needed {
            let others = Scope::ALL.iter().copied().filter(|scope| scope.as_str() != needed.as_str());
            let (all_others, id) = key(&stage.platform, "others", &others.collect::<Vec<_>>(), None).await;
            let response = stage.request(&case, Some(&all_others)).send().await.unwrap();
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
        let request =
            stage.request_for(operation, asked, nothing, Some(&only)).timeout(Duration::from_secs(20));
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
