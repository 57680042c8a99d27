//! What of a request reaches the desktop, and what of its answer reaches the browser.
//!
//! The desktop is told that it is asked as `localhost` over plain HTTP, which is what its programs expect, and by
//! everything that could tell: Host, Origin and Referer say so, and no `X-Forwarded-Host` or `-Proto` says otherwise,
//! since frameworks refuse a form whose Origin isn't the host that they are told. The browser's address is in
//! `X-Rolltop-Preview`, which none of them compares. Nothing of ours goes in; nothing comes out that reaches beyond
//! this origin.

use std::net::IpAddr;

use axum::extract::Request;
use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ALT_SVC, AUTHORIZATION, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, Entry, HOST,
    HeaderName, LINK, LOCATION, ORIGIN, REFERER, REFRESH, SET_COOKIE, STRICT_TRANSPORT_SECURITY,
};
use http::{HeaderMap, HeaderValue, Uri, Version};

use super::address::PreviewOrigin;
use super::{names, pass};
use crate::proxy;

/// Our credentials begin so.
const CREDENTIALS: [&str; 6] = ["rt_", "rs_", "rl_", "rp_", "rv_", "rh_"];
/// What programs believe of the proxy before them, besides `X-Forwarded-…`: who asks, and for which place.
const CLAIMS: [&str; 14] = [
    "forwarded",
    "forwarded-for",
    "x-real-ip",
    "x-client-ip",
    "client-ip",
    "true-client-ip",
    "x-cluster-client-ip",
    "x-host",
    "x-original-host",
    "x-original-url",
    "x-rewrite-url",
    "x-scheme",
    "x-url-scheme",
    "front-end-https",
];
/// Addresses in requests: where a page was, and where WebDAV is to copy to.
const INWARD: [HeaderName; 4] =
    [ORIGIN, REFERER, HeaderName::from_static("destination"), HeaderName::from_static("hx-current-url")];
/// Addresses in answers, to which browsers go or the scripts of common frameworks do.
const OUTWARD: [HeaderName; 8] = [
    LOCATION,
    CONTENT_LOCATION,
    HeaderName::from_static("sourcemap"),
    HeaderName::from_static("hx-redirect"),
    HeaderName::from_static("hx-push-url"),
    HeaderName::from_static("hx-replace-url"),
    HeaderName::from_static("turbolinks-location"),
    HeaderName::from_static("x-inertia-location"),
];
/// What would act beyond this origin: on cookies of the whole site, on names beside it, on what browsers
/// insist on later, on who answers for it, or on a proxy of the operator's.
const KEPT_BACK: [HeaderName; 8] = [
    STRICT_TRANSPORT_SECURITY,
    ALT_SVC,
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("service-worker-allowed"),
    HeaderName::from_static("public-key-pins"),
    HeaderName::from_static("origin-agent-cluster"),
    HeaderName::from_static("x-accel-redirect"),
    HeaderName::from_static("x-sendfile"),
];

pub(super) fn request(request: &mut Request, place: &PreviewOrigin, peer: IpAddr, upgrading: bool) {
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let uri = path.parse().unwrap_or_else(|_| Uri::from_static("/"));
    *request.uri_mut() = uri;
    *request.version_mut() = Version::HTTP_11;
    let headers = request.headers_mut();
    proxy::strip(headers, upgrading);
    let cookies = without_ours(headers);
    headers.remove(COOKIE);
    if let Some(cookies) = cookies {
        headers.insert(COOKIE, cookies);
    }
    if headers.get(AUTHORIZATION).is_some_and(is_ours) {
        headers.remove(AUTHORIZATION);
    }
    let claimed: Vec<_> = headers.keys().filter(|name| is_claim(name)).cloned().collect();
    for name in claimed {
        headers.remove(name);
    }
    for name in INWARD {
        translate(headers, name, |address| names::inward(address, place));
    }
    set(headers, HOST, &names::inside(place.port));
    set(headers, HeaderName::from_static("x-rolltop-preview"), &place.origin());
    set(headers, HeaderName::from_static("x-forwarded-for"), &peer.to_string());
}

pub(super) fn response(headers: &mut HeaderMap, place: &PreviewOrigin, switched: bool) {
    proxy::strip(headers, switched);
    for name in KEPT_BACK {
        headers.remove(name);
    }
    let cookies: Vec<_> = headers.get_all(SET_COOKIE).iter().filter_map(confined).collect();
    headers.remove(SET_COOKIE);
    for cookie in cookies {
        headers.append(SET_COOKIE, cookie);
    }
    for name in OUTWARD {
        translate(headers, name, |address| names::outward(address, place));
    }
    translate(headers, ACCESS_CONTROL_ALLOW_ORIGIN, |origin| names::origin_outward(origin, place));
    translate(headers, REFRESH, |value| names::refresh_outward(value, place));
    translate(headers, LINK, |value| names::links_outward(value, place));
    // Whatever stands before us may hold an event stream back until it has a whole buffer.
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        set(headers, HeaderName::from_static("x-accel-buffering"), "no");
    }
    // Its neighbours can't ask it to drop the difference between their origins.
    headers.insert(HeaderName::from_static("origin-agent-cluster"), HeaderValue::from_static("?1"));
}

/// Whether a visitor would speak as the proxy by this. Programs that know headers by CGI's names take `_` for `-`.
fn is_claim(name: &HeaderName) -> bool {
    let name = name.as_str().replace('_', "-");
    name.starts_with("x-forwarded") || name.starts_with("x-rolltop-") || CLAIMS.contains(&name.as_str())
}

/// To `to`, each byte is one character: headers are in no encoding, and all that matters in them is ASCII.
fn translate(headers: &mut HeaderMap, name: HeaderName, to: impl Fn(&str) -> Option<String>) {
    let Entry::Occupied(mut values) = headers.entry(name) else { return };
    for value in values.iter_mut() {
        let text: String = value.as_bytes().iter().copied().map(char::from).collect();
        let bytes: Option<Vec<u8>> =
            to(&text).and_then(|text| text.chars().map(|character| u8::try_from(character).ok()).collect());
        if let Some(Ok(translated)) = bytes.map(HeaderValue::try_from) {
            *value = translated;
        }
    }
}

fn set(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

fn is_ours(value: &HeaderValue) -> bool {
    let text = String::from_utf8_lossy(value.as_bytes()).into_owned();
    text.split_whitespace().last().is_some_and(|token| CREDENTIALS.iter().any(|kind| token.starts_with(kind)))
}

fn names_ours(pair: &[u8]) -> bool {
    let name = pair.trim_ascii_start();
    // A cookie without a name comes back as its value alone, which may look like one of ours.
    let name = name.strip_prefix(b"=").unwrap_or(name).trim_ascii_start();
    name.get(..pass::OURS.len()).is_some_and(|name| name.eq_ignore_ascii_case(pass::OURS.as_bytes()))
}

/// The cookies that are the desktop's own.
fn without_ours(headers: &HeaderMap) -> Option<HeaderValue> {
    let pairs = headers.get_all(COOKIE).iter().flat_map(|value| value.as_bytes().split(|byte| *byte == b';'));
    let kept: Vec<&[u8]> = pairs.filter(|pair| !names_ours(pair)).map(<[u8]>::trim_ascii).collect();
    let joined = kept.join(&b"; "[..]);
    HeaderValue::from_bytes(&joined).ok().filter(|value| !value.is_empty())
}

/// A cookie of this host alone; `None` for one with a name of ours.
fn confined(value: &HeaderValue) -> Option<HeaderValue> {
    if names_ours(value.as_bytes()) {
        return None;
    }
    let mut parts = value.as_bytes().split(|byte| *byte == b';');
    let mut kept = vec![parts.next()?];
    kept.extend(parts.filter(|part| {
        let name = part.split(|byte| *byte == b'=').next().unwrap_or_default().trim_ascii();
        !name.eq_ignore_ascii_case(b"domain")
    }));
    HeaderValue::from_bytes(&kept.join(&b";"[..])).ok()
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::super::address::place;
    use super::*;

    fn here() -> PreviewOrigin {
        place("3000--first.desk.example:8443", None).unwrap().unwrap()
    }

    fn sent(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut wanted = http::Request::builder().uri("https://3000--first.desk.example:8443/a?b=c");
        for (name, value) in pairs {
            wanted = wanted.header(*name, *value);
        }
        let mut wanted = wanted.body(Body::empty()).unwrap();
        request(&mut wanted, &here(), IpAddr::from([192, 0, 2, 7]), false);
        assert_eq!(wanted.uri(), "/a?b=c");
        wanted.headers().clone()
    }

    fn answered(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        response(&mut headers, &here(), false);
        headers
    }

    #[test]
    fn nothing_of_ours_goes_in() {
        let headers = sent(&[
            ("cookie", "a=1; __Host-rolltop-preview=rp_x; __host-rolltop=rs_y; b=2"),
            ("cookie", "__Host-rolltop-desktop=dsk_1"),
            ("authorization", "Bearer rt_secret"),
            ("x-forwarded-for", "6.6.6.6"),
            ("x-forwarded-user", "root"),
        ]);
        assert_eq!(headers[COOKIE], "a=1; b=2");
        assert!(!headers.contains_key(AUTHORIZATION) && !headers.contains_key("x-forwarded-user"));
        assert_eq!(headers["x-forwarded-for"], "192.0.2.7");
        assert!(!headers.contains_key("x-forwarded-host") && !headers.contains_key("x-forwarded-proto"));
        assert_eq!(headers["x-rolltop-preview"], "https://3000--first.desk.example:8443");
        assert_eq!(headers[HOST], "localhost:3000");
        assert!(!sent(&[("cookie", "__Host-rolltop-preview=rp_x")]).contains_key(COOKIE));
        assert_eq!(sent(&[("authorization", "Bearer theirs")])[AUTHORIZATION], "Bearer theirs");
    }

    #[test]
    fn its_own_origin_is_told_as_it_knows_it() {
        assert_eq!(
            sent(&[("origin", "https://3000--first.desk.example:8443")])[ORIGIN],
            "http://localhost:3000"
        );
        let headers = sent(&[
            ("origin", "https://8000--first.desk.example:8443"),
            ("referer", "https://3000--first.desk.example:8443/a?b"),
        ]);
        assert_eq!(headers[ORIGIN], "http://localhost:8000");
        assert_eq!(headers[REFERER], "http://localhost:3000/a?b");
        for other in ["https://8000--second.desk.example:8443", "null"] {
            assert_eq!(sent(&[("origin", other)])[ORIGIN], other);
        }
    }

    #[test]
    fn nothing_comes_out_that_reaches_beyond() {
        let headers = answered(&[
            ("set-cookie", "a=1; Domain=desk.example; Path=/; HttpOnly"),
            ("set-cookie", "b=2; domain = .example"),
            ("set-cookie", "__Host-rolltop-preview=mine; Path=/; Secure"),
            ("set-cookie", " __HOST-Rolltop=mine; Path=/; Secure"),
            ("set-cookie", "=__Host-rolltop-preview=mine; Path=/; Secure"),
            ("clear-site-data", "\"*\""),
            ("strict-transport-security", "max-age=1; includeSubDomains"),
            ("alt-svc", "h3=\":443\""),
            ("service-worker-allowed", "/"),
            ("x-accel-redirect", "/internal"),
            ("x-theirs", "stays"),
        ]);
        let cookies: Vec<_> =
            headers.get_all(SET_COOKIE).iter().map(|value| value.to_str().unwrap()).collect();
        assert_eq!(cookies, ["a=1; Path=/; HttpOnly", "b=2"]);
        for name in KEPT_BACK.iter().filter(|name| *name != "origin-agent-cluster") {
            assert!(!headers.contains_key(name), "{name}");
        }
        assert_eq!(headers["x-theirs"], "stays");
        assert_eq!(headers["origin-agent-cluster"], "?1");
    }

    #[test]
    fn a_redirect_to_where_it_believes_to_be_stays_here() {
        let to = |location| answered(&[("location", location)])[LOCATION].to_str().unwrap().to_owned();
        assert_eq!(to("http://localhost:3000/x?y"), "https://3000--first.desk.example:8443/x?y");
        assert_eq!(to("http://localhost:3000"), "https://3000--first.desk.example:8443/");
        assert_eq!(to("http://localhost:30001/"), "https://30001--first.desk.example:8443/");
        for other in ["/x", "https://example.org/", "http://localhost:3000.evil/"] {
            assert_eq!(to(other), other);
        }
        let allowed = answered(&[("access-control-allow-origin", "http://localhost:8000")]);
        assert_eq!(allowed[ACCESS_CONTROL_ALLOW_ORIGIN], "https://8000--first.desk.example:8443");
        let stream = answered(&[("content-type", "text/event-stream; charset=utf-8")]);
        assert_eq!(stream["x-accel-buffering"], "no");
    }
}
