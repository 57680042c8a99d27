//! The api as far as the jump host asks it, with tunnels that misbehave.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, put};
use http::StatusCode;
use http::header::{CONNECTION, UPGRADE};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rolltop_api_types::{KeyKnown, TUNNEL_PROTOCOL};
use tokio::io::AsyncWriteExt;
use tokio::net::UnixListener;

/// Bytes that its tunnels have got rid of.
pub type Sent = Arc<AtomicUsize>;

/// Knows every key; each tunnel pours bytes out for ever and reads none.
pub fn pouring(socket: &Path) -> Sent {
    let sent = Sent::default();
    let routes = Router::new()
        .route("/gateway/introduction", put(|| async { StatusCode::NO_CONTENT }))
        .route("/gateway/key", get(|| async { axum::Json(KeyKnown { known: true }) }))
        .route("/gateway/tunnel", get(tunnel))
        .with_state(sent.clone());
    let listener = UnixListener::bind(socket).unwrap();
    tokio::spawn(async move { axum::serve(listener, routes).await });
    sent
}

async fn tunnel(State(sent): State<Sent>, mut request: Request) -> Response {
    let upgrade = request.extensions_mut().remove::<OnUpgrade>().unwrap();
    tokio::spawn(async move {
        let mut stream = TokioIo::new(upgrade.await.unwrap());
        let piece = vec![7; 16 << 10];
        while stream.write_all(&piece).await.is_ok() {
            sent.fetch_add(piece.len(), Ordering::Relaxed);
        }
    });
    (StatusCode::SWITCHING_PROTOCOLS, [(CONNECTION, "upgrade"), (UPGRADE, TUNNEL_PROTOCOL)]).into_response()
}
