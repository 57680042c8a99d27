//! Passes `/v1` through to the API: bodies stream both ways, event streams are not held back,
//! and once a WebSocket has been agreed on, its bytes are spliced without being looked at.
//!
//! A request's own `Authorization` goes through and the cookie is ignored; else the cookie's
//! session becomes the `Authorization`. Cookies themselves never reach the API.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::body::{Body, HttpBody};
use axum::extract::{ConnectInfo, Request, State};
use axum::response::Response;
use http::header::{
    AUTHORIZATION, CONNECTION, COOKIE, FORWARDED, HOST, HeaderName, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION,
    SET_COOKIE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri, Version};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::rt::{Read, Write};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rolltop_api_types::ADMITTED_HEADER;
use secrecy::ExposeSecret;
use tokio::net::UnixStream;

use crate::app::App;
use crate::connection;
use crate::cookie::Cookie;
use crate::failure::{self, Failure};
use crate::guard;

/// Bytes held per direction of a spliced WebSocket.
const SPLICE_BUFFER: usize = 64 * 1024;

/// A body up to this many bytes is short.
const SHORT_BODY: u64 = 64 << 10;

/// Headers that are about one connection and not about the message.
const HOP_BY_HOP: [HeaderName; 7] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
];

#[derive(Debug, thiserror::Error)]
pub(crate) enum ProxyError {
    #[error("the API's socket can't be opened")]
    Connect(#[source] std::io::Error),
    #[error("the API broke off")]
    Exchange(#[source] hyper::Error),
}

pub(crate) async fn forward(
    State(app): State<Arc<App>>,
    ConnectInfo(peer): ConnectInfo<SocketAddr>,
    request: Request,
) -> Response {
    let extensions = request.extensions().clone();
    let upgrading = wants_websocket(request.headers());
    let (request, broken) = watched(request);
    let Ok(mut request) = gathered(request).await else {
        return failure::document(&Failure::Malformed);
    };
    let visitor = upgrading.then(|| hyper::upgrade::on(&mut request));
    let host = guard::own_origin(app.public_origin.as_deref(), request.uri(), request.headers());
    prepare(&mut request, peer.ip(), upgrading);
    say_host(request.headers_mut(), host.as_deref());
    let mut response = match exchange(&app.api_socket, request).await {
        Ok(response) => response,
        Err(_) if broken.is() => return failure::document(&Failure::Malformed),
        Err(error) => {
            tracing::warn!(error = &error as &dyn std::error::Error, "the API did not answer");
            return failure::document(&unavailable());
        }
    };
    let switched = response.status() == StatusCode::SWITCHING_PROTOCOLS;
    if let (true, Some(visitor)) = (switched, visitor) {
        tokio::spawn(splice(visitor, hyper::upgrade::on(&mut response)));
    }
    let (mut parts, body) = response.into_parts();
    strip(&mut parts.headers, switched);
    if parts.headers.remove(ADMITTED_HEADER).is_some() {
        connection::known(&extensions);
    }
    parts.headers.remove(SET_COOKIE);
    parts.version = Version::default();
    Response::from_parts(parts, Body::new(body))
}

/// Whether a visitor's body broke off or is not framed as HTTP says: then nobody else is to blame that there is no
/// answer.
#[derive(Clone, Default)]
pub(crate) struct Broken(Arc<AtomicBool>);

impl Broken {
    pub(crate) fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

pub(crate) fn watched(request: Request) -> (Request, Broken) {
    let broken = Broken::default();
    let flag = broken.clone();
    let watched = |body: Body| {
        let noted = body.map_err(move |error| {
            flag.0.store(true, Ordering::Relaxed);
            error
        });
        // Without a wrapper, what has no body stays without one.
        Body::new(noted)
    };
    let request = if request.body().is_end_stream() { request } else { request.map(watched) };
    (request, broken)
}

/// A short body is taken in first, and then sent in one piece with its head: the API may answer on the
/// head alone and hang up, and what comes after that would drown its answer.
async fn gathered(request: Request) -> Result<Request, axum::Error> {
    if !request.body().size_hint().exact().is_some_and(|length| (1..=SHORT_BODY).contains(&length)) {
        return Ok(request);
    }
    let (parts, body) = request.into_parts();
    let bytes = axum::body::to_bytes(body, usize::MAX).await?;
    Ok(Request::from_parts(parts, Body::from(bytes)))
}

fn unavailable() -> Failure {
    Failure::from(rolltop_api_types::ClientError::Unexpected {
        status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
    })
}

pub(crate) fn wants_websocket(headers: &HeaderMap) -> bool {
    guard::is_upgrade(headers)
        && headers.get(UPGRADE).is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

/// Makes the visitor's request into ours to the API.
fn prepare(request: &mut Request, peer: IpAddr, upgrading: bool) {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    let session = Cookie::from_headers(headers).token;
    strip(headers, upgrading);
    for name in [COOKIE, FORWARDED, HOST] {
        headers.remove(name);
    }
    let forwarded: Vec<_> =
        headers.keys().filter(|name| name.as_str().starts_with("x-forwarded-")).cloned().collect();
    for name in forwarded {
        headers.remove(name);
    }
    headers.insert(HOST, HeaderValue::from_static("localhost"));
    if let Ok(address) = HeaderValue::try_from(peer.to_string()) {
        headers.insert("x-forwarded-for", address);
    }
    if let (false, Some(token)) = (headers.contains_key(AUTHORIZATION), session)
        && let Ok(mut value) = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
    {
        value.set_sensitive(true);
        headers.insert(AUTHORIZATION, value);
    }
}

/// Tells the API as which host we are known, for addresses that it gives out.
fn say_host(headers: &mut HeaderMap, origin: Option<&str>) {
    let host = origin.and_then(|origin| origin.split_once("://")).map(|(_, host)| host);
    if let Some(Ok(host)) = host.map(HeaderValue::try_from) {
        headers.insert("x-forwarded-host", host);
    }
}

/// Removes what was meant for the connection it came on.
pub(crate) fn strip(headers: &mut HeaderMap, upgrading: bool) {
    let named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|name| name.trim().parse().ok())
        .filter(|name| !(upgrading && *name == UPGRADE))
        .collect();
    for name in named.iter().chain(&HOP_BY_HOP) {
        headers.remove(name);
    }
    if upgrading {
        headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
    } else {
        headers.remove(UPGRADE);
    }
}

pub(crate) async fn exchange(
    socket: &Path,
    request: Request,
) -> Result<http::Response<Incoming>, ProxyError> {
    let stream = UnixStream::connect(socket).await.map_err(ProxyError::Connect)?;
    send(TokioIo::new(stream), request).await.map_err(ProxyError::Exchange)
}

/// Over a connection that is for this request alone.
pub(crate) async fn send(
    over: impl Read + Write + Send + Unpin + 'static,
    request: Request,
) -> Result<http::Response<Incoming>, hyper::Error> {
    let (mut sender, connection) = http1::handshake(over).await?;
    tokio::spawn(async move {
        if let Err(error) = connection.with_upgrades().await {
            tracing::debug!(%error, "a connection to the API or a desktop's web server ended early");
        }
    });
    sender.send_request(request).await
}

pub(crate) async fn splice(visitor: OnUpgrade, api: OnUpgrade) {
    let (visitor, api) = match tokio::try_join!(visitor, api) {
        Ok(both) => both,
        Err(error) => {
            tracing::debug!(%error, "an upgrade was not completed");
            return;
        }
    };
    let (mut visitor, mut api) = (TokioIo::new(visitor), TokioIo::new(api));
    let copied =
        tokio::io::copy_bidirectional_with_sizes(&mut visitor, &mut api, SPLICE_BUFFER, SPLICE_BUFFER).await;
    if let Err(error) = copied {
        tracing::debug!(%error, "a WebSocket broke off");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 7));

    fn prepared(pairs: &[(&str, &str)], upgrading: bool) -> HeaderMap {
        let mut request = http::Request::builder().uri("https://desk.example/v1/me?x=1");
        for (name, value) in pairs {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Body::empty()).unwrap();
        prepare(&mut request, PEER, upgrading);
        assert_eq!(request.uri(), "/v1/me?x=1");
        request.headers().clone()
    }

    #[test]
    fn the_cookie_becomes_a_credential_and_goes_no_further() {
        let headers = prepared(&[("cookie", "__Host-rolltop=ses_1~fr; other=2")], false);
        assert_eq!(headers.get(AUTHORIZATION).unwrap(), "Bearer ses_1");
        assert!(!headers.contains_key(COOKIE));
    }

    #[test]
    fn a_requests_own_credential_wins() {
        let headers =
            prepared(&[("cookie", "__Host-rolltop=ses_1"), ("authorization", "Bearer rt_2")], false);
        assert_eq!(headers.get(AUTHORIZATION).unwrap(), "Bearer rt_2");
        assert!(!headers.contains_key(COOKIE));
    }

    #[test]
    fn a_visitor_cannot_claim_another_address() {
        let headers = prepared(
            &[("x-forwarded-for", "127.0.0.1"), ("x-forwarded-user", "root"), ("forwarded", "for=1")],
            false,
        );
        assert_eq!(headers.get_all("x-forwarded-for").iter().collect::<Vec<_>>(), ["192.0.2.7"]);
        assert!(!headers.contains_key("x-forwarded-user") && !headers.contains_key(FORWARDED));
    }

    #[test]
    fn what_is_about_the_connection_stays_behind() {
        let pairs = [
            ("connection", "close, x-secret"),
            ("x-secret", "1"),
            ("te", "trailers"),
            ("upgrade", "h2c"),
            ("accept", "*/*"),
        ];
        let headers = prepared(&pairs, false);
        for gone in ["connection", "x-secret", "te", "upgrade"] {
            assert!(!headers.contains_key(gone), "{gone}");
        }
        assert!(headers.contains_key("accept"));
        let headers = prepared(&[("connection", "keep-alive, Upgrade"), ("upgrade", "websocket")], true);
        assert_eq!(headers.get(CONNECTION).unwrap(), "upgrade");
        assert_eq!(headers.get(UPGRADE).unwrap(), "websocket");
    }
}
