//! Previews: who gets to see one, what reaches the desktop, and what comes back of it.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "what fails here fails a test"
)]

mod support;

use http::StatusCode;
use http::header::{AUTHORIZATION, COOKIE, LOCATION, ORIGIN, SET_COOKIE};
use rolltop_api_types::{CreateShare, DesktopState};
use secrecy::ExposeSecret;
use serde_json::Value;
use support::Web;

/// A browser's window going to a preview, with this cookie.
struct Visitor<'a> {
    web: &'a Web,
    client: reqwest::Client,
}

impl<'a> Visitor<'a> {
    fn new(web: &'a Web) -> Self {
        // Each preview has a certificate of its own, which nobody can know.
        let mut client = reqwest::Client::builder()
            .tls_danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        for label in ["3000--first", "8000--first", "81--first", "3000--off", "3000--other"] {
            client = client.resolve(&format!("{label}.localhost"), web.address);
        }
        Self { web, client: client.build().unwrap() }
    }

    fn origin(&self, label: &str) -> String {
        format!("https://{label}.localhost:{}", self.web.address.port())
    }

    fn get(&self, label: &str, path: &str) -> reqwest::RequestBuilder {
        self.client.get(format!("{}{path}", self.origin(label)))
    }

    fn window(&self, label: &str, path: &str) -> reqwest::RequestBuilder {
        self.get(label, path).header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document")
    }

    async fn holding_pass(&self, label: &str, path: &str) -> reqwest::RequestBuilder {
        let pass = self.web.pass(label).await;
        self.window(label, path).header(COOKIE, format!("__Host-rolltop-preview={pass}; theirs=2"))
    }
}

fn location(answer: &reqwest::Response) -> &str {
    answer.headers()[LOCATION].to_str().unwrap()
}

#[tokio::test]
async fn a_stranger_is_led_by_way_of_our_own_address_to_a_pass() {
    let web = Web::running(&["first"]).await;
    let visitor = Visitor::new(&web);
    let answer = visitor.window("3000--first", "/a?b=c").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let own = format!("{}/preview/open?address=3000--first&to=/a%3Fb%3Dc", web.origin());
    assert_eq!(location(&answer), own);
    // Not signed in there: the way leads through signing in, and back.
    let path = own.strip_prefix(&web.origin()).unwrap();
    let answer = web.get(path).send().await.unwrap();
    assert!(location(&answer).starts_with("/sign-in?next=/preview/open%3Faddress"), "{}", location(&answer));
    let answer = web.get(path).header(COOKIE, web.cookie()).send().await.unwrap();
    let back = location(&answer).to_owned();
    let begins = format!("{}/.rolltop/open?ticket=rv_", visitor.origin("3000--first"));
    assert!(back.starts_with(&begins) && back.ends_with("&to=/a%3Fb%3Dc"), "{back}");
    let path = back.strip_prefix(&visitor.origin("3000--first")).unwrap();
    let answer = visitor.window("3000--first", path).send().await.unwrap();
    assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, "/a?b=c"));
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    assert_eq!(answer.headers()["clear-site-data"], r#""cache", "storage""#);
    let cookies: Vec<_> = answer.headers().get_all(SET_COOKIE).iter().map(|c| c.to_str().unwrap()).collect();
    assert!(
        cookies[0].starts_with("__Host-rolltop-preview=rp_") && cookies[0].contains("; Path=/; Max-Age="),
        "{cookies:?}"
    );
    for cookie in &cookies {
        assert!(cookie.ends_with("Secure; HttpOnly; SameSite=Lax") && !cookie.contains("Domain"), "{cookie}");
    }
    // The same desktop again: what it left in the browser stays.
    let known = cookies[1].split(';').next().unwrap().to_owned();
    let again = web.get(own.strip_prefix(&web.origin()).unwrap()).header(COOKIE, web.cookie());
    let again = location(&again.send().await.unwrap()).replace(&visitor.origin("3000--first"), "");
    let answer = visitor.window("3000--first", &again).header(COOKIE, known).send().await.unwrap();
    assert!(answer.headers().contains_key(SET_COOKIE));
    assert!(!answer.headers().contains_key("clear-site-data"));
    // A ticket that is used up leads around once more.
    let answer = visitor.window("3000--first", "/.rolltop/open?ticket=rv_old&to=/a").send().await.unwrap();
    assert_eq!(location(&answer), "/a");
    assert!(answer.headers().get(SET_COOKIE).is_none());
}

#[tokio::test]
async fn signing_in_goes_on_by_itself_as_no_form_may_lead_elsewhere() {
    let web = Web::running(&["first"]).await;
    let path = "/preview/open?address=3000--first&to=/";
    let asked = web.get(path).header(COOKIE, web.cookie()).header("sec-fetch-site", "same-origin");
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let refresh = answer.headers()["refresh"].to_str().unwrap();
    assert!(refresh.starts_with(&format!("0;url=https://3000--first.localhost:{}/", web.address.port())));
    assert_eq!(answer.headers()["referrer-policy"], "same-origin", "so none from here to there");
}

#[tokio::test]
async fn nothing_in_an_address_leads_elsewhere() {
    let web = Web::running(&["first"]).await;
    let visitor = Visitor::new(&web);
    for to in
        ["//evil.example", "https://evil.example", "/%5Cevil.example", "%2F%2Fevil.example", "/a%0d%0ab: c"]
    {
        let path = format!("/preview/open?address=3000--first&to={to}");
        let answer = web.get(&path).header(COOKIE, web.cookie()).send().await.unwrap();
        let to_preview = location(&answer).to_owned();
        assert!(to_preview.ends_with("&to=/"), "{to}: {to_preview}");
        let (_, ticket) = to_preview.split_once("ticket=").unwrap();
        let path = format!("/.rolltop/open?ticket={}&to={to}", ticket.split('&').next().unwrap());
        let answer = visitor.window("3000--first", &path).send().await.unwrap();
        assert_eq!(location(&answer), "/", "{to}");
    }
    for address in ["evil.example/", "3000--first.evil.example%23", "3000--nowhere", ""] {
        let path = format!("/preview/open?address={address}&to=/");
        let answer = web.get(&path).header(COOKIE, web.cookie()).send().await.unwrap();
        let leads = answer.headers().get(LOCATION).map(|to| to.to_str().unwrap().to_owned());
        let stays = leads
            .as_ref()
            .is_none_or(|to| to.starts_with("https://") && !to.contains("evil.example/.rolltop"));
        assert!(stays || answer.status() == StatusCode::NOT_FOUND, "{address}: {leads:?}");
    }
}

#[tokio::test]
async fn each_side_has_none_of_the_others_paths() {
    let web = Web::running(&["first"]).await;
    let visitor = Visitor::new(&web);
    for path in
        ["/v1/me", "/desktops", "/sign-in", "/healthz", "/assets/app.css", "/preview/open?address=1--a"]
    {
        let answer = visitor.holding_pass("3000--first", path).await.send().await.unwrap();
        assert_eq!(answer.text().await.unwrap(), "no such page", "it is the desktop's: {path}");
        let session = visitor.get("3000--first", path).header(COOKIE, web.cookie()).send().await.unwrap();
        assert_eq!(session.status(), StatusCode::UNAUTHORIZED, "our own session opens nothing there: {path}");
    }
    assert!(web.between.requests("/v1/me").is_empty());
    for path in
        ["/.rolltop/open?ticket=rv_ticket", "/.rolltop/ready", "/preview/connection", "/preview/ticket"]
    {
        let answer = web.get(path).header(COOKIE, web.cookie()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let answer = web.get("/v1/me").bearer_auth(web.pass("3000--first").await).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn nothing_of_ours_goes_in_and_nothing_comes_out_that_reaches_beyond() {
    let web = Web::running(&["first"]).await;
    let visitor = Visitor::new(&web);
    let asked = visitor
        .holding_pass("3000--first", "/headers")
        .await
        .header(AUTHORIZATION, "Bearer rt_mine")
        .header(ORIGIN, visitor.origin("3000--first"));
    let answer = asked.send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    let told = answer.text().await.unwrap();
    for ours in ["rp_", "rt_mine", "__Host-rolltop"] {
        assert!(!told.contains(ours), "{ours} in {told}");
    }
    let told: Value = serde_json::from_str(&told).unwrap();
    let header = |name: &str| {
        let found = told["headers"].as_array().unwrap().iter().find(|pair| pair[0] == name);
        found.map(|pair| pair[1].as_str().unwrap().to_owned()).unwrap_or_default()
    };
    assert_eq!((header("cookie").as_str(), header("host").as_str()), ("theirs=2", "localhost:3000"));
    assert_eq!(header("origin"), "http://localhost:3000");
    assert_eq!(header("x-rolltop-preview"), visitor.origin("3000--first"));
    // A hostile answer, which tries to reach beyond its origin.
    let hostile = "/answer?set-cookie=theirs%3D1%3B+Domain%3Dlocalhost%3B+Path%3D/\
                   &set-cookie=__Host-rolltop-preview%3Drp_evil%3B+Path%3D/%3B+Secure\
                   &clear-site-data=%22*%22&strict-transport-security=max-age%3D9%3B+includeSubDomains\
                   &location=http://localhost:3000/moved";
    let answer = visitor.holding_pass("3000--first", hostile).await.send().await.unwrap();
    let headers = answer.headers().clone();
    let cookies: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies, ["theirs=1; Path=/"]);
    assert_eq!(headers[LOCATION].to_str().unwrap(), format!("{}/moved", visitor.origin("3000--first")));
    for name in ["clear-site-data", "strict-transport-security", "content-security-policy"] {
        assert!(!headers.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn neighbours_and_service_workers_are_refused() {
    let web = Web::running(&["first"]).await;
    let visitor = Visitor::new(&web);
    let pass = format!("__Host-rolltop-preview={}", web.pass("3000--first").await);
    let asked = |origin: String| {
        visitor
            .get("3000--first", "/")
            .header(COOKIE, &pass)
            .header(ORIGIN, origin)
            .header("sec-fetch-site", "same-site")
    };
    for origin in [visitor.origin("3000--other"), web.origin(), "https://evil.example".into(), "null".into()]
    {
        assert_eq!(asked(origin.clone()).send().await.unwrap().status(), StatusCode::FORBIDDEN, "{origin}");
    }
    assert_eq!(asked(visitor.origin("8000--first")).send().await.unwrap().status(), StatusCode::OK);
    let worker =
        visitor.get("3000--first", "/sw.js").header(COOKIE, &pass).header("service-worker", "script");
    assert_eq!(worker.send().await.unwrap().status(), StatusCode::FORBIDDEN);
    assert!(web.between.requests("/preview/connection").len() == 1, "only one has reached the desktop");
}

#[tokio::test]
async fn why_nothing_is_shown_is_said_to_a_person_and_in_a_line_to_a_program() {
    let web = Web::running(&["first", "off"]).await;
    let off = web.platform.named("off").await.id;
    web.person.stop_desktop(off).await.unwrap();
    web.platform.until(off, DesktopState::Stopped).await;
    let visitor = Visitor::new(&web);
    for (label, says, waits) in
        [("81--first", "Nothing listens on port 81 yet", true), ("3000--off", "off is not running", true)]
    {
        let answer = visitor.holding_pass(label, "/").await.send().await.unwrap();
        assert!(answer.status().is_server_error());
        let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        let page = answer.text().await.unwrap();
        assert!(page.contains(says) && page.contains("preview-wait") == waits, "{page}");
        let line = visitor
            .get(label, "/x.js")
            .header(COOKIE, format!("__Host-rolltop-preview={}", web.pass(label).await));
        assert_eq!(line.send().await.unwrap().text().await.unwrap(), format!("{says}\n"));
    }
    let ready = async |label: &str| {
        let cookie = format!("__Host-rolltop-preview={}", web.pass(label).await);
        visitor.get(label, "/.rolltop/ready").header(COOKIE, cookie).send().await.unwrap().status()
    };
    assert_eq!(ready("81--first").await, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(ready("3000--first").await, StatusCode::NO_CONTENT);
    let stranger = visitor.get("3000--first", "/data.json").send().await.unwrap();
    assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_share_link_becomes_a_pass_and_a_stale_one_a_sentence() {
    let web = Web::running(&["first"]).await;
    let visitor = Visitor::new(&web);
    let wanted = CreateShare { port: 3000, lasts_seconds: 3600 };
    let first = web.platform.named("first").await.id;
    let share = web.person.share_port(first, &wanted).await.unwrap().path;
    let share = share.expose_secret();
    let answer = visitor.window("3000--first", share).send().await.unwrap();
    assert_eq!((answer.status(), location(&answer)), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(answer.headers()["referrer-policy"], "no-referrer");
    assert!(answer.headers()[SET_COOKIE].to_str().unwrap().contains("rp_"));
    let answer = visitor.window("3000--first", "/.rolltop/share/rh_old").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert!(answer.headers().get(SET_COOKIE).is_none());
    assert!(answer.text().await.unwrap().contains("This link does not work any more"));
    // Never by a picture on somebody's page.
    let answer = visitor.get("3000--first", share).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn with_our_cookie_a_neighbours_page_gets_nothing_of_our_own_address() {
    let web = Web::running(&["first"]).await;
    for (mode, dest, status) in [
        ("cors", "empty", StatusCode::FORBIDDEN),
        ("no-cors", "image", StatusCode::FORBIDDEN),
        ("navigate", "iframe", StatusCode::FORBIDDEN),
        ("navigate", "document", StatusCode::OK),
    ] {
        let asked = web.get("/desktops").header(COOKIE, web.cookie()).header("sec-fetch-site", "same-site");
        let answer =
            asked.header("sec-fetch-mode", mode).header("sec-fetch-dest", dest).send().await.unwrap();
        assert_eq!(answer.status(), status, "{mode} {dest}");
    }
    let framed = web.get("/preview/open?address=3000--first").header(COOKIE, web.cookie());
    let framed = framed.header("sec-fetch-dest", "iframe").send().await.unwrap();
    assert_eq!(framed.status(), StatusCode::FORBIDDEN);
}
