//! Previews: what a program in a desktop serves, at an origin of its own, `PORT--NAME` before our host.
//!
//! Such a page is hostile. It is another origin than ours but the same *site*, so our cookie may come
//! along with what it asks of us; [`crate::guard`] refuses that. On its own origin there is nothing of ours
//! but a pass, which opens this one port and is never shown to the desktop. Paths under `/.rolltop/` are ours.
//!
//! ```text
//!  PORT--NAME.HOST  no pass ─► HOST/preview/open  session, membership ─► a ticket, in the address
//!                   ◄─ /.rolltop/open  ticket ─► pass, in a cookie of this origin only
//!                   ◄─ /.rolltop/share/SECRET  the same for a share link
//!                   pass ─► the API ─► the desktop's port, as HTTP/1.1
//! ```

mod address;
mod names;
mod own;
mod page;
mod pass;
mod relay;
mod rewrite;
pub(crate) mod ticket;

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ACCEPT, ORIGIN, REFERER};
use http::{HeaderMap, Method, StatusCode};

pub(crate) use address::{PreviewOrigin, is_preview_host};

use crate::access::peer;
use crate::app::App;
use crate::guard;
use crate::language::Language;

/// Divides requests by the host they are for: nothing of one side can be reached on the other.
pub(crate) async fn divide(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = guard::host(request.uri(), request.headers());
    match host.map(|host| address::place(&host, app.public_origin.as_deref())) {
        Some(Ok(Some(place))) => serve(app, place, request).await,
        // It has a preview's form and is none of this installation's.
        Some(Err(address::Elsewhere)) => StatusCode::MISDIRECTED_REQUEST.into_response(),
        Some(Ok(None)) | None => next.run(request).await,
    }
}

async fn serve(app: Arc<App>, place: PreviewOrigin, request: Request) -> Response {
    let headers = request.headers();
    let visit = Visit {
        language: Language::from_headers(headers),
        pass: pass::from_headers(headers),
        page: asks_for_page(request.method(), headers),
        wakes: comes(headers),
        peer: peer(request.extensions()),
        place,
        app,
    };
    if request.uri().path().starts_with(own::PREFIX) {
        let (asked, _) = request.into_parts();
        return own::serve(&visit, &asked).await;
    }
    // It would stand between the browser and whatever is at this address from now on, another desktop's
    // pages and our own tickets included.
    if headers.contains_key("service-worker") {
        return refused("Service workers can't be used in a preview.");
    }
    if !may_ask(&visit, request.method(), headers) {
        tracing::debug!("refused a request to a preview that did not come from it");
        return refused("This request did not come from this preview.");
    }
    match visit.pass.clone() {
        Some(pass) => relay::forward(visit, &pass, request).await,
        None => visit.without_pass(request.uri()),
    }
}

/// One request to a preview.
struct Visit {
    app: Arc<App>,
    place: PreviewOrigin,
    language: Language,
    pass: Option<secrecy::SecretString>,
    /// Whether a person waits for a page.
    page: bool,
    /// Whether a person or a program comes, rather than a page that is open somewhere.
    wakes: bool,
    peer: std::net::IpAddr,
}

impl Visit {
    /// Somebody who has no pass, or one that is no longer good: sent for one.
    fn without_pass(&self, uri: &http::Uri) -> Response {
        if !self.page {
            return (StatusCode::UNAUTHORIZED, "Open this preview in a browser first.\n").into_response();
        }
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        let to = format!("{}/preview/open?{}", self.place.main, ticket::query(&self.place.label, path));
        page::away(&to)
    }
}

fn refused(why: &'static str) -> Response {
    (StatusCode::FORBIDDEN, format!("{why}\n")).into_response()
}

fn value<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether it is not a page's own doing: its sockets and polls go on while nobody looks. What is no browser means it.
fn comes(headers: &HeaderMap) -> bool {
    value(headers, "sec-fetch-dest").is_none_or(|kind| kind == "document")
}

/// A navigation of a whole window; where the browser doesn't say, whatever wants HTML.
fn asks_for_page(method: &Method, headers: &HeaderMap) -> bool {
    let reads = matches!(*method, Method::GET | Method::HEAD) && !guard::is_upgrade(headers);
    match value(headers, "sec-fetch-dest") {
        Some(kind) => reads && kind == "document",
        None => reads && value(headers, ACCEPT.as_str()).is_some_and(|kinds| kinds.contains("text/html")),
    }
}

/// Other pages may lead here, but not act here with the pass of whoever has one: a neighbour's preview
/// would be the same site to a browser. Pages of the same desktop may.
fn may_ask(visit: &Visit, method: &Method, headers: &HeaderMap) -> bool {
    let site = value(headers, "sec-fetch-site");
    let mut origins = headers.get_all(ORIGIN).iter();
    match (origins.next(), origins.next()) {
        // A page that tells no referrer posts its forms so. A page of nobody's, in a frame, is of another site.
        (Some(origin), None) if origin == "null" => {
            site == Some("same-origin") && !guard::is_upgrade(headers)
        }
        (Some(origin), None) => origin.to_str().is_ok_and(|origin| visit.place.is_of_same_desktop(origin)),
        (Some(_), Some(_)) => false,
        (None, _) => match site {
            None | Some("same-origin" | "none") => !guard::is_upgrade(headers),
            Some(_) => {
                asks_for_page(method, headers)
                    || value(headers, REFERER.as_str())
                        .is_some_and(|referer| visit.place.is_of_same_desktop(referer))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn asks(pairs: &[(&'static str, &'static str)]) -> bool {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        let place = address::place("3000--first.desk.example:8443", None).unwrap().unwrap();
        let app = App::for_tests();
        let peer = std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
        let visit =
            Visit { app, place, language: Language::English, pass: None, page: false, wakes: false, peer };
        may_ask(&visit, &Method::GET, &headers)
    }

    #[test]
    fn only_its_own_pages_and_links_ask_a_preview() {
        for fine in [
            &[][..],
            &[("sec-fetch-site", "same-origin")],
            &[("sec-fetch-site", "none"), ("sec-fetch-dest", "document")],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "document")],
            &[("origin", "https://3000--first.desk.example:8443"), ("sec-fetch-site", "same-origin")],
            &[("origin", "https://8000--first.desk.example:8443"), ("sec-fetch-site", "same-site")],
            &[("sec-fetch-site", "same-site"), ("referer", "https://8000--first.desk.example:8443/x")],
            &[("origin", "null"), ("sec-fetch-site", "same-origin")],
        ] {
            assert!(asks(fine), "{fine:?}");
        }
        for bad in [
            &[("sec-fetch-site", "same-site"), ("sec-fetch-dest", "iframe")][..],
            &[("sec-fetch-site", "cross-site"), ("sec-fetch-dest", "image")],
            &[("origin", "https://3000--other.desk.example:8443"), ("sec-fetch-site", "same-site")],
            &[("origin", "https://desk.example:8443")],
            &[("origin", "null")],
            &[("origin", "null"), ("sec-fetch-site", "cross-site")],
            &[("origin", "https://3000--first.desk.example:8443"), ("origin", "https://evil.example")],
            &[("connection", "upgrade"), ("upgrade", "websocket")],
            &[("sec-fetch-site", "same-site"), ("referer", "https://3000--other.desk.example:8443/")],
        ] {
            assert!(!asks(bad), "{bad:?}");
        }
    }
}
