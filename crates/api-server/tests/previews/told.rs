//! What a program is told of who asks it: in every combination of what a browser, a stranger or a hostile page may
//! send, all that it can compare names one place, and what is foreign stays foreign or never arrives.

use reqwest::header::{CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, REFERER, UPGRADE};
use reqwest::{Method, RequestBuilder, StatusCode, Version};
use rolltop_sim::SimConfig;
use serde_json::Value;

use crate::visit::{Visit, Window};

/// What a client says to be taken for another, or for asking another place. Programs that know headers by CGI's
/// names take `_` for `-`.
const FORGED: [(&str, &str); 22] = [
    ("x-forwarded-for", "6.6.6.6"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-port", "666"),
    ("x-forwarded-server", "evil.example"),
    ("x-forwarded-prefix", "/evil"),
    ("x-forwarded-user", "root"),
    ("x-forwarded", "for=6.6.6.6"),
    ("forwarded", "for=6.6.6.6;host=evil.example;proto=https"),
    ("forwarded-for", "6.6.6.6"),
    ("x_forwarded_host", "evil.example"),
    ("x-forwarded_for", "6.6.6.6"),
    ("x-real-ip", "6.6.6.6"),
    ("x_real_ip", "6.6.6.6"),
    ("x-client-ip", "6.6.6.6"),
    ("client-ip", "6.6.6.6"),
    ("true-client-ip", "6.6.6.6"),
    ("x-original-host", "evil.example"),
    ("x-original-url", "/evil"),
    ("x-rolltop-preview", "https://evil.example"),
    ("x_rolltop_preview", "https://evil.example"),
    ("x-scheme", "https"),
];

/// Who sent the browser here, and as whom the program knows them; `None` for who is not let in.
struct Sender {
    says: Option<String>,
    told: Option<Option<String>>,
}

impl Sender {
    fn nobody() -> Self {
        Self { says: None, told: Some(None) }
    }

    fn told(says: impl Into<String>, told: impl Into<String>) -> Self {
        Self { says: Some(says.into()), told: Some(Some(told.into())) }
    }

    fn refused(says: impl Into<String>) -> Self {
        Self { says: Some(says.into()), told: None }
    }
}

/// One request, as its parts.
struct Asked<'a> {
    method: Method,
    /// Where it is not spelled as in the address.
    host: Option<String>,
    origin: &'a Sender,
    referer: &'a Sender,
    forged: bool,
    socket: bool,
}

impl Asked<'_> {
    fn request(&self, window: &Window) -> RequestBuilder {
        let mut headers = HeaderMap::new();
        if let Some(host) = &self.host {
            headers.insert(HOST, host.parse().unwrap());
        }
        for (name, sender) in [(ORIGIN, self.origin), (REFERER, self.referer)] {
            if let Some(says) = &sender.says {
                headers.insert(name, says.parse().unwrap());
            }
        }
        if self.socket {
            headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
            headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        }
        for (name, value) in FORGED.iter().filter(|_| self.forged) {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        window.asks(self.method.clone(), "/headers").headers(headers)
    }

    /// A WebSocket has no other protection than its Origin, so it must have one.
    fn may(&self) -> bool {
        self.origin.told.is_some() && !(self.socket && self.origin.says.is_none())
    }
}

/// All values of a header, as the program sees it.
fn all<'a>(told: &'a Value, name: &str) -> Vec<&'a str> {
    let pairs = told["headers"].as_array().unwrap().iter();
    pairs.filter(|pair| pair[0] == name).map(|pair| pair[1].as_str().unwrap()).collect()
}

#[tokio::test]
async fn all_that_a_program_is_told_names_one_place() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open_over_http1(3000).await;
    let (origins, referers) = senders(&visit, &window);
    let spelled = window.host().to_ascii_uppercase();
    let mut arrived = 0;
    for method in [Method::GET, Method::POST, Method::OPTIONS] {
        for origin in &origins {
            for referer in &referers {
                for (forged, socket) in [(false, false), (true, false), (false, true), (true, true)] {
                    for host in [None, Some(spelled.clone())] {
                        let asked = Asked { method: method.clone(), host, origin, referer, forged, socket };
                        arrived += u32::from(tells_one_story(&window, &asked).await);
                    }
                }
            }
        }
    }
    assert_eq!(arrived, 3 * 5 * 4 * 2 * 4 - 3 * 5 * 2 * 2, "whoever may ask arrives");
}

#[tokio::test]
async fn over_http_2_the_same_is_told() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open(3000).await;
    assert_eq!(window.gets("/headers").send().await.unwrap().version(), Version::HTTP_2);
    let (origins, referers) = senders(&visit, &window);
    for origin in &origins {
        for referer in &referers {
            for forged in [false, true] {
                let asked =
                    Asked { method: Method::POST, host: None, origin, referer, forged, socket: false };
                assert_eq!(tells_one_story(&window, &asked).await, asked.may());
            }
        }
    }
}

/// In `Origin`, and in `Referer`.
fn senders(visit: &Visit, window: &Window) -> (Vec<Sender>, Vec<Sender>) {
    let sibling = visit.origin("8000--research");
    let foreign = visit.origin("3000--other");
    let shouted = window.origin.to_ascii_uppercase().replace("HTTPS", "https");
    let origins = vec![
        Sender::nobody(),
        Sender::told(&window.origin, "http://localhost:3000"),
        Sender::told(shouted, "http://localhost:3000"),
        Sender::told(&sibling, "http://localhost:8000"),
        Sender::refused(&foreign),
        Sender::refused(visit.main()),
        Sender::refused("https://evil.example"),
        Sender::refused("http://localhost:3000"),
        Sender::refused("null"),
    ];
    let referers = vec![
        Sender::nobody(),
        Sender::told(format!("{}/a?b=c", window.origin), "http://localhost:3000/a?b=c"),
        Sender::told(format!("{sibling}/"), "http://localhost:8000/"),
        Sender::told(format!("{foreign}/x"), format!("{foreign}/x")),
        Sender::told("https://evil.example/", "https://evil.example/"),
    ];
    (origins, referers)
}

/// Whether the request arrived; that it did if and only if it may, and what it told then, is asserted.
async fn tells_one_story(window: &Window, asked: &Asked<'_>) -> bool {
    let answer = asked.request(window).send().await.unwrap();
    let about = format!(
        "{} at {:?} of {:?} by {:?}, forged: {}, socket: {}",
        asked.method, asked.host, asked.origin.says, asked.referer.says, asked.forged, asked.socket
    );
    if !asked.may() {
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{about}");
        return false;
    }
    assert_eq!(answer.status(), StatusCode::OK, "{about}");
    let told: Value = answer.json().await.unwrap();
    assert_eq!(all(&told, "host"), ["localhost:3000"], "{about}");
    for (name, sender) in [("origin", asked.origin), ("referer", asked.referer)] {
        let wanted = sender.told.as_ref().unwrap();
        assert_eq!(all(&told, name), wanted.iter().collect::<Vec<_>>(), "{about}");
    }
    assert_eq!(all(&told, "x-forwarded-for"), ["127.0.0.1"], "{about}");
    assert_eq!(all(&told, "x-rolltop-preview"), [&window.origin], "{about}");
    for (name, _) in
        FORGED.iter().filter(|(name, _)| !["x-forwarded-for", "x-rolltop-preview"].contains(name))
    {
        assert_eq!(all(&told, name), [""; 0], "{name}: {about}");
    }
    let upgrade: &[&str] = if asked.socket { &["websocket"] } else { &[] };
    assert_eq!(all(&told, "upgrade"), upgrade, "{about}");
    true
}

/// Pages that send no referrer post their forms with this Origin; so does a page of nobody in a frame, which only
/// what the browser says of the site tells apart.
#[tokio::test]
async fn an_origin_that_is_not_told_is_let_in_from_the_same_origin_only() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open_over_http1(3000).await;
    for (site, socket, status) in [
        ("same-origin", false, StatusCode::OK),
        ("same-origin", true, StatusCode::FORBIDDEN),
        ("same-site", false, StatusCode::FORBIDDEN),
        ("cross-site", false, StatusCode::FORBIDDEN),
        ("none", false, StatusCode::FORBIDDEN),
    ] {
        let mut asked = window.asks(Method::POST, "/headers").header(ORIGIN, "null");
        asked = asked.header("sec-fetch-site", site);
        if socket {
            asked = asked.header(CONNECTION, "upgrade").header(UPGRADE, "websocket");
        }
        let answer = asked.send().await.unwrap();
        assert_eq!(answer.status(), status, "{site} {socket}");
        if status == StatusCode::OK {
            let told: Value = answer.json().await.unwrap();
            assert_eq!(all(&told, "origin"), ["null"], "it is not taken for the program's own");
        }
    }
}

/// An Origin that can't be read, or a second one, is nobody's.
#[tokio::test]
async fn an_origin_that_is_none_is_refused() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open(3000).await;
    let own = HeaderValue::from_str(&window.origin).unwrap();
    let evil = HeaderValue::from_static("https://evil.example");
    let unreadable = HeaderValue::from_bytes("https://ümlaut.example".as_bytes()).unwrap();
    for origins in [vec![unreadable], vec![own.clone(), evil.clone()], vec![evil, own]] {
        let mut headers = HeaderMap::new();
        for origin in &origins {
            headers.append(ORIGIN, origin.clone());
        }
        let asked = window.asks(Method::POST, "/headers").headers(headers);
        assert_eq!(asked.send().await.unwrap().status(), StatusCode::FORBIDDEN, "{origins:?}");
    }
}

/// Addresses of the own pages in requests that are no links: WebDAV's copies, and htmx.
#[tokio::test]
async fn other_headers_that_name_the_own_place_agree_too() {
    let visit = Visit::start(SimConfig::instant()).await;
    let window = visit.open(3000).await;
    for name in ["destination", "hx-current-url"] {
        let foreign = format!("{}/b", visit.origin("3000--other"));
        for (says, wanted) in [
            (format!("{}/b", window.origin), "http://localhost:3000/b"),
            (foreign.clone(), &foreign),
            ("/b".into(), "/b"),
        ] {
            let told: Value =
                window.gets("/headers").header(name, says).send().await.unwrap().json().await.unwrap();
            assert_eq!(all(&told, name), [wanted], "{name}");
        }
    }
}
