//! Pages go compressed where that can give nothing away.
//!
//! How long a compressed page is tells whether a text that somebody else put into it is also elsewhere in it (BREACH).
//! So only whole pages are compressed that hold no secret, and into which a link from elsewhere can put nothing: the
//! lists and the documentation, asked for without a query. Never a desktop's own page, where its programs write what
//! they like beside its console and logs; never an answer to a form, as that which shows a new key; never what signs
//! in; never what passes through from the API.

use std::io::Write;

use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

const LISTS: [&str; 5] = ["/desktops", "/snapshots", "/ssh-keys", "/api-keys", "/host"];
/// Below this it does not pay, bytes.
const LEAST: usize = 1024;
/// No page of ours has more, bytes.
const MOST: usize = 16 << 20;

pub(crate) async fn pages(request: Request, next: Next) -> Response {
    let may = may_be_compressed(&request) && accepts(request.headers(), "gzip");
    let response = next.run(request).await;
    let kind = response.headers().get(CONTENT_TYPE);
    let is_page = kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/html"));
    if !may || !is_page || response.status() != StatusCode::OK {
        return response;
    }
    let (mut head, body) = response.into_parts();
    let Ok(page) = to_bytes(body, MOST).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    head.headers.append(VARY, HeaderValue::from_static("accept-encoding"));
    if page.len() < LEAST {
        return Response::from_parts(head, Body::from(page));
    }
    match gzipped(&page) {
        Ok(smaller) => {
            head.headers.remove(CONTENT_LENGTH);
            head.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Response::from_parts(head, Body::from(smaller))
        }
        Err(_) => Response::from_parts(head, Body::from(page)),
    }
}

fn may_be_compressed(request: &Request) -> bool {
    let (path, query) = (request.uri().path(), request.uri().query());
    let is_known = LISTS.contains(&path) || path == "/docs" || path.starts_with("/docs/");
    request.method() == Method::GET
        && query.is_none()
        && is_known
        && !request.headers().contains_key("hx-request")
}

fn gzipped(page: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(page.len() / 4), Compression::fast());
    encoder.write_all(page)?;
    encoder.finish()
}

/// Whether a browser takes this coding.
pub(crate) fn accepts(request: &HeaderMap, coding: &str) -> bool {
    let accepted = request.get(ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or_default();
    accepted.split(',').any(|item| {
        let mut parts = item.split(';').map(str::trim);
        parts.next() == Some(coding) && parts.all(|part| part != "q=0")
    })
}
