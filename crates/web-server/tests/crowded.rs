//! More connections than there are places: silent ones, slow ones, and people among them.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "what fails here fails a test"
)]

mod support;

use std::net::SocketAddr;
use std::time::Duration;

use http::StatusCode;
use rolltop_web_server::Limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use support::Web;

const PATIENCE: Duration = Duration::from_secs(20);

async fn tcp(from: &str, to: SocketAddr) -> TcpStream {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(from.parse().unwrap()).unwrap();
    socket.connect(to).await.unwrap()
}

/// How long until the other end closes.
async fn closed(mut stream: impl AsyncReadExt + Unpin) {
    let read = async {
        let mut part = [0; 4096];
        while let Ok(1..) = stream.read(&mut part).await {}
    };
    timeout(PATIENCE, read).await.expect("it is closed");
}

/// TLS is agreed on, and then nothing is said; others say nothing at all.
#[tokio::test]
async fn silent_connections_from_two_addresses_keep_nobody_out() {
    let limits = Limits { strangers: 12, grace: Duration::from_millis(500), ..Limits::default() };
    let web = Web::with(limits).await;
    let mut agreed = Vec::new();
    for _ in 0..4 {
        agreed.push(web.connect_from("127.0.0.2:0").await);
    }
    let mut held = Vec::new();
    for number in 0..40 {
        let from = if number % 2 == 0 { "127.0.0.2:0" } else { "127.0.0.3:0" };
        held.push(tcp(from, web.address).await);
    }
    for _ in 0..3 {
        let asked = web.get("/sign-in").header("connection", "close").send();
        let answer = timeout(PATIENCE, asked).await.expect("an answer").unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    }
}

#[tokio::test]
async fn more_visitors_at_once_than_there_are_places_are_all_served() {
    let web = Web::with(Limits { strangers: 3, ..Limits::default() }).await;
    let visits =
        (0..24).map(|_| web.raw("GET /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"));
    for answer in futures::future::join_all(visits).await {
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

#[tokio::test]
async fn who_is_turned_away_is_told_why() {
    let web = Web::with(Limits { per_network: 2, ..Limits::default() }).await;
    let _held = (web.connect().await, web.connect().await);
    let answer = web.raw("GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(answer.contains("Retry-After: 10\r\n"), "{answer}");
    assert!(answer.ends_with(
        "\r\n\r\nThere are too many connections from your address; close some, or try again later.\n"
    ));
    // From elsewhere, there is room.
    let mut other = web.connect_from("127.0.0.2:0").await;
    other.write_all(b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, other.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
}

/// One whom the API knows keeps the place; a stranger gives it up.
#[tokio::test]
async fn a_signed_in_persons_connection_is_not_given_away() {
    let limits = Limits { strangers: 1, grace: Duration::ZERO, ..Limits::default() };
    for (path, behind) in [("/desktops", "a page"), ("/v1/me", "the API")] {
        let web = Web::with(limits).await;
        let mut person = web.connect_from("127.0.0.2:0").await;
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {}\r\n\r\n", web.cookie());
        for _ in 0..3 {
            person.write_all(request.as_bytes()).await.unwrap();
            let mut answer = [0; 12];
            timeout(PATIENCE, person.read_exact(&mut answer)).await.unwrap().unwrap();
            assert_eq!(&answer, b"HTTP/1.1 200", "{behind}");
            rest_of_answer(&mut person).await;
            // Each of them comes from a network of its own and would have the only place.
            for stranger in ["127.0.0.3:0", "127.0.0.4:0"] {
                let mut stranger = web.connect_from(stranger).await;
                stranger.write_all(b"GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
                let mut answer = [0; 12];
                timeout(PATIENCE, stranger.read_exact(&mut answer)).await.unwrap().unwrap();
                assert_eq!(&answer, b"HTTP/1.1 200");
            }
        }
    }
}

async fn rest_of_answer(stream: &mut (impl AsyncReadExt + Unpin)) {
    let mut part = [0; 64 << 10];
    while let Ok(Ok(1..)) = timeout(Duration::from_millis(100), stream.read(&mut part)).await {}
}

#[tokio::test]
async fn a_connection_on_which_nothing_happens_ends() {
    let short = Duration::from_millis(300);
    let limits = Limits { head: short, idle: short, body: short, ..Limits::default() };
    let web = Web::with(limits).await;
    // No request, half of one, one that was answered, and a body that does not come.
    closed(web.connect().await).await;
    for begun in [
        "GET /sign-in HTTP/1.1\r\nHost: loc",
        "GET /sign-in HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "POST /sign-in HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 90\r\n\r\nname=",
        "POST /v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{",
        "PRI * HTTP/2.0\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ] {
        let mut stream = web.connect().await;
        stream.write_all(begun.as_bytes()).await.unwrap();
        closed(stream).await;
    }
}

/// To count what is under way takes nothing from an answer: a browser shows how far a download is by its length.
#[tokio::test]
async fn answers_tell_their_length() {
    let web = Web::with(Limits::default()).await;
    for path in ["/sign-in", "/favicon.ico", "/v1/nowhere"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let answer = web.raw(&request).await.to_ascii_lowercase();
        let head = answer.split("\r\n\r\n").next().unwrap();
        assert!(head.contains("\r\ncontent-length: "), "{path}: {head}");
        assert!(!head.contains("chunked"), "{path}: {head}");
    }
}

/// An event stream with nothing to tell, and a WebSocket, are not idle.
#[tokio::test]
async fn what_is_under_way_may_be_quiet() {
    let short = Duration::from_millis(300);
    let web = Web::with(Limits { head: short, idle: short, body: short, ..Limits::default() }).await;
    web.platform.run(&["research"]).await;
    let path = format!("/v1/desktops/{}/screen", web.desktop("research").await);
    let mut socket = web.upgrade(&path, &web.origin()).await.unwrap();
    let mut byte = [0; 4096];
    let until = tokio::time::Instant::now() + short * 5;
    while let Ok(read) = tokio::time::timeout_at(until, socket.read(&mut byte)).await {
        assert!(read.unwrap() > 0, "a WebSocket was closed");
    }
}
