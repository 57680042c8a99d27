//! TCP ports of a simulated machine: an echo on 7, and web servers, one of which is there from the
//! start, on 3000.
//!
//! A web server shows what is under [`SITE`], and answers at some paths of its own, to see what
//! reaches it and to send anything back: `/headers`, `/answer?name=value`, `/echo`, `/bytes/N`, `/socket`.
//! On ports that whoever starts the simulation names, programs answer that run beside it.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, Query, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tower::ServiceExt;

use super::eager::eager;
use super::files::Files;

/// What a web server shows.
pub const SITE: &str = "/home/desk/site";
pub const INDEX: &[u8] =
    b"<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>In the desktop</title>\
<h1>From inside the desktop</h1>";
const ECHO: u16 = 7;
const WEB: u16 = 3000;
const SSH: u16 = 22;

pub struct Ports {
    web: Mutex<BTreeSet<u16>>,
    beside: BTreeSet<u16>,
}

impl Ports {
    /// With these being the simulation's own neighbours.
    pub fn beside(ports: BTreeSet<u16>) -> Self {
        Self { web: Mutex::new(BTreeSet::from([WEB])), beside: ports }
    }

    /// As `ss -Hltnp` lists them.
    pub fn listing(&self) -> String {
        let web = self.web();
        let line = |port: u16, program: &str| {
            format!("LISTEN 0 128 127.0.0.1:{port} 0.0.0.0:* users:((\"{program}\",pid=7,fd=3))\n")
        };
        let web = web.iter().map(|port| line(*port, if *port == WEB { "node" } else { "python3" }));
        [line(ECHO, "inetd"), line(SSH, "sshd")].into_iter().chain(web).collect()
    }

    /// Starts one more web server.
    pub fn start_web(&self, port: u16) {
        self.web().insert(port);
    }

    /// Ends all web servers that were started.
    pub fn end_web(&self) {
        *self.web() = BTreeSet::from([WEB]);
    }

    pub fn listens(&self, port: u16) -> bool {
        port == ECHO || self.web().contains(&port) || self.is_beside(port)
    }

    pub fn is_beside(&self, port: u16) -> bool {
        self.beside.contains(&port)
    }

    fn web(&self) -> MutexGuard<'_, BTreeSet<u16>> {
        self.web.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One connection to what listens on a port.
pub async fn serve(port: u16, files: Files, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    let stream = eager(stream);
    if port == ECHO {
        let (mut read, mut write) = tokio::io::split(stream);
        // How a connection ended is its client's business.
        let _ = tokio::io::copy(&mut read, &mut write).await;
        let _ = tokio::io::AsyncWriteExt::shutdown(&mut write).await;
        return;
    }
    let site = site(files);
    let service = service_fn(move |request: Request<hyper::body::Incoming>| {
        site.clone().oneshot(request.map(Body::new))
    });
    let connection =
        hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    if let Err(error) = connection.with_upgrades().await {
        tracing::debug!(%error, "a simulated web server's connection ended early");
    }
}

/// One connection to what runs beside the simulation.
pub async fn pass_on(port: u16, stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) {
    let mut inside = eager(stream);
    // Where nothing listens after all, or one end breaks off, the other hears the end.
    if let Ok(mut beside) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await {
        let _ = tokio::io::copy_bidirectional(&mut inside, &mut beside).await;
    }
}

fn site(files: Files) -> Router {
    Router::new()
        .route("/headers", any(headers))
        .route("/answer", any(answer))
        .route("/echo", any(async |body: Body| body))
        .route("/bytes/{count}", get(bytes))
        .route("/socket", any(socket))
        .fallback(page)
        .with_state(Arc::new(files))
}

/// What came, as JSON: method, path and headers.
async fn headers(method: axum::http::Method, uri: Uri, headers: HeaderMap) -> Response {
    let value = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> =
        headers.iter().map(|(name, text)| (name.as_str().to_owned(), value(text))).collect();
    axum::Json(serde_json::json!({
        "method": method.as_str(), "path": uri.to_string(), "headers": headers,
    }))
    .into_response()
}

/// An answer with whatever headers are wanted; `status` is its status, `body` what it says.
async fn answer(Query(wanted): Query<Vec<(String, String)>>) -> Response {
    let mut response = Response::new(Body::from("answered"));
    for (name, value) in wanted {
        match (name.as_str(), HeaderName::try_from(&name), HeaderValue::try_from(&value)) {
            ("status", ..) => {
                *response.status_mut() = value.parse().unwrap_or(StatusCode::IM_A_TEAPOT);
            }
            ("body", ..) => *response.body_mut() = Body::from(value),
            (_, Ok(name), Ok(value)) => {
                response.headers_mut().append(name, value);
            }
            (_, _, _) => {}
        }
    }
    response
}

async fn bytes(Path(count): Path<usize>) -> Body {
    const PIECE: usize = 64 * 1024;
    let pieces = (0..count).step_by(PIECE).map(move |from| PIECE.min(count - from));
    Body::from_stream(futures::stream::iter(
        pieces.map(|length| Ok::<_, std::convert::Infallible>(vec![0u8; length])),
    ))
}

/// Says back what it is told.
async fn socket(upgrade: WebSocketUpgrade) -> Response {
    upgrade.protocols(["chat"]).on_upgrade(async |mut socket: WebSocket| {
        while let Some(Ok(message)) = socket.recv().await {
            let said = match message {
                Message::Text(_) | Message::Binary(_) => socket.send(message).await,
                Message::Ping(_) | Message::Pong(_) | Message::Close(_) => Ok(()),
            };
            if said.is_err() {
                return;
            }
        }
    })
}

async fn page(State(files): State<Arc<Files>>, uri: Uri) -> Response {
    let path = if uri.path() == "/" { "/index.html" } else { uri.path() };
    let kind = match path.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        _ => "application/octet-stream",
    };
    match files.contents(&format!("{SITE}{path}")) {
        Some(contents) => ([(header::CONTENT_TYPE, kind)], contents).into_response(),
        None => (StatusCode::NOT_FOUND, "no such page").into_response(),
    }
}
