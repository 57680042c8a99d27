//! What `npm run build` made, embedded: hashed files that may be cached for ever, the icons,
//! and the map from plain names to hashed ones.

use std::collections::HashMap;
use std::sync::LazyLock;

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, VARY};
use http::{HeaderMap, HeaderValue, StatusCode};
use rust_embed::RustEmbed;

use crate::compress::accepts;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
#[allow_missing = true]
struct Dist;

static MANIFEST: LazyLock<HashMap<String, String>> = LazyLock::new(|| json("manifest.json"));
static ICONS: LazyLock<HashMap<String, String>> = LazyLock::new(|| json("icons.json"));

fn json(name: &str) -> HashMap<String, String> {
    Dist::get(name).and_then(|file| serde_json::from_slice(&file.data).ok()).unwrap_or_default()
}

/// Whether the front end was built before this program was.
pub(crate) fn are_there() -> bool {
    !MANIFEST.is_empty() && !ICONS.is_empty()
}

/// Where a browser finds the file with this plain name, such as `app.css`.
pub(crate) fn address(name: &str) -> String {
    format!("/assets/{}", MANIFEST.get(name).map_or(name, String::as_str))
}

/// The insides of an icon's SVG.
pub(crate) fn icon(name: &str) -> &'static str {
    ICONS.get(name).map_or("", String::as_str)
}

pub(crate) async fn serve(Path(name): Path<String>, request: HeaderMap) -> Response {
    if !MANIFEST.values().any(|known| *known == name) {
        return StatusCode::NOT_FOUND.into_response();
    }
    let Some((data, encoding)) = best(&name, &request) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let mut response = data.into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type(&name)));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=31536000, immutable"));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Some(encoding) = encoding {
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
    }
    response
}

/// The smallest form that the browser takes.
fn best(name: &str, request: &HeaderMap) -> Option<(Vec<u8>, Option<&'static str>)> {
    [("br", "br"), ("gzip", "gz")]
        .into_iter()
        .filter(|(coding, _)| accepts(request, coding))
        .find_map(|(coding, extension)| {
            Dist::get(&format!("{name}.{extension}")).map(|file| (file.data.into_owned(), Some(coding)))
        })
        .or_else(|| Dist::get(name).map(|file| (file.data.into_owned(), None)))
}

fn content_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}
