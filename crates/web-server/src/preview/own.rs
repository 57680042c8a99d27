//! Paths of ours at a preview's address: exchanging a ticket or a share link for a pass, whether the
//! preview is there yet, and what our own pages there are made of.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rolltop_api_types::{Code, OpenPreview, PreviewKey};
use secrecy::SecretString;

use super::page::{self, Page};
use super::{Visit, pass, relay, ticket};
use crate::assets;

pub(super) const PREFIX: &str = "/.rolltop/";

pub(super) async fn serve(visit: &Visit, asked: &Parts) -> Response {
    let path = asked.uri.path().strip_prefix(PREFIX).unwrap_or_default();
    if !matches!(asked.method, Method::GET | Method::HEAD) {
        return (StatusCode::METHOD_NOT_ALLOWED, [(ALLOW, "GET, HEAD")]).into_response();
    }
    let headers = &asked.headers;
    match path.split_once('/') {
        None if path == "open" => {
            let (secret, to) = ticket::from_query(asked.uri.query().unwrap_or_default());
            exchange(visit, headers, PreviewKey::Ticket(secret), &to).await
        }
        Some(("share", secret)) => {
            exchange(visit, headers, PreviewKey::Share(SecretString::from(secret.to_owned())), "/").await
        }
        Some(("assets", name)) => {
            let mut response = assets::serve(Path(name.to_owned()), headers.clone()).await;
            page::protect(response.headers_mut());
            response
        }
        None if path == "ready" => ready(visit).await,
        None | Some(_) => StatusCode::NOT_FOUND.into_response(),
    }
}

/// The secret leaves the address bar, and what it stands for comes into a cookie of this origin.
async fn exchange(visit: &Visit, headers: &HeaderMap, key: PreviewKey, to: &str) -> Response {
    // Only a window that a person looks at; never a picture or a script on somebody's page.
    if !visit.page {
        return StatusCode::FORBIDDEN.into_response();
    }
    let shared = matches!(key, PreviewKey::Share(_));
    let client = visit.app.client.with_forwarded_for(visit.peer);
    let wanted = OpenPreview { address: visit.place.label.clone(), key };
    let opened = match client.open_preview(&wanted).await {
        Ok(opened) => opened,
        // Used before, by a reload or the back button: sent for another.
        Err(error) if error.code() == Some(Code::PreviewClosed) && !shared => return page::away(to),
        Err(error) if error.code() == Some(Code::PreviewClosed) => {
            let said = |key: &str| visit.language.say(key);
            let page = Page {
                status: StatusCode::NOT_FOUND,
                title: said("preview-share-gone-title"),
                text: said("preview-share-gone-text"),
                waits: false,
                home: None,
            };
            return page::show(visit.language, &page);
        }
        Err(error) => return relay::failed(visit, &error),
    };
    let Some(cookies) = pass::set(&opened) else { return StatusCode::BAD_GATEWAY.into_response() };
    let mut response = page::away(to);
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    // What another desktop's pages left at this address must not meet this one's.
    if pass::desktop(headers) != Some(opened.desktop.to_string().as_str()) {
        let name = HeaderName::from_static("clear-site-data");
        response.headers_mut().insert(name, HeaderValue::from_static(r#""cache", "storage""#));
    }
    response
}

/// For a page that waits: 204 once something listens.
async fn ready(visit: &Visit) -> Response {
    let mut response = match &visit.pass {
        None => StatusCode::UNAUTHORIZED.into_response(),
        Some(pass) => match relay::connect(visit, pass, false).await {
            Ok(_) => StatusCode::NO_CONTENT.into_response(),
            Err(_) => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        },
    };
    page::protect(response.headers_mut());
    response
}
