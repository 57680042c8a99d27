//! Files of a desktop, by path: a home folder with a few of them, shared by all desktops of a stand-in.

use std::collections::BTreeMap;
use std::sync::{LazyLock, Mutex, MutexGuard};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{Json, Query};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use rolltop_api_types::Code;
use serde::Deserialize;
use serde_json::{Value, json};

use super::routes::{Refused, refuse};

/// A folder is none.
type Tree = BTreeMap<String, Option<Vec<u8>>>;

static ALL: LazyLock<Mutex<Tree>> = LazyLock::new(|| {
    let mut tree = Tree::new();
    for folder in ["/home", "/home/desk", "/home/desk/many", "/home/desk/work"] {
        tree.insert(folder.to_owned(), None);
    }
    for file in ["notes.txt", "plan.txt", "work/todo.txt"] {
        tree.insert(format!("/home/desk/{file}"), Some(b"as it was\n".to_vec()));
    }
    for number in 1..=12 {
        tree.insert(format!("/home/desk/many/{number:02}.txt"), Some(Vec::new()));
    }
    tree.insert("/home/desk/many/locked.txt".to_owned(), Some(Vec::new()));
    Mutex::new(tree)
});

fn all() -> MutexGuard<'static, Tree> {
    ALL.lock().expect("a lock")
}

#[derive(Deserialize)]
pub struct At {
    path: String,
}

pub async fn list(Query(At { path }): Query<At>) -> Result<Json<Value>, Refused> {
    let tree = all();
    match tree.get(&path) {
        None => refuse(Code::FileNotFound, "There is no such file or folder."),
        Some(Some(_)) => refuse(Code::NotAFolder, "This is not a folder."),
        Some(None) => {
            let below = format!("{path}/");
            let items: Vec<_> = tree
                .iter()
                .filter_map(|(at, what)| Some((at.strip_prefix(&below)?, what)))
                .filter(|(name, _)| !name.contains('/'))
                .map(|(name, what)| {
                    json!({
                        "name": name, "kind": if what.is_some() { "file" } else { "folder" }, "mode": "0644",
                        "size": what.as_ref().map_or(0, Vec::len), "modified_at": "2026-11-01T12:00:00Z",
                    })
                })
                .collect();
            Ok(Json(json!({ "path": path, "items": items, "truncated": false })))
        }
    }
}

/// Takes a moment, so that what is under way can be seen; one is locked.
pub async fn remove(Query(At { path }): Query<At>) -> Result<StatusCode, Refused> {
    tokio::time::sleep(Duration::from_millis(150)).await;
    if path.ends_with("/locked.txt") {
        return refuse(Code::FileDenied, "The file may not be changed.");
    }
    all().retain(|at, _| *at != path && !at.starts_with(&format!("{path}/")));
    Ok(StatusCode::NO_CONTENT)
}

pub async fn read(Query(At { path }): Query<At>) -> Result<Response, Refused> {
    match all().get(&path) {
        Some(Some(bytes)) => Ok(([("etag", "\"1\"")], bytes.clone()).into_response()),
        Some(None) => refuse(Code::NotAFile, "This is not a regular file."),
        None => refuse(Code::FileNotFound, "There is no such file or folder."),
    }
}

/// Takes a moment too.
pub async fn write(Query(At { path }): Query<At>, body: Bytes) -> Response {
    tokio::time::sleep(Duration::from_millis(150)).await;
    all().insert(path, Some(body.to_vec()));
    ([("etag", "\"2\"")], "{}").into_response()
}
