//! What every response carries so that a browser protects our visitors.

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    STRICT_TRANSPORT_SECURITY, X_CONTENT_TYPE_OPTIONS,
};

/// For our own pages: nothing inline, nothing from elsewhere.
pub(crate) const PAGE_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self' blob: data:; connect-src 'self'; font-src 'self'; frame-ancestors 'none'; base-uri 'none'; \
    form-action 'self'";
/// For what passes through from the API: it may be a file that a hostile desktop made, so as a
/// document it can do nothing at all.
pub(crate) const API_POLICY: &str =
    "default-src 'none'; sandbox; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

const PERMISSIONS: &str = "clipboard-read=(self), clipboard-write=(self), fullscreen=(self), camera=(), \
    display-capture=(), geolocation=(), microphone=(), midi=(), payment=(), serial=(), usb=()";

/// Whether browsers may be told to insist on TLS with a certificate they trust. Not with a
/// self-made one: they would then lock people out, for good.
#[derive(Clone, Copy)]
pub(crate) struct Insist(pub bool);

pub(crate) async fn add(State(insist): State<Insist>, request: Request, next: Next) -> Response {
    let api = request.uri().path().starts_with("/v1/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let mut set =
        |name: HeaderName, value: &'static str| headers.insert(name, HeaderValue::from_static(value));
    set(CONTENT_SECURITY_POLICY, if api { API_POLICY } else { PAGE_POLICY });
    set(X_CONTENT_TYPE_OPTIONS, "nosniff");
    set(REFERRER_POLICY, "same-origin");
    set(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    set(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    set(HeaderName::from_static("permissions-policy"), PERMISSIONS);
    if insist.0 {
        set(STRICT_TRANSPORT_SECURITY, "max-age=31536000");
    }
    // Pages are one person's; what may be kept, such as assets, says so itself.
    if !api && !headers.contains_key(CACHE_CONTROL) {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    response
}
