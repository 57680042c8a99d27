//! `/v1` through the web tier: whose credential counts, which headers stay behind, bodies and
//! events that stream, and WebSockets.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "what fails here fails a test"
)]

mod support;

use std::time::Duration;

use futures::StreamExt;
use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, COOKIE, SET_COOKIE};
use rolltop_api_types::DesktopState;
use secrecy::ExposeSecret;
use support::Web;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn the_cookie_becomes_a_credential_and_stays_behind() {
    let web = Web::start().await;
    let answer = web.get("/v1/me").header(COOKIE, web.cookie()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let seen = web.between.requests("/v1/me");
    assert_eq!(seen[0].headers[AUTHORIZATION], format!("Bearer {}", web.token.expose_secret()));
    assert!(!seen[0].headers.contains_key(COOKIE));
    assert_eq!(seen[0].headers["x-forwarded-for"], "127.0.0.1");
}

#[tokio::test]
async fn a_programs_own_credential_wins_and_needs_no_origin() {
    let web = Web::start().await;
    let request = web
        .client
        .post(web.url("/v1/desktops"))
        .header(COOKIE, web.cookie())
        .header(AUTHORIZATION, web.bearer());
    let answer = request.json(&serde_json::json!({ "name": "by-program" })).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::ACCEPTED);
    assert_eq!(web.between.requests("/v1/desktops")[0].headers[AUTHORIZATION], web.bearer());
}

#[tokio::test]
async fn without_a_credential_the_api_says_no() {
    let web = Web::start().await;
    assert_eq!(web.get("/v1/me").send().await.unwrap().status(), StatusCode::UNAUTHORIZED);
    assert_eq!(
        web.client.post(web.url("/v1/desktops")).send().await.unwrap().status(),
        StatusCode::UNAUTHORIZED
    );
    assert_eq!(web.get("/healthz").send().await.unwrap().status(), StatusCode::OK);
}

#[tokio::test]
async fn a_hostile_file_can_do_nothing_as_a_document() {
    let web = Web::start().await;
    let body = "<script>parent.fetch('/v1/desktops')</script>";
    let request = web.client.post(web.url("/v1/echo")).header(AUTHORIZATION, web.bearer());
    let answer = request.header(CONTENT_TYPE, "text/html").body(body).send().await.unwrap();
    assert!(
        answer.headers()[CONTENT_SECURITY_POLICY].to_str().unwrap().contains("default-src 'none'; sandbox")
    );
    assert_eq!(answer.headers()["x-content-type-options"], "nosniff");
    assert!(!answer.headers().contains_key(SET_COOKIE), "the API sets no cookies");
    assert_eq!(answer.text().await.unwrap(), body);
}

#[tokio::test]
async fn bodies_stream_both_ways_before_they_end() {
    let web = Web::start().await;
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Vec<u8>, std::io::Error>>(1);
    let body = reqwest::Body::wrap_stream(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let request = web.client.post(web.url("/v1/echo")).header(AUTHORIZATION, web.bearer()).body(body);
    let answer = tokio::time::timeout(DEADLINE, request.send())
        .await
        .expect("headers come before the body ends")
        .unwrap();
    let mut bytes = answer.bytes_stream();
    for part in ["one", "two", "three"] {
        sender.send(Ok(part.as_bytes().to_vec())).await.unwrap();
        let back = tokio::time::timeout(DEADLINE, bytes.next()).await.expect("each part comes back at once");
        assert_eq!(back.unwrap().unwrap(), part);
    }
    drop(sender);
    let rest = bytes.collect::<Vec<_>>();
    let rest = tokio::time::timeout(DEADLINE, rest).await.expect("the end is passed on too");
    assert!(rest.iter().all(|part| part.as_ref().is_ok_and(|bytes| bytes.is_empty())), "{rest:?}");
}

#[tokio::test]
async fn events_are_not_held_back() {
    let web = Web::start().await;
    let answer = web.get("/v1/events").header(COOKIE, web.cookie()).send().await.unwrap();
    assert_eq!(answer.headers()[CONTENT_TYPE], "text/event-stream");
    let mut stream = answer.bytes_stream();
    let request = web.client.post(web.url("/v1/desktops")).header(AUTHORIZATION, web.bearer());
    request.json(&serde_json::json!({ "name": "told-about" })).send().await.unwrap();
    let mut told = String::new();
    while !told.contains("event: desktop.changed") {
        let next = tokio::time::timeout(DEADLINE, stream.next()).await.expect("the event comes at once");
        told.push_str(&String::from_utf8_lossy(&next.unwrap().unwrap()));
    }
}

#[tokio::test]
async fn a_screens_bytes_are_spliced_both_ways() {
    let web = Web::running(&["research"]).await;
    let path = format!("/v1/desktops/{}/screen", web.desktop("research").await);
    let mut socket = web.upgrade(&path, &web.origin()).await.expect("an upgrade");
    // The screen greets with an RFB version in one binary frame.
    let mut greeting = [0; 14];
    socket.read_exact(&mut greeting).await.unwrap();
    assert_eq!(&greeting, b"\x82\x0cRFB 003.008\n");
    // Ours, masked with zeros as a client must mask.
    socket.write_all(b"\x82\x8c\0\0\0\0RFB 003.008\n").await.unwrap();
    let mut security = [0; 4];
    socket.read_exact(&mut security).await.unwrap();
    assert_eq!(&security, b"\x82\x02\x01\x01");
    let seen = web.between.requests(&path);
    assert_eq!(seen[0].headers[AUTHORIZATION], format!("Bearer {}", web.token.expose_secret()));
    assert!(!seen[0].headers.contains_key(COOKIE));
}

#[tokio::test]
async fn another_site_cannot_open_a_screen() {
    let web = Web::running(&["research"]).await;
    let path = format!("/v1/desktops/{}/screen", web.desktop("research").await);
    for origin in ["https://evil.example", "null", ""] {
        assert_eq!(web.upgrade(&path, origin).await.err(), Some(StatusCode::FORBIDDEN), "{origin:?}");
    }
    assert!(web.between.requests(&path).is_empty(), "nothing reached the API");
}

#[tokio::test]
async fn a_screen_that_may_not_be_seen_stays_http() {
    let web = Web::running(&["almanac"]).await;
    let id = web.platform.named("almanac").await.id;
    web.person.stop_desktop(id).await.unwrap();
    web.platform.until(id, DesktopState::Stopped).await;
    let path = format!("/v1/desktops/{}/screen", web.desktop("almanac").await);
    assert_eq!(web.upgrade(&path, &web.origin()).await.err(), Some(StatusCode::CONFLICT));
}
