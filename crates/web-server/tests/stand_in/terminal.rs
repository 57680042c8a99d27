//! A terminal that has a prompt, and shows what is typed.

use axum::Json;
use axum::extract::Path;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use serde_json::{Value, json};

pub async fn list() -> Json<Value> {
    Json(json!({ "items": [{ "number": 1 }] }))
}

pub async fn open(Path((_, _)): Path<(String, String)>, upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["rolltop.terminal.1"]).on_upgrade(|socket| async {
        serve(socket).await;
    })
}

async fn serve(mut socket: WebSocket) -> Option<()> {
    socket.send(Message::Binary("desk$ ".into())).await.ok()?;
    loop {
        match socket.recv().await?.ok()? {
            Message::Binary(typed) => socket.send(Message::Binary(typed)).await.ok()?,
            Message::Text(text) => answer(&mut socket, &text).await?,
            Message::Close(_) => return None,
            Message::Ping(_) | Message::Pong(_) => {}
        }
    }
}

/// Says back the number of a viewer's `ping`, as the API's screens and terminals do.
pub async fn answer(socket: &mut WebSocket, text: &str) -> Option<()> {
    let said: Value = serde_json::from_str(text).ok()?;
    if let Some(number) = said.get("ping") {
        socket.send(Message::Text(json!({ "pong": number }).to_string().into())).await.ok()?;
    }
    Some(())
}
