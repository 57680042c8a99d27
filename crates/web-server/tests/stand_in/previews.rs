//! Previews, as far as the web tier asks for them: one ticket, one share link and one pass are good. On
//! port 81 nothing listens, on 82 the desktop is off; any other shows what reached it.

use axum::body::Body;
use axum::extract::{Json, Query, Request};
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, HOST, LOCATION, SET_COOKIE, UPGRADE};
use http::{HeaderMap, HeaderValue, StatusCode};
use hyper::service::service_fn;
use jiff::{SignedDuration, Timestamp};
use rolltop_api_types::{Code, OpenPreview, PreviewKey, PreviewQuery, RequestTicket, TUNNEL_PROTOCOL};
use rolltop_model::DesktopId;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::routes::{Refused, refuse, token};

pub const TICKET: &str = "rv_ticket";
pub const SHARE: &str = "rh_share";
pub const PASS: &str = "rp_pass";

pub(super) async fn ticket(Json(wanted): Json<RequestTicket>) -> Result<Json<Value>, Refused> {
    match wanted.address.split_once("--") {
        Some((_, "nowhere")) | None => refuse(Code::NotFound, "There is no such desktop."),
        Some(_) => Ok(Json(json!({ "ticket": TICKET, "address": wanted.address }))),
    }
}

pub(super) async fn pass(Json(wanted): Json<OpenPreview>) -> Result<Json<Value>, Refused> {
    let good = match &wanted.key {
        PreviewKey::Ticket(ticket) => ticket.expose_secret() == TICKET,
        PreviewKey::Share(secret) => secret.expose_secret() == SHARE,
    };
    if !good {
        return refuse(Code::PreviewClosed, "This does not open the preview.");
    }
    let expires_at = Timestamp::now() + SignedDuration::from_hours(1);
    Ok(Json(json!({ "pass": PASS, "desktop": DesktopId::from_u128(1), "expires_at": expires_at })))
}

pub(super) async fn connection(
    Query(query): Query<PreviewQuery>,
    headers: HeaderMap,
    mut request: Request,
) -> Result<Response, Refused> {
    if token(&headers) != PASS {
        return refuse(Code::PreviewClosed, "This does not open the preview.");
    }
    match query.address.split_once("--").map(|(port, _)| port) {
        Some("81") => return refuse(Code::PortClosed, "Nothing listens there."),
        Some("82") => return refuse(Code::NotRunning, "It is not running."),
        Some(_) | None => {}
    }
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let inside = upgrade.await.expect("an upgrade");
        let server = hyper::server::conn::http1::Builder::new();
        // How it ended is the visitor's business.
        let _ = server.serve_connection(inside, service_fn(inside_answer)).await;
    });
    let switch = [(CONNECTION, "upgrade"), (UPGRADE, TUNNEL_PROTOCOL)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, switch).into_response())
}

/// A hostile answer: it says what it was told, and tries to reach beyond its origin.
async fn inside_answer(
    request: http::Request<hyper::body::Incoming>,
) -> Result<Response, std::convert::Infallible> {
    let text = |value: &HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers: Vec<_> =
        request.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    let host = request.headers().get(HOST).map(text).unwrap_or_default();
    let told = json!({ "path": request.uri().to_string(), "headers": headers });
    let mut response = Response::new(Body::from(told.to_string()));
    let headers = response.headers_mut();
    for cookie in ["theirs=1; Domain=localhost; Path=/", "__Host-rolltop-preview=rp_evil; Path=/; Secure"] {
        headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
    }
    headers.insert("clear-site-data", HeaderValue::from_static("\"*\""));
    headers.insert("strict-transport-security", HeaderValue::from_static("max-age=9; includeSubDomains"));
    headers.insert(LOCATION, HeaderValue::try_from(format!("http://{host}/moved")).expect("an address"));
    Ok(response)
}
