//! Terminals: each shows what is typed as `cat -v` would, and obeys a few words that are typed as a whole line:
//! `say` shows a text that is given as JSON writes it, `run` has a program run in it until Ctrl+C.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard};

use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Json, Path};
use axum::response::Response;
use http::StatusCode;
use rolltop_api_types::{TERMINAL_PROTOCOL, TerminalEntry, TerminalList};
use serde_json::{Value, json};

/// The program that runs in each, by desktop and number.
static ALL: Mutex<BTreeMap<(String, u32), String>> = Mutex::new(BTreeMap::new());
const SHELL: &str = "bash";
/// Pasting is bracketed, as shells have it.
const BEGIN: &str = "\x1b[?2004hdesk@here:~$ ";

fn all() -> MutexGuard<'static, BTreeMap<(String, u32), String>> {
    ALL.lock().expect("a lock")
}

pub async fn list(Path(id): Path<String>) -> Json<TerminalList> {
    let all = all();
    let items = all.iter().filter(|((of, _), _)| *of == id).map(|((_, number), program)| TerminalEntry {
        number: *number,
        viewers: 1,
        program: program.clone(),
    });
    Json(TerminalList { items: items.collect() })
}

pub async fn close(Path(key): Path<(String, u32)>) -> StatusCode {
    all().remove(&key);
    StatusCode::NO_CONTENT
}

pub async fn open(Path(key): Path<(String, u32)>, upgrade: WebSocketUpgrade) -> Response {
    all().entry(key.clone()).or_insert_with(|| SHELL.to_owned());
    upgrade.protocols([TERMINAL_PROTOCOL]).on_upgrade(|socket| serve(socket, key))
}

async fn serve(mut socket: WebSocket, key: (String, u32)) {
    let mut line = String::new();
    let mut answers = vec![Message::Binary(BEGIN.into())];
    loop {
        for answer in answers.drain(..) {
            if socket.send(answer).await.is_err() {
                return;
            }
        }
        match socket.recv().await {
            Some(Ok(Message::Binary(bytes))) => {
                let shown = type_in(&key, &mut line, &String::from_utf8_lossy(&bytes));
                answers.push(Message::Binary(shown.into()));
            }
            Some(Ok(Message::Text(text))) => {
                let control: Value = serde_json::from_str(&text).unwrap_or_default();
                answers.extend(pong(&control));
                if let Some(wanted) = control["search"].as_str() {
                    let found = wanted == "needle";
                    answers.push(Message::Text(json!({ "found": found }).to_string().into()));
                }
            }
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return,
        }
    }
}

/// Says back the number of a viewer's `ping`, as the API's screens and terminals do.
pub fn pong(control: &Value) -> Option<Message> {
    let number = control.get("ping")?;
    Some(Message::Text(json!({ "pong": number }).to_string().into()))
}

/// What is shown for what was typed.
fn type_in(key: &(String, u32), line: &mut String, text: &str) -> String {
    let program = |name: &str| all().insert(key.clone(), name.to_owned());
    let mut shown = String::new();
    // Keys that are no letters are shown, and are no part of the line.
    let mut in_key = false;
    for letter in text.chars() {
        match letter {
            letter if in_key && !letter.is_control() => {
                in_key = !letter.is_ascii_alphabetic() && letter != '~';
                shown.push(letter);
            }
            '\r' => {
                shown.push_str("\r\n");
                let whole = std::mem::take(line);
                if let Some(literal) = whole.strip_prefix("say ") {
                    shown.push_str(&serde_json::from_str::<String>(literal).unwrap_or_default());
                } else if let Some(name) = whole.strip_prefix("run ") {
                    program(name);
                    shown.push_str(name);
                    shown.push_str(" runs");
                }
                shown.push_str("\r\n$ ");
            }
            '\x03' => {
                line.clear();
                program(SHELL);
                shown.push_str("^C\r\n$ ");
            }
            control if control.is_control() => {
                in_key = control == '\x1b';
                shown.push_str(&format!("^{}", char::from_u32(u32::from(control) ^ 0x40).unwrap_or('?')));
            }
            letter => {
                line.push(letter);
                shown.push(letter);
            }
        }
    }
    shown
}
