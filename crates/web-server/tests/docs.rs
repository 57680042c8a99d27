//! The documentation as a visitor meets it: every link and anchor followed, the search, and who
//! may read.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "what fails here fails a test"
)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use http::header::{ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE};
use support::Web;

async fn text(request: reqwest::RequestBuilder) -> String {
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK, "{}", answer.url());
    answer.text().await.unwrap()
}

/// The values of an attribute, unescaped as far as addresses need it.
fn values(html: &str, attribute: &str) -> Vec<String> {
    let start = format!(" {attribute}=\"");
    html.split(&start).skip(1).map(|rest| rest.split('"').next().unwrap().replace("&amp;", "&")).collect()
}

#[tokio::test]
async fn every_link_and_anchor_leads_somewhere() {
    let web = Web::start().await;
    let mut pages: BTreeMap<String, String> = BTreeMap::new();
    let mut waiting = BTreeSet::from(["/docs".to_owned()]);
    let mut anchors = BTreeSet::new();
    while let Some(path) = waiting.pop_first() {
        let html = text(web.get(&path)).await;
        for target in values(&html, "href").into_iter().chain(values(&html, "src")) {
            assert!(
                target.starts_with(['/', '#']) || target.starts_with("https://"),
                "{target} on {path} is no address"
            );
            if target == "/docs" || target.starts_with("/docs/") || target.starts_with('#') {
                let (other, anchor) = target.split_once('#').unwrap_or((&target, ""));
                let other = if other.is_empty() { &path } else { other };
                if !anchor.is_empty() {
                    anchors.insert((path.clone(), other.to_owned(), anchor.to_owned()));
                }
                if other.starts_with("/docs/images/") {
                    let picture = web.get(other).send().await.unwrap();
                    assert_eq!(picture.headers()[CONTENT_TYPE], "image/png", "{other} on {path}");
                } else if !pages.contains_key(other) && other != path {
                    waiting.insert(other.to_owned());
                }
            }
        }
        pages.insert(path, html);
    }
    for (path, other, anchor) in &anchors {
        let ids = values(&pages[other], "id");
        assert!(ids.contains(anchor), "{other}#{anchor} on {path}: no such id");
    }
    println!("{} pages, {} anchors", pages.len(), anchors.len());
    assert!(pages.len() >= 9 && anchors.len() >= 40, "{} pages, {} anchors", pages.len(), anchors.len());
}

#[tokio::test]
async fn ids_are_there_once_and_there_is_one_heading_of_the_page() {
    let web = Web::start().await;
    for path in ["/docs", "/docs/ssh", "/docs/search?q=key"] {
        let html = text(web.get(path).header(COOKIE, web.cookie())).await;
        let ids = values(&html, "id");
        let unique: BTreeSet<&String> = ids.iter().collect();
        assert_eq!(unique.len(), ids.len(), "{path}: {ids:?}");
        assert_eq!(html.matches("<h1").count(), 1, "{path}");
        assert!(!html.contains("style=\"") && !html.contains("<script>"), "{path}");
    }
}

#[tokio::test]
async fn everybody_may_read_and_those_who_are_signed_in_keep_their_frame() {
    let web = Web::start().await;
    let stranger = text(web.get("/docs/ssh")).await;
    assert!(stranger.contains("/sign-in") && !stranger.contains("data-open-palette"));
    assert!(!stranger.contains("data-events"), "nobody's events are followed");
    let person = text(web.get("/docs/ssh").header(COOKIE, web.cookie())).await;
    assert!(person.contains("data-open-palette") && person.contains(r#"href="/desktops""#));
    // One whose session has ended, and one who has to choose a password first.
    let ended = text(web.get("/docs/ssh").header(COOKIE, "__Host-rolltop=ses_ended")).await;
    assert!(ended.contains("/sign-in"));
    let fresh = Web::fresh().await;
    assert!(text(fresh.get("/docs/ssh").header(COOKIE, fresh.cookie())).await.contains("/sign-in"));
    let french = text(web.get("/docs/ssh").header(ACCEPT_LANGUAGE, "fr")).await;
    assert!(french.contains(r#"<html lang="fr">"#) && french.contains("Sommaire"));
    assert!(french.contains(r#"<div class="docs-body" lang="en">"#));
}

#[tokio::test]
async fn search_answers_with_a_page_and_with_a_list_for_htmx() {
    let web = Web::start().await;
    let page = text(web.get("/docs/search?q=known_hosts")).await;
    assert!(page.contains("<!DOCTYPE html>") && page.contains(r#"value="known_hosts""#));
    assert!(page.contains(r#"href="/docs/ssh#knowing-whom-you-speak-to""#), "{page}");
    let list = text(web.get("/docs/search?q=known_hosts").header("hx-request", "true")).await;
    assert!(!list.contains("<html") && list.contains("<mark>known</mark>"), "{list}");
    let nothing = text(web.get("/docs/search?q=").header("hx-request", "true")).await;
    assert_eq!(nothing.trim(), "");
    let hostile = text(web.get("/docs/search?q=%22%3E%3Cscript%3Ealert(1)%3C%2Fscript%3E")).await;
    assert!(!hostile.contains("<script>alert") && hostile.contains("&lt;script&gt;"));
    let none = text(web.get("/docs/search?q=xyzzyplugh")).await;
    assert!(none.contains("Nothing found"));
}

#[tokio::test]
async fn what_is_no_page_is_not_there() {
    let web = Web::start().await;
    for path in [
        "/docs/nowhere",
        "/docs/README",
        "/docs/..%2Fcargo.toml",
        "/docs/images/..%2Fssh.md",
        "/docs/ssh.md",
        "/docs/images/nothing.png",
        "/docs/images%2Fdesktop.png",
    ] {
        assert_eq!(web.get(path).send().await.unwrap().status(), StatusCode::NOT_FOUND, "{path}");
    }
}
