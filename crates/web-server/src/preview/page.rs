//! What is shown at a preview's address when the desktop shows nothing.

use axum::response::{IntoResponse, Response};
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use maud::{DOCTYPE, Markup, html};

use super::own;
use crate::assets;
use crate::components::control::Tone;
use crate::components::layout::{doorway_card, link_button};
use crate::headers::PAGE_POLICY;
use crate::language::Language;

/// Words of a page: keys of its title and text.
pub(super) struct Page<'a> {
    pub status: StatusCode,
    pub title: String,
    pub text: String,
    /// Asks again and again, and loads the preview once it is there.
    pub waits: bool,
    /// Where our own pages are, if that helps.
    pub home: Option<&'a str>,
}

pub(super) fn show(language: Language, page: &Page<'_>) -> Response {
    let mut response = (page.status, markup(language, page)).into_response();
    protect(response.headers_mut());
    response
}

/// What is said by us at a preview's address must not be taken for the desktop's, framed or kept.
pub(super) fn protect(headers: &mut HeaderMap) {
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(PAGE_POLICY));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// Sends a browser on.
pub(super) fn away(to: &str) -> Response {
    let Ok(to) = HeaderValue::try_from(to) else { return StatusCode::BAD_REQUEST.into_response() };
    let mut response = (StatusCode::SEE_OTHER, [(LOCATION, to)]).into_response();
    protect(response.headers_mut());
    response
}

fn asset(name: &str) -> String {
    format!("{}{}", own::PREFIX, assets::address(name).trim_start_matches('/'))
}

fn markup(language: Language, page: &Page<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang=(language.code()) {
            head {
                meta charset="utf-8";
                title { (page.title) " · " (language.say("product")) }
                meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover";
                meta name="color-scheme" content="light dark";
                link rel="icon" href=(asset("favicon.svg")) type="image/svg+xml";
                script src=(asset("theme.js")) {}
                link rel="stylesheet" href=(asset("app.css"));
                @if page.waits { script type="module" src=(asset("preview-wait.js")) {} }
            }
            body data-signed-out {
                main.doorway #content {
                    (doorway_card(&page.title, &[&page.text], &html! {
                        @if page.waits { p.preview-waiting role="status" { (language.say("preview-waiting")) } }
                        @if let Some(home) = page.home {
                            div { (link_button(Tone::Plain, &format!("{home}/desktops"), &language.say("preview-home"))) }
                        }
                    }))
                }
            }
        }
    }
}
