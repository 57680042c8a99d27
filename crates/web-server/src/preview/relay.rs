//! One request to a desktop's web server and its answer, streamed both ways, or spliced once a WebSocket
//! has been agreed on. Each has a connection of its own into the desktop.

use axum::body::Body;
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONNECTION, HOST, UPGRADE};
use http::{HeaderValue, StatusCode, Uri, Version};
use http_body_util::BodyExt;
use hyper::upgrade::Upgraded;
use rolltop_api_types::{ClientError, Code, Problem, TUNNEL_PROTOCOL};
use secrecy::{ExposeSecret, SecretString};

use super::page::{self, Page};
use super::{Visit, rewrite};
use crate::failure::percent_encoded;
use crate::proxy;

/// Longest problem document that is read, bytes.
const PROBLEM_LIMIT: usize = 64 << 10;

/// Why there is no connection into the desktop.
#[derive(Debug)]
pub(super) enum Closed {
    Problem(Code),
    /// The API did not answer.
    Unavailable,
}

pub(super) async fn forward(visit: Visit, pass: &SecretString, request: Request) -> Response {
    let uri = request.uri().clone();
    let connection = match connect(&visit, pass, visit.wakes).await {
        Ok(connection) => connection,
        Err(Closed::Problem(Code::PreviewClosed)) => return visit.without_pass(&uri),
        Err(closed) => return shown(&visit, &closed),
    };
    crate::connection::known(request.extensions());
    let upgrading = proxy::wants_websocket(request.headers());
    let (mut request, broken) = proxy::watched(request);
    let visitor = upgrading.then(|| hyper::upgrade::on(&mut request));
    rewrite::request(&mut request, &visit.place, visit.peer, upgrading);
    let mut response = match proxy::send(connection, request).await {
        Ok(response) => response,
        Err(_) if broken.is() => {
            return (StatusCode::BAD_REQUEST, "The request is not as HTTP says.\n").into_response();
        }
        Err(error) => {
            tracing::debug!(%error, "a desktop's web server broke off");
            return shown(&visit, &Closed::Problem(Code::Unknown));
        }
    };
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if switched {
        // A switch that nobody asked for leads nowhere.
        let Some(visitor) = visitor else { return StatusCode::BAD_GATEWAY.into_response() };
        tokio::spawn(proxy::splice(visitor, hyper::upgrade::on(&mut response)));
    }
    let (mut parts, body) = response.into_parts();
    rewrite::response(&mut parts.headers, &visit.place, switched);
    parts.version = Version::default();
    Response::from_parts(parts, Body::new(body))
}

/// A connection to the port, which the API makes for whoever holds the pass.
pub(super) async fn connect(visit: &Visit, pass: &SecretString, wake: bool) -> Result<Upgraded, Closed> {
    let path = format!("/preview/connection?address={}&wake={wake}", percent_encoded(&visit.place.label));
    let mut request = Request::new(Body::empty());
    *request.uri_mut() = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
    let headers = request.headers_mut();
    headers.insert(HOST, HeaderValue::from_static("localhost"));
    headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static(TUNNEL_PROTOCOL));
    let bearer = HeaderValue::try_from(format!("Bearer {}", pass.expose_secret()));
    let mut bearer = bearer.map_err(|_| Closed::Problem(Code::PreviewClosed))?;
    bearer.set_sensitive(true);
    headers.insert(AUTHORIZATION, bearer);
    let mut response = proxy::exchange(&visit.app.api_socket, request).await.map_err(|error| {
        tracing::warn!(error = &error as &dyn std::error::Error, "the API did not answer");
        Closed::Unavailable
    })?;
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        return hyper::upgrade::on(&mut response).await.map_err(|_| Closed::Unavailable);
    }
    let body = http_body_util::Limited::new(response.into_body(), PROBLEM_LIMIT).collect().await;
    let body = body.map_err(|_| Closed::Unavailable)?.to_bytes();
    let problem: Problem = serde_json::from_slice(&body).map_err(|_| Closed::Unavailable)?;
    Err(Closed::Problem(problem.code))
}

/// For what the typed client says.
pub(super) fn failed(visit: &Visit, error: &ClientError) -> Response {
    let closed = error.code().map_or(Closed::Unavailable, Closed::Problem);
    shown(visit, &closed)
}

/// Says why nothing is shown: to a person as a page, to a program in a line.
fn shown(visit: &Visit, closed: &Closed) -> Response {
    let port = visit.place.port;
    let name = visit.place.desktop();
    let (status, key, waits) = match closed {
        Closed::Problem(Code::PortClosed) => (StatusCode::BAD_GATEWAY, "preview-closed", true),
        Closed::Problem(Code::NotRunning) => (StatusCode::SERVICE_UNAVAILABLE, "preview-off", true),
        Closed::Problem(Code::TooManyConnections) => (StatusCode::SERVICE_UNAVAILABLE, "preview-busy", true),
        Closed::Problem(Code::DesktopUnreachable) | Closed::Unavailable => {
            (StatusCode::SERVICE_UNAVAILABLE, "preview-unreachable", true)
        }
        Closed::Problem(_) => (StatusCode::BAD_GATEWAY, "preview-broken", false),
    };
    let language = visit.language;
    let port_text = port.to_string();
    let said = |part: &str| {
        language.say_with(&format!("{key}-{part}"), &[("port", port_text.as_str()), ("name", name)])
    };
    if !visit.page {
        return (status, format!("{}\n", said("title"))).into_response();
    }
    let home = matches!(closed, Closed::Problem(Code::NotRunning)).then_some(visit.place.main.as_str());
    let page = Page { status, title: said("title"), text: said("text"), waits, home };
    page::show(language, &page)
}
