//! What a program names in an answer: every spelling of the desktop itself leads to a preview of it, whatever is
//! elsewhere stays as it is, and nothing is made to lead to somebody else's preview.

use reqwest::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, CONTENT_LOCATION, HeaderMap, HeaderName, LINK, LOCATION, REFRESH, SET_COOKIE,
};
use rolltop_sim::SimConfig;

use crate::visit::{Visit, Window};

/// Its headers when the program answers with these.
async fn answered(window: &Window, headers: &[(HeaderName, String)]) -> HeaderMap {
    let pairs: Vec<_> = headers.iter().map(|(name, value)| (name.as_str(), value)).collect();
    let answer = window.gets("/answer").query(&pairs).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.headers().clone()
}

/// An address in each header that a browser follows or a page reads.
fn in_every_header(address: &str) -> [(HeaderName, String); 8] {
    let name = HeaderName::from_static;
    [
        (LOCATION, address.to_owned()),
        (CONTENT_LOCATION, address.to_owned()),
        (name("hx-redirect"), address.to_owned()),
        (name("x-inertia-location"), address.to_owned()),
        (name("turbolinks-location"), address.to_owned()),
        (name("sourcemap"), address.to_owned()),
        (REFRESH, format!("5; url={address}")),
        (LINK, format!("</a>; rel=preload, <{address}>; rel=\"next\"; title=\"1, 2 < 3\"")),
    ]
}

async fn assert_becomes(window: &Window, address: &str, wanted: &str) {
    let found = answered(window, &in_every_header(address)).await;
    for (name, value) in in_every_header(wanted) {
        let found = String::from_utf8_lossy(found[&name].as_bytes());
        assert_eq!(found, value, "{name} of {address}");
    }
}

const ITSELF: [&str; 18] = [
    "localhost",
    "LocalHost",
    "localhost.",
    "%6cocalhost",
    "127.0.0.1",
    "127.9.9.9",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0.0.0.0",
    "0",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[::ffff:127.0.0.1]",
    "[::]",
    "research",
    "RESEARCH",
    "research.",
];

#[tokio::test]
async fn every_spelling_of_the_desktop_leads_to_its_previews() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open(3000).await;
    for port in [3000, 8000] {
        let preview = visit.origin(&format!("{port}--research"));
        for host in ITSELF {
            for start in ["http://", "https://", "HTTP://", "//", "http://user:word@", "\\\\"] {
                assert_becomes(
                    &window,
                    &format!("{start}{host}:{port}/a?b=//c#d"),
                    &format!("{preview}/a?b=//c#d"),
                )
                .await;
            }
            assert_becomes(&window, &format!("http://{host}:{port}"), &format!("{preview}/")).await;
            assert_becomes(&window, &format!("http://{host}:{port}?q"), &format!("{preview}/?q")).await;
        }
        // As it is called from outside; a preview is always TLS.
        let host = preview.strip_prefix("https://").unwrap();
        for start in ["http://", "https://", "//"] {
            assert_becomes(&window, &format!("{start}{host}/a"), &format!("{preview}/a")).await;
        }
    }
    for (address, port) in [("http://localhost/a", 80), ("//localhost/a", 80), ("https://[::1]/a", 443)] {
        assert_becomes(&window, address, &format!("{}/a", visit.origin(&format!("{port}--research")))).await;
    }
    // What is not ASCII is written as browsers write it.
    assert_becomes(&window, "http://localhost:3000/ü?ß", &format!("{}/%C3%BC?%C3%9F", window.origin)).await;
}

#[tokio::test]
async fn what_is_elsewhere_stays_as_it_is() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open(3000).await;
    let (neighbour, main) = (visit.origin("3000--other"), visit.main().replace("localhost", "desk.example"));
    for address in [
        "/a",
        "/ü",
        "a?b",
        "?next=http://localhost:3000/",
        "#f",
        "/?next=http://localhost:3000/",
        "https://example.org/?next=http://localhost:3000/",
        "http://example.org:3000/",
        "http://localhost.evil.example:3000/",
        "http://localhost@evil.example:3000/",
        "http://localhost:3000@evil.example/",
        "http://evil.example\\@localhost:3000/",
        "http://evil.example#@localhost:3000/",
        "http://10.0.0.1:3000/",
        "http://128.0.0.1:3000/",
        "http://[::2]:3000/",
        "http://localhost:0/",
        "http://localhost:65536/",
        "http://localhost:3000x/",
        "ws://localhost:3000/",
        "ftp://localhost:3000/",
        "javascript://localhost:3000/%0aalert(1)",
        "mailto:root@localhost",
        &format!("{neighbour}/"),
        &format!("{main}/preview/open"),
    ] {
        assert_becomes(&window, address, address).await;
    }
    for header in ["5", "0;", "x; url=/a", "0; url='/a'"] {
        assert_eq!(answered(&window, &[(REFRESH, header.into())]).await[REFRESH], header);
    }
}

#[tokio::test]
async fn refreshes_are_read_as_browsers_read_them() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open(3000).await;
    for header in [
        "0; URL='http://localhost:3000/a'",
        "0;url = \"http://localhost:3000/a\" and more",
        "0, http://localhost:3000/a",
        "0 http://localhost:3000/a",
    ] {
        let found = answered(&window, &[(REFRESH, header.into())]).await;
        let address = found[REFRESH].to_str().unwrap().strip_prefix("0; url=");
        assert_eq!(address, Some(&*format!("{}/a", window.origin)), "{header}");
    }
}

#[tokio::test]
async fn who_may_read_an_answer_is_named_as_the_browser_knows_them() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open(3000).await;
    let sibling = visit.origin("8000--research");
    let foreign = visit.origin("8000--other");
    for (origin, wanted) in [
        ("http://localhost:3000", &*window.origin),
        ("http://localhost:8000", &*sibling),
        ("http://127.0.0.1:8000", &*sibling),
        ("*", "*"),
        ("null", "null"),
        ("https://evil.example", "https://evil.example"),
        (&foreign, &foreign),
    ] {
        let found = answered(&window, &[(ACCESS_CONTROL_ALLOW_ORIGIN, origin.into())]).await;
        assert_eq!(found[ACCESS_CONTROL_ALLOW_ORIGIN], wanted, "{origin}");
    }
}

#[tokio::test]
async fn cookies_are_the_previews_alone_and_never_ours() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open(3000).await;
    for (cookie, wanted) in [
        ("a=1; Path=/; SameSite=Lax", Some("a=1; Path=/; SameSite=Lax")),
        ("a=1; Domain=localhost; HttpOnly", Some("a=1; HttpOnly")),
        ("a=1;\tDOMAIN = .localhost", Some("a=1")),
        ("domain=1; Domain=localhost", Some("domain=1")),
        ("__Host-rolltop-preview=rp_evil; Path=/; Secure", None),
        ("__HOST-ROLLTOP=rs_evil; Path=/; Secure", None),
        ("=__Host-rolltop-preview=rp_evil; Path=/; Secure", None),
        (" = __Host-rolltop-preview=rp_evil", None),
    ] {
        let found = answered(&window, &[(SET_COOKIE, cookie.into())]).await;
        let found = found.get(SET_COOKIE).map(|cookie| cookie.to_str().unwrap());
        assert_eq!(found, wanted, "{cookie}");
    }
}
