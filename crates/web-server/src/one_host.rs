//! A request is for exactly one host (RFC 9112, section 3.2): who is asked decides what is divided from what, so one
//! that names none or several is refused before anything else looks at it.

use axum::extract::Request;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::HOST;
use http::uri::Authority;
use http::{HeaderMap, StatusCode, Uri, Version};

use crate::failure::{self, Failure};

pub(crate) async fn check(request: Request, next: Next) -> Response {
    if is_one(request.version(), request.uri(), request.headers()) {
        return next.run(request).await;
    }
    match request.uri().path().starts_with("/v1/") {
        true => failure::document(&Failure::Malformed),
        false => (StatusCode::BAD_REQUEST, "A request names exactly one host.\n").into_response(),
    }
}

fn is_one(version: Version, uri: &Uri, headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (first, second) = (hosts.next(), hosts.next());
    let named = match first.map(|value| value.to_str()) {
        None => None,
        Some(Ok(host)) => Some(host),
        Some(Err(_)) => return false,
    };
    if second.is_some() || named.is_some_and(|host| !is_host(host)) {
        return false;
    }
    match (named, uri.authority()) {
        // HTTP/1.0 knows no hosts.
        (None, None) => version < Version::HTTP_11,
        // An address in the request line goes before the header, which still has to be there.
        (None, Some(_)) => version != Version::HTTP_11,
        (Some(host), Some(address)) if version > Version::HTTP_11 => {
            host.eq_ignore_ascii_case(address.as_str())
        }
        (Some(_), Some(_) | None) => true,
    }
}

fn is_host(text: &str) -> bool {
    let Ok(authority) = text.parse::<Authority>() else { return false };
    let host = authority.host();
    let Some(rest) = text.strip_prefix(host) else { return false };
    let port = rest.strip_prefix(':').unwrap_or(rest);
    !host.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_names_a_host() {
        for fine in ["localhost", "desk.example:8443", "[::1]:1", "10.0.0.1", "3000--first.localhost:"] {
            assert!(is_host(fine), "{fine}");
        }
        for bad in ["", "a b", "a@b", "a/b", "a:b", ":80", "a:123456", "http://a", "a?b", "a:1:2"] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn http_2_names_it_in_the_address_and_not_otherwise_in_a_header() {
        let asked = |address: &str, host: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            if let Some(host) = host {
                headers.insert(HOST, http::HeaderValue::from_static(host));
            }
            is_one(Version::HTTP_2, &address.parse().unwrap(), &headers)
        };
        assert!(asked("https://desk.example/x", None));
        assert!(asked("https://desk.example/x", Some("Desk.example")));
        assert!(asked("/x", Some("desk.example")));
        assert!(!asked("https://desk.example/x", Some("other.example")));
        assert!(!asked("/x", None));
    }
}
