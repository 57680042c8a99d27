//! The user documentation, for everybody: the frame around its pages, and its search. Pages are
//! in English; what stands around them is in the visitor's language.

pub(crate) mod reference;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, Query};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use maud::{Markup, html};
use serde::Deserialize;

use crate::access::Reader;
use crate::app::App;
use crate::components::layout::reading;
use crate::components::{Icon, icon};
use crate::docs::{self, Entry, Found, Heading, Page, Wording, library};
use crate::failure::Failure;
use crate::language::Language;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/docs", get(index))
        .route("/docs/search", get(search))
        .route("/docs/api", get(reference::index))
        .route("/docs/api/{group}", get(reference::group))
        .route("/docs/{page}", get(show))
        .route("/docs/images/{name}", get(picture))
}

/// Places listed while a person types, and on a page of their own.
const MOST_TYPED: usize = 8;
const MOST: usize = 40;

/// One page of the documentation with what stands beside it.
pub(crate) struct Sheet<'a> {
    pub title: &'a str,
    /// What the title and what follows is written in.
    pub written_in: Language,
    /// Which entry of the contents it is.
    pub here: &'a str,
    pub query: &'a str,
    pub body: &'a Markup,
    pub headings: &'a [Heading],
    pub foot: Option<&'a Markup>,
}

pub(crate) async fn index(reader: Reader) -> Markup {
    let library = library();
    let next = library.neighbours("").1;
    show_page(&reader, "", &library.index, (None, next))
}

pub(crate) async fn show(reader: Reader, Path(slug): Path<String>) -> Result<Markup, Failure> {
    let library = library();
    let page = library.page(&slug).ok_or(Failure::NotFound)?;
    Ok(show_page(&reader, &slug, page, library.neighbours(&slug)))
}

pub(crate) async fn picture(Path(name): Path<String>) -> Result<Response, Failure> {
    let data = docs::picture(&name).ok_or(Failure::NotFound)?;
    Ok(([(CONTENT_TYPE, "image/png"), (CACHE_CONTROL, "public, max-age=3600")], data).into_response())
}

fn show_page(reader: &Reader, slug: &str, page: &Page, near: (Option<&Entry>, Option<&Entry>)) -> Markup {
    let language = reader.language();
    let body = page.html(&wording(language));
    let foot = foot(language, near);
    let sheet = Sheet {
        title: &page.title,
        written_in: Language::English,
        here: slug,
        query: "",
        body: &body,
        headings: &page.headings,
        foot: Some(&foot),
    };
    show_sheet(reader, &sheet)
}

pub(crate) fn wording(language: Language) -> Wording {
    Wording {
        copy: language.say("docs-copy"),
        copied: language.say("copied"),
        table: language.say("docs-table"),
        code: language.say("docs-code"),
    }
}

/// Contents, page, and the page's headings.
pub(crate) fn show_sheet(reader: &Reader, sheet: &Sheet<'_>) -> Markup {
    let language = reader.language();
    let (on_page, contents) = (on_page(language, sheet.headings), contents(language, sheet.here));
    let content = html! {
        div.docs {
            div.docs-side {
                (search_form(language, sheet.query))
                details.docs-menu {
                    summary { (icon(Icon::List)) (language.say("docs-contents")) }
                    (contents)
                }
                div.docs-wide { (contents) }
            }
            article.docs-article #docs-page {
                h1 lang=(sheet.written_in.code()) { (sheet.title) }
                @if language != sheet.written_in { p.quiet { (language.say("docs-in-english")) } }
                div.docs-body lang=(sheet.written_in.code()) { (sheet.body) }
                @if let Some(foot) = sheet.foot { (foot) }
            }
            @if sheet.headings.len() > 1 { div.docs-on-page { (on_page) } }
        }
    };
    let docs = language.say("rail-docs");
    let parents: &[(&str, &str)] =
        if sheet.here.is_empty() && sheet.query.is_empty() { &[] } else { &[(&docs, "/docs")] };
    reading(reader, sheet.title, parents, &content)
}

fn contents(language: Language, here: &str) -> Markup {
    let link = |path: &str, title: &str, current: bool| {
        html! { li { a href=(path) aria-current=[current.then_some("page")] { (title) } } }
    };
    html! {
        nav.docs-contents aria-label=(language.say("docs-contents")) {
            ul {
                (link("/docs", &language.say("docs-overview"), here.is_empty()))
                (link("/docs/api", &language.say("docs-api"), here == "api"))
            }
            @for group in &library().groups {
                p lang="en" { (group.title) }
                ul lang="en" {
                    @for entry in &group.entries {
                        (link(&format!("/docs/{}", entry.slug), &entry.title, entry.slug == here))
                    }
                }
            }
        }
    }
}

fn on_page(language: Language, headings: &[Heading]) -> Markup {
    html! {
        nav aria-label=(language.say("docs-on-page")) {
            p { (language.say("docs-on-page")) }
            ul lang="en" {
                @for heading in headings {
                    li data-minor[heading.minor] { a href={ "#" (heading.id) } { (heading.title) } }
                }
            }
        }
    }
}

fn foot(language: Language, (before, after): (Option<&Entry>, Option<&Entry>)) -> Markup {
    let link = |entry: &Entry, key: &str, end: bool| {
        html! {
            a href={ "/docs/" (entry.slug) } data-end[end] {
                span.quiet { (language.say(key)) } span lang="en" { (entry.title) }
            }
        }
    };
    html! {
        nav.docs-foot aria-label=(language.say("docs-near")) {
            @if let Some(entry) = before { (link(entry, "docs-before", false)) }
            @if let Some(entry) = after { (link(entry, "docs-after", true)) }
        }
    }
}

fn search_form(language: Language, query: &str) -> Markup {
    let label = language.say("docs-search");
    html! {
        form.docs-search role="search" action="/docs/search" method="get" hx-get="/docs/search" hx-target="#docs-found"
            hx-swap="innerHTML" hx-trigger="input delay:120ms" {
            div.search-field {
                (icon(Icon::Search))
                input #docs-query type="search" name="q" value=(query) placeholder=(label) aria-label=(label)
                    maxlength="100" autocomplete="off" spellcheck="false";
            }
            div.docs-found #docs-found aria-live="polite" {}
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Asked {
    #[serde(default)]
    q: String,
}

/// What is found: a list under the field while typing, a page where the form was sent.
pub(crate) async fn search(reader: Reader, Query(asked): Query<Asked>) -> Markup {
    let (language, query) = (reader.language(), asked.q.trim());
    let most = if reader.fragment() { MOST_TYPED } else { MOST };
    let found = library().find(query, most);
    if reader.fragment() {
        return html! { @if !query.is_empty() { (list(language, &found)) } };
    }
    let title = language.say("docs-search");
    let body = html! {
        @if query.is_empty() { p.quiet { (language.say("docs-search-hint")) } } @else { (list(language, &found)) }
    };
    let sheet = Sheet {
        title: &title,
        written_in: language,
        here: "search",
        query,
        body: &body,
        headings: &[],
        foot: None,
    };
    show_sheet(&reader, &sheet)
}

fn list(language: Language, found: &[Found<'_>]) -> Markup {
    html! {
        @if found.is_empty() {
            p.docs-nothing { (language.say("docs-nothing")) }
        } @else {
            ul.docs-results lang="en" {
                @for place in found {
                    li {
                        a href=(place.address) {
                            span.docs-where {
                                (place.page)
                                @if !place.heading.is_empty() { " › " (place.heading) }
                            }
                            span.docs-excerpt {
                                @for piece in &place.text {
                                    @if piece.hit { mark { (piece.text) } } @else { (piece.text) }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}
