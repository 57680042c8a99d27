//! The web tier as a browser meets it, before a platform with simulated machines: cookie, cross-site
//! requests, what passes through to the API and what does not, and what every page carries.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::result_large_err,
    reason = "what fails here fails a test"
)]

mod support;

use std::io::Read;

use http::StatusCode;
use http::header::{AUTHORIZATION, CONTENT_SECURITY_POLICY, COOKIE, LOCATION, SET_COOKIE};
use rolltop_api_types::DesktopState;
use rolltop_model::SnapshotId;
use rolltop_testing::{NAME, PASSWORD};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use support::Web;

#[tokio::test]
async fn pages_send_strangers_to_sign_in_and_back() {
    let web = Web::start().await;
    for path in ["/desktops", "/host", "/palette", "/account/password", "/desktops/new"] {
        let answer = web.get(path).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{path}");
        let location = answer.headers()[LOCATION].to_str().unwrap().to_owned();
        assert_eq!(location, format!("/sign-in?next={path}"));
    }
    let answer = web.get("/sign-in?next=/host").send().await.unwrap().text().await.unwrap();
    assert!(answer.contains(r#"name="next" value="/host""#));
    let answer = web.get("/palette").header("hx-request", "true").send().await.unwrap();
    assert_eq!(answer.headers()["hx-redirect"], "/sign-in?next=/palette");
}

#[tokio::test]
async fn signing_in_sets_the_one_cookie_with_every_protection() {
    let web = Web::start().await;
    let form = [("name", NAME), ("password", PASSWORD), ("next", "/host")];
    let answer = web.own_post("/sign-in").form(&form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert_eq!(answer.headers()[LOCATION], "/host");
    let cookies: Vec<_> = answer.headers().get_all(SET_COOKIE).iter().collect();
    assert_eq!(cookies.len(), 1);
    let cookie = cookies[0].to_str().unwrap();
    assert!(cookie.starts_with("__Host-rolltop=rs_"), "{cookie}");
    for flag in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
        assert!(cookie.split("; ").any(|part| part == flag), "{flag} in {cookie}");
    }
    let wrong = [("name", NAME), ("password", "not this one")];
    let answer = web.own_post("/sign-in").form(&wrong).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().get(SET_COOKIE).is_none());
    let text = answer.text().await.unwrap();
    assert!(text.contains(&format!(r#"value="{NAME}""#)), "the name is kept");
    assert!(!text.contains("not this one"), "the password is not");
}

#[tokio::test]
async fn a_link_is_used_up_by_the_button_and_not_by_looking() {
    let web = Web::fresh().await;
    let link = web.platform.admin.sign_in_link().await.unwrap().link_token;
    let link = link.expose_secret();
    for _ in 0..2 {
        assert_eq!(web.get(&format!("/welcome/{link}")).send().await.unwrap().status(), StatusCode::OK);
    }
    assert!(web.between.requests("/v1/session/redeem").is_empty());
    let answer = web.own_post(&format!("/welcome/{link}")).send().await.unwrap();
    assert_eq!(answer.headers()[LOCATION], "/account/password");
    assert!(answer.headers().contains_key(SET_COOKIE));
    let answer = web.own_post("/welcome/other").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(answer.headers().get(SET_COOKIE).is_none());
}

#[tokio::test]
async fn without_a_password_every_page_leads_to_choosing_one() {
    let web = Web::fresh().await;
    let cookie = web.cookie();
    let answer = web.get("/desktops").header(COOKIE, &cookie).send().await.unwrap();
    assert_eq!(answer.headers()[LOCATION], "/account/password");
    let form = [("name", "sam"), ("password", "short"), ("again", "short")];
    let answer = web.own_post("/account/password").header(COOKIE, &cookie).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(answer.text().await.unwrap().contains("at least 10 characters"));
    let form = [("name", "sam"), ("password", "long enough to do"), ("again", "something else")];
    let answer = web.own_post("/account/password").header(COOKIE, &cookie).form(&form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(web.between.requests("/v1/me/password").len() == 1, "a slip of the finger is not sent on");
}

#[tokio::test]
async fn signing_out_takes_the_cookie_and_ends_the_session() {
    let web = Web::start().await;
    let answer = web.signed_in_post("/sign-out").send().await.unwrap();
    assert!(answer.headers()[SET_COOKIE].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(answer.headers()["hx-redirect"], "/sign-in");
    let ended = web.between.requests("/v1/session");
    assert_eq!((ended.len(), ended[0].method.as_str()), (1, "DELETE"));
}

#[tokio::test]
async fn another_site_cannot_act_for_a_visitor() {
    let web = Web::start().await;
    let own = web.origin();
    let evil = "https://evil.example".to_owned();
    let cases: [(&str, Option<&str>, Option<&str>); 6] = [
        ("no origin", None, Some("same-origin")),
        ("another origin", Some(&evil), Some("same-origin")),
        ("a null origin", Some("null"), Some("same-origin")),
        ("another site", Some(&own), Some("cross-site")),
        ("a sibling site", Some(&own), Some("same-site")),
        ("no fetch metadata", Some(&own), None),
    ];
    for (what, origin, site) in cases {
        for path in ["/desktops", "/sign-in", "/sign-out", "/v1/desktops"] {
            let mut request =
                web.client.post(web.url(path)).header(COOKIE, web.cookie()).form(&[("name", "planted")]);
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            if let Some(site) = site {
                request = request.header("sec-fetch-site", site);
            }
            let answer = request.send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{what} at {path}");
        }
    }
    for method in [http::Method::PUT, http::Method::PATCH, http::Method::DELETE] {
        let answer = web
            .client
            .request(method, web.url("/v1/desktops/x"))
            .header(COOKIE, web.cookie())
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    }
    let seen = web.between.seen();
    assert!(seen.iter().all(|seen| seen.method == "GET"), "nothing reached the API");
}

#[tokio::test]
async fn our_own_pages_can_act() {
    let web = Web::start().await;
    let answer =
        web.signed_in_post("/desktops").form(&[("name", "made-here"), ("size", "m")]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(answer.headers()["hx-trigger"], "rolltop:done");
    let all = web.person.all_desktops().await.unwrap();
    assert!(all.iter().any(|desktop| desktop.name == "made-here"));
    let answer =
        web.signed_in_post("/desktops").form(&[("name", "Not Good"), ("size", "m")]).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let text = answer.text().await.unwrap();
    assert!(
        text.contains(r#"value="Not Good""#) && text.contains(r#"aria-invalid="true""#),
        "nothing typed is lost"
    );
    assert!(text.contains(r#"id="size-m" value="m" checked"#), "the chosen size is kept");
}

#[tokio::test]
async fn every_page_forbids_what_is_inline_and_what_is_foreign() {
    let web = Web::running(&["research"]).await;
    let id = web.desktop("research").await;
    let paths = [
        "/sign-in".to_owned(),
        "/welcome/x".to_owned(),
        "/desktops".to_owned(),
        "/desktops?view=table".to_owned(),
        "/desktops/new".to_owned(),
        "/host".to_owned(),
        "/palette".to_owned(),
        "/account/password".to_owned(),
        "/nowhere".to_owned(),
        format!("/desktops/{id}"),
        format!("/desktops/{id}/ask/delete"),
        format!("/desktops/{id}/ask/rename"),
    ];
    for path in paths {
        let answer = web.get(&path).header(COOKIE, web.cookie()).send().await.unwrap();
        let headers = answer.headers().clone();
        let policy = headers[CONTENT_SECURITY_POLICY].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{path}");
        assert!(!policy.contains("unsafe") && policy.contains("frame-ancestors 'none'"), "{path}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["cache-control"], "no-store", "{path}");
        assert!(
            !headers.contains_key("strict-transport-security"),
            "a self-made certificate must not lock people out"
        );
        let text = answer.text().await.unwrap();
        for inline in ["<style", " style=", " onclick=", " onload=", "javascript:", "hx-on", "js:"] {
            assert!(!text.contains(inline), "{inline} in {path}");
        }
        let scripts = text.matches("<script").count();
        assert_eq!(
            scripts,
            text.matches("<script src=\"/assets/").count()
                + text.matches("<script type=\"module\" src=\"/assets/").count()
        );
    }
}

#[tokio::test]
async fn what_the_api_says_is_text_and_never_markup() {
    let web = Web::furnished().await;
    let all = web.person.all_desktops().await.unwrap();
    let ids: Vec<String> = all.iter().map(|desktop| desktop.id.to_string()).collect();
    let hostile = r#"</bdi><script src="/x"></script><img src=x onerror="alert(1)">"#;
    web.between.change(move |path, answer| {
        if path.starts_with("/v1/desktops") {
            replace(answer, &["name", "template", "detail", "evidence"], hostile);
        }
    });
    let mut paths = vec!["/desktops".to_owned(), "/desktops?view=table".to_owned(), "/palette".to_owned()];
    paths.extend(ids.iter().map(|id| format!("/desktops/{id}")));
    paths.extend(ids.iter().map(|id| format!("/desktops/{id}/ask/delete")));
    paths.push(format!("/desktops?q={}&state=%22%3E%3Cscript%3E", "%3Cscript%3Ealert(1)%3C/script%3E"));
    for path in paths {
        let text = web.get(&path).header(COOKIE, web.cookie()).send().await.unwrap().text().await.unwrap();
        assert!(
            !text.contains("<script src=\"/x\"")
                && !text.contains("<img src=x")
                && !text.contains("<script>"),
            "{path}"
        );
    }
}

/// Every text under one of these keys becomes this one.
fn replace(value: &mut Value, keys: &[&str], with: &str) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value {
                    Value::String(text) if keys.contains(&key.as_str()) => *text = with.to_owned(),
                    value => replace(value, keys, with),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| replace(value, keys, with)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// What stands in the console's block.
fn shown_of(page: &str) -> String {
    let (_, after) = page.split_once("<pre class=\"console\" tabindex=\"0\">").unwrap();
    let (shown, _) = after.split_once("</pre>").unwrap();
    shown.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"").replace("&amp;", "&")
}

#[tokio::test]
async fn a_failed_desktop_shows_what_was_said_and_every_way_on() {
    let web = Web::furnished().await;
    let failed = web.platform.named("sextant").await;
    assert_eq!(failed.state, DesktopState::Failed);
    let id = failed.id;
    let page = async || {
        let path = format!("/desktops/{id}");
        let answer = web.get(&path).header(COOKIE, web.cookie()).send().await.unwrap();
        answer.text().await.unwrap()
    };
    web.between.consoles_say("[ 14.2] sshd did not start: no space left on device <b>&amp;\n");
    // Nothing is known but what the console says, and no snapshot is there, be it for an undo.
    let own = format!("/v1/desktops/{id}");
    let without = own.clone();
    web.between.change(move |path, answer| {
        if path == without {
            answer["reason"] = json!("door_timeout");
            answer.as_object_mut().unwrap().remove("evidence");
        }
        if path == "/v1/snapshots" {
            answer["items"] = json!([]);
        }
    });
    let text = page().await;
    let console =
        format!("<details class=\"disclosure\" id=\"console-{}\" hx-morph-skip", shown_of(&text).len());
    assert!(text.contains(&format!("{console} open>")), "{text}");
    assert!(text.contains("no space left on device &lt;b&gt;&amp;amp;"), "what a guest says is text");
    assert!(!text.contains("/restore"), "there is no snapshot of it");

    // What the guest program said, its console closed beside it, and a snapshot to go back to.
    let kept = SnapshotId::generate();
    let with_reason = |reason: &'static str| {
        let own = own.clone();
        move |path: &str, answer: &mut Value| {
            if path == own {
                answer["reason"] = json!(reason);
                answer["evidence"] = json!("not today \u{1b}[31m<script>");
            }
            if path == "/v1/snapshots" {
                let items = answer["items"].as_array_mut().unwrap();
                let undo = items.iter().find(|kept| kept["name"] == "Before restarting").unwrap().clone();
                let mut ready = undo.clone();
                (ready["id"], ready["name"]) = (json!(kept), json!("before the upgrade"));
                ready.as_object_mut().unwrap().remove("kept_until");
                *items = vec![undo, ready];
            }
        }
    };
    web.between.change(with_reason("resume_failed"));
    let text = page().await;
    assert!(text.contains("not today &lt;script&gt;"), "{text}");
    assert!(text.contains(&format!("{console}>")), "{text}");
    for way in [
        format!("/desktops/{id}/retry"),
        format!("/desktops/{id}/ask/restart"),
        format!("/snapshots/{kept}/restore"),
        format!("/snapshots/{kept}/fork"),
    ] {
        assert!(text.contains(&way), "{way} is not in {text}");
    }
    let undo = format!("\"/desktops/{id}/undo\"");
    assert!(!text.contains(&undo), "its memory is there still");
    web.between.change(with_reason("door_timeout"));
    let text = page().await;
    assert!(text.contains(&undo), "it was restarted: {text}");
}

#[tokio::test]
async fn what_a_desktops_engine_can_not_is_left_out_with_a_sentence() {
    let ways = ["suspend", "fork", "ask/snapshot", "sleep", "snapshots", "schedule", "template"];
    let way = |id: &str, way: &str| format!("\"/desktops/{id}/{way}\"");
    let page = async |web: &Web, path: String| {
        web.get(&path).header(COOKIE, web.cookie()).send().await.unwrap().text().await.unwrap()
    };
    let web = Web::running(&["research"]).await;
    let id = web.desktop("research").await;
    let text = page(&web, format!("/desktops/{id}")).await;
    for way in ways.map(|name| way(&id, name)) {
        assert!(text.contains(&way), "{way} is not in {text}");
    }
    assert!(page(&web, format!("/desktops/{id}/ask/stop")).await.contains("undo this"));
    assert!(page(&web, "/desktops?view=table".to_owned()).await.contains("/bulk/suspend"));
    assert!(page(&web, format!("/bulk/delete?id={id}")).await.contains("kept for a day"));
    assert!(page(&web, "/snapshots".to_owned()).await.contains("import-file"));

    let web = Web::plain().await;
    let snapshots = page(&web, "/snapshots".to_owned()).await;
    assert!(
        !snapshots.contains("import-file") && snapshots.contains("Saving it as a template"),
        "{snapshots}"
    );
    web.platform.run(&["research"]).await;
    let id = web.desktop("research").await;
    let text = page(&web, format!("/desktops/{id}")).await;
    for way in ways.map(|name| way(&id, name)) {
        assert!(!text.contains(&way), "{way} is in {text}");
    }
    for why in ["can’t keep a desktop’s memory", "can’t take them", "saving it as a template"] {
        assert!(text.to_lowercase().contains(&why.to_lowercase()), "{why} is not in {text}");
    }
    assert!(text.contains(&format!("/desktops/{id}/ask/stop")), "the rest is there");
    // Nothing is kept before it is stopped or deleted, and nobody is told so.
    assert!(page(&web, format!("/desktops/{id}/ask/stop")).await.contains("is lost"));
    assert!(!page(&web, format!("/desktops/{id}/ask/delete")).await.contains("kept for a day"));
    let list = page(&web, "/desktops".to_owned()).await;
    assert!(!list.contains(&format!("/desktops/{id}/suspend")), "{list}");
    // The same of several at once.
    let table = page(&web, "/desktops?view=table".to_owned()).await;
    assert!(table.contains("/bulk/delete") && !table.contains("/bulk/suspend"), "{table}");
    assert!(page(&web, format!("/bulk/stop?id={id}")).await.contains("is lost"));
    assert!(!page(&web, format!("/bulk/delete?id={id}")).await.contains("kept for a day"));
    // What nobody here has words for is said as the API says it.
    let own = format!("/v1/desktops/{id}");
    web.between.change(move |path, answer| {
        if path == own {
            answer["not_supported"] = json!([{ "what": "teleporting", "why": "It stays <here>." }]);
        }
    });
    assert!(page(&web, format!("/desktops/{id}")).await.contains("It stays &lt;here&gt;."));
}

#[tokio::test]
async fn a_reason_that_only_newer_servers_know_is_said_as_they_say_it() {
    let web = Web::running(&["research"]).await;
    let id = web.desktop("research").await;
    web.between.change(|path, answer| {
        if path.ends_with("/sleep") {
            let reason = json!({ "reason": "sunshine", "detail": "A reason that only newer servers know." });
            answer["awake_because"].as_array_mut().unwrap().push(reason);
        }
    });
    let shown = web.get(&format!("/desktops/{id}/sleep")).header(COOKIE, web.cookie()).send().await.unwrap();
    assert!(shown.text().await.unwrap().contains("A reason that only newer servers know."));
}

#[tokio::test]
async fn the_language_follows_the_browser_until_one_is_chosen() {
    let web = Web::start().await;
    let french =
        web.get("/sign-in").header("accept-language", "fr").send().await.unwrap().text().await.unwrap();
    assert!(french.contains(r#"<html lang="fr">"#) && french.contains("Se connecter"));
    let answer = web.signed_in_post("/account/language?to=fr").send().await.unwrap();
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap();
    let chosen = format!("{}~fr", web.cookie());
    assert!(cookie.starts_with(&format!("{chosen};")), "still the one cookie: {cookie}");
    let text = web
        .get("/desktops")
        .header(COOKIE, chosen)
        .header("accept-language", "en")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(text.contains("Nouveau bureau"));
    assert_eq!(
        web.signed_in_post("/account/language?to=xx").send().await.unwrap().status(),
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn what_is_not_there_is_a_404_whoever_asks() {
    let web = Web::start().await;
    let unknown = rolltop_model::DesktopId::from_u128(99);
    for path in [
        format!("/desktops/{unknown}"),
        "/desktops/nonsense".to_owned(),
        "/nowhere".to_owned(),
        "/assets/nothing.js".to_owned(),
    ] {
        let answer = web.get(&path).header(COOKIE, web.cookie()).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
    }
    let answer = web
        .get(&format!("/desktops/{unknown}"))
        .header(COOKIE, web.cookie())
        .header("hx-request", "true")
        .send()
        .await
        .unwrap();
    let home = format!("/desktops?gone={unknown}");
    assert_eq!(answer.headers()["hx-redirect"], home, "a page whose desktop is gone goes home");
}

#[tokio::test]
async fn an_api_that_is_away_is_said_plainly() {
    let web = Web::start().await;
    std::fs::remove_file(&web.socket).unwrap();
    let answer = web.get("/desktops").header(COOKIE, web.cookie()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.text().await.unwrap().contains("not answering"));
    let answer = web.get("/v1/me").header(AUTHORIZATION, web.bearer()).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.json::<serde_json::Value>().await.unwrap()["code"], "unavailable");
}

#[tokio::test]
async fn there_is_no_plain_http() {
    let web = Web::start().await;
    let plain = format!("http://localhost:{}/sign-in?next=/host", web.address.port());
    let answer =
        reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build().unwrap();
    let answer = answer.get(plain).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::PERMANENT_REDIRECT);
    assert_eq!(answer.headers()[LOCATION], web.url("/sign-in?next=/host"));
    assert!(answer.bytes().await.unwrap().is_empty());
}

#[tokio::test]
async fn pages_are_compressed_where_that_can_give_nothing_away() {
    let web = Web::start().await;
    let coding = async |path: &str, header: Option<&'static str>| {
        let request = web.get(path).header(COOKIE, web.cookie());
        let request = request.header("accept-encoding", "gzip, br");
        let request = if let Some(name) = header { request.header(name, "true") } else { request };
        let answer = request.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK, "{path}");
        let coding = answer.headers().get("content-encoding").map(|value| value.to_str().unwrap().to_owned());
        assert_eq!(
            coding.is_some(),
            answer.headers().get_all("vary").iter().any(|by| by == "accept-encoding")
        );
        (coding, answer.bytes().await.unwrap())
    };
    for path in
        ["/desktops", "/snapshots", "/ssh-keys", "/api-keys", "/host", "/docs", "/docs/ssh", "/docs/api"]
    {
        let (coding, bytes) = coding(path, None).await;
        assert_eq!(coding.as_deref(), Some("gzip"), "{path}");
        let mut page = String::new();
        flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut page).unwrap();
        assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "{path}");
        assert!(bytes.len() * 3 < page.len(), "{path}: {} of {}", bytes.len(), page.len());
    }
    // A link from elsewhere can put its own text into these, or a desktop's programs can.
    web.platform.run(&["research"]).await;
    let id = web.desktop("research").await;
    for path in [
        "/desktops?q=x",
        "/docs/search?q=x",
        &format!("/desktops/{id}"),
        "/account/password",
        "/palette",
        "/v1/me",
    ] {
        assert_eq!(coding(path, None).await.0, None, "{path}");
    }
    assert_eq!(coding("/desktops", Some("hx-request")).await.0, None, "a part of a page");
    let plain = web.get("/docs").send().await.unwrap();
    assert!(plain.headers().get("content-encoding").is_none(), "nobody gets what was not asked for");
}
