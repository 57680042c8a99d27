//! Keeps other sites from acting with our visitors' cookies: whatever changes something must
//! come from a page of ours, by Origin and by Sec-Fetch-Site, and so must a WebSocket. Both
//! headers are set by the browser and can't be forged by a page.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{AUTHORIZATION, CONNECTION, HOST, ORIGIN, UPGRADE};
use http::{HeaderMap, Method, Uri};

use crate::app::App;
use crate::cookie::Cookie;
use crate::failure::Failure;

/// Refuses what another site may have sent. Under `/v1`, a request without our cookie or with
/// its own `Authorization` is let through: it has nothing that another site could borrow.
pub(crate) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let borrows_nothing = request.uri().path().starts_with("/v1/")
        && (request.headers().contains_key(AUTHORIZATION)
            || Cookie::from_headers(request.headers()).token.is_none());
    if !borrows_nothing && is_led_from_elsewhere(request.method(), request.headers()) {
        tracing::warn!(method = %request.method(), "refused what another site's page asked for in the background");
        return Failure::CrossSite.into_response();
    }
    let safe = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let upgrade = is_upgrade(request.headers());
    if borrows_nothing || (safe && !upgrade) {
        return next.run(request).await;
    }
    let own = own_origin(app.public_origin.as_deref(), request.uri(), request.headers());
    if !is_from(request.headers(), own.as_deref()) || (!upgrade && !is_same_site(request.headers())) {
        tracing::warn!(method = %request.method(), "refused a request that did not come from our own pages");
        return Failure::CrossSite.into_response();
    }
    next.run(request).await
}

/// Whether this asks for a WebSocket (or anything else after HTTP).
pub(crate) fn is_upgrade(headers: &HeaderMap) -> bool {
    let wants = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    wants && headers.contains_key(UPGRADE)
}

/// The host that is asked for, and its port.
pub(crate) fn host(uri: &Uri, headers: &HeaderMap) -> Option<String> {
    // HTTP/2 has the host in the address, HTTP/1.1 in a header.
    let in_address = uri.authority().map(http::uri::Authority::as_str);
    in_address.or_else(|| headers.get(HOST)?.to_str().ok()).map(str::to_owned)
}

/// Whether a browser brings our cookie to something that another origin's page asked for and that is not
/// a window going here. Previews are the same site as we are, so a cookie alone tells nothing.
fn is_led_from_elsewhere(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str, what: &str| headers.get(name).is_some_and(|value| value == what);
    if !says("sec-fetch-site", "same-site") && !says("sec-fetch-site", "cross-site") {
        return false;
    }
    let goes_here =
        *method == Method::GET && says("sec-fetch-mode", "navigate") && says("sec-fetch-dest", "document");
    Cookie::from_headers(headers).token.is_some() && !goes_here
}

/// Our own origin as the visitor's browser sees it.
pub(crate) fn own_origin(public: Option<&str>, uri: &Uri, headers: &HeaderMap) -> Option<String> {
    if let Some(public) = public {
        return Some(public.to_owned());
    }
    let host = host(uri, headers)?;
    let host = host.strip_suffix(":443").unwrap_or(&host);
    Some(format!("https://{host}"))
}

fn is_from(headers: &HeaderMap, own: Option<&str>) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let origin = origins.next().and_then(|value| value.to_str().ok());
    let alone = origins.next().is_none();
    alone && matches!((origin, own), (Some(origin), Some(own)) if origin.eq_ignore_ascii_case(own))
}

fn is_same_site(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-site").is_some_and(|value| value == "same-origin")
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn our_origin_is_the_public_one_or_what_the_browser_asked_for() {
        let host = headers(&[("host", "desk.example:8443")]);
        let path = Uri::from_static("/x");
        assert_eq!(own_origin(None, &path, &host).unwrap(), "https://desk.example:8443");
        assert_eq!(own_origin(Some("https://public"), &path, &host).unwrap(), "https://public");
        let address = Uri::from_static("https://h2.example:443/x");
        assert_eq!(own_origin(None, &address, &HeaderMap::new()).unwrap(), "https://h2.example");
        assert_eq!(own_origin(None, &path, &HeaderMap::new()), None);
    }

    #[test]
    fn only_exactly_our_origin_is_ours() {
        let own = Some("https://desk.example");
        assert!(is_from(&headers(&[("origin", "https://desk.example")]), own));
        for bad in [
            "http://desk.example",
            "https://desk.example.evil",
            "https://evil",
            "null",
            "https://desk.example:444",
        ] {
            assert!(!is_from(&headers(&[("origin", bad)]), own), "{bad}");
        }
        assert!(!is_from(&HeaderMap::new(), own));
        assert!(!is_from(&headers(&[("origin", "https://desk.example"), ("origin", "https://evil")]), own));
        assert!(!is_from(&headers(&[("origin", "https://desk.example")]), None));
    }

    #[test]
    fn a_neighbours_page_asks_nothing_with_our_cookie() {
        let cookie = ("cookie", "__Host-rolltop=rs_1");
        let led = |method, pairs: &[(&'static str, &'static str)]| {
            is_led_from_elsewhere(&method, &headers(&[&[cookie], pairs].concat()))
        };
        let window = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
        let frame = [("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
        for site in ["same-site", "cross-site"] {
            let site = ("sec-fetch-site", site);
            assert!(led(Method::GET, &[site, ("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")]));
            assert!(led(Method::GET, &[&[site][..], &frame].concat()));
            assert!(led(Method::POST, &[&[site][..], &window].concat()));
            assert!(!led(Method::GET, &[&[site][..], &window].concat()), "a link leads here");
            assert!(!is_led_from_elsewhere(&Method::POST, &headers(&[site])), "nothing to borrow");
        }
        for site in ["same-origin", "none"] {
            assert!(!led(Method::GET, &[("sec-fetch-site", site)]));
        }
        assert!(!led(Method::GET, &[]), "a browser that does not say");
    }

    #[test]
    fn same_site_is_not_same_origin() {
        assert!(is_same_site(&headers(&[("sec-fetch-site", "same-origin")])));
        for bad in ["same-site", "cross-site", "none", ""] {
            assert!(!is_same_site(&headers(&[("sec-fetch-site", bad)])), "{bad}");
        }
        assert!(!is_same_site(&HeaderMap::new()));
    }
}
