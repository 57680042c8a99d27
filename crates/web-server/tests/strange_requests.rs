//! Requests that are not as HTTP says, byte by byte: whoever sent them hears that it is their request, in our pages,
//! under `/v1` and in previews alike.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "what fails here fails a test"
)]

mod support;

use support::Web;

/// Head and body of an answer with this status, in its first line.
fn assert_status(answer: &str, status: &str, what: &str) {
    assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
}

fn own_host(web: &Web) -> String {
    format!("localhost:{}", web.address.port())
}

fn preview_host(web: &Web) -> String {
    format!("3000--first.localhost:{}", web.address.port())
}

#[tokio::test]
async fn a_body_that_is_no_chunks_is_the_senders_fault() {
    let web = Web::running(&["first"]).await;
    let (bearer, pass) = (web.bearer(), web.pass("3000--first").await);
    for (host, path) in
        [(own_host(&web), "/v1/echo"), (own_host(&web), "/sign-in"), (preview_host(&web), "/echo")]
    {
        for body in ["zz\r\nhello\r\n0\r\n\r\n", "5\r\nhelloXX0\r\n\r\n", "fffffffffffffffff\r\n"] {
            let request = format!(
                "POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {bearer}\r\nOrigin: https://{host}\r\n\
                 Sec-Fetch-Site: same-origin\r\nCookie: __Host-rolltop-preview={pass}\r\nContent-Type: \
                 application/x-www-form-urlencoded\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n{body}"
            );
            let answer = web.raw(&request).await;
            assert_status(&answer, "400", path);
            assert!(!answer.contains("not answering"), "{answer}");
        }
    }
}

#[tokio::test]
async fn a_request_has_one_host() {
    let web = Web::start().await;
    let (own, preview) = (own_host(&web), preview_host(&web));
    let (own, preview) = (own.as_str(), preview.as_str());
    let asked = async |hosts: &[&str]| {
        let hosts: String = hosts.iter().map(|host| format!("Host: {host}\r\n")).collect();
        web.raw(&format!("GET /healthz HTTP/1.1\r\n{hosts}Connection: close\r\n\r\n")).await
    };
    assert_status(&asked(&[own]).await, "200", "one");
    for bad in
        [&[][..], &[own, own], &[own, preview], &[preview, own], &["a b"], &["a@b"], &["a/b"], &["a:b"]]
    {
        assert_status(&asked(bad).await, "400", &format!("{bad:?}"));
    }
    // HTTP/1.0 knew no hosts.
    let answer = web.raw("GET /healthz HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
}

#[tokio::test]
async fn a_head_that_is_too_large_is_told_so() {
    let web = Web::running(&["first"]).await;
    let (bearer, pass) = (web.bearer(), web.pass("3000--first").await);
    for (host, path) in
        [(own_host(&web), "/sign-in"), (own_host(&web), "/v1/echo"), (preview_host(&web), "/echo")]
    {
        let asked = async |headers: &str| {
            web.raw(&format!(
                "GET {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {bearer}\r\nConnection: close\r\n\
                 Cookie: __Host-rolltop-preview={pass}\r\n{headers}\r\n"
            ))
            .await
        };
        assert_status(&asked(&format!("X-Large: {}\r\n", "x".repeat(8 << 10))).await, "200", path);
        for length in [70 << 10, 300 << 10, 600 << 10] {
            assert_status(&asked(&format!("X-Large: {}\r\n", "x".repeat(length))).await, "431", path);
        }
        let many: String = (0..200).map(|number| format!("X-Many-{number}: 1\r\n")).collect();
        assert_status(&asked(&many).await, "431", path);
        let as_many_as_go: String = (0..93).map(|number| format!("X-Many-{number}: 1\r\n")).collect();
        assert_status(&asked(&as_many_as_go).await, "200", path);
    }
    // Over HTTP/2 too.
    let answer = web.get("/v1/echo").header("x-large", "x".repeat(70 << 10)).send().await.unwrap();
    assert_eq!((answer.version(), answer.status().as_u16()), (http::Version::HTTP_2, 431));
}
