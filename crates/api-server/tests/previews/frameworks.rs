//! Real frameworks behind previews. Each compares what it is told in its own way: it must take its own pages' forms,
//! refuse those of another port's pages, and redirect to where the browser is.
//!
//! `scripts/preview-frameworks` installs them and runs this.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Stdio;

use reqwest::header::{CONTENT_TYPE, LOCATION, ORIGIN, REFERER, SET_COOKIE};
use reqwest::{Method, RequestBuilder, Response, StatusCode, Url};
use rolltop_sim::SimConfig;
use rolltop_testing::comes_true;
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};

use crate::visit::{Visit, Window};

/// Another program of the same desktop.
const OTHER: &str = "8000--research";

/// A framework's own server beside the simulation, and its preview.
struct Program {
    visit: Visit,
    window: Window,
    port: u16,
    /// Ends with this.
    _child: Child,
}

/// Where the frameworks are.
fn installed() -> PathBuf {
    let installed = std::env::var_os("ROLLTOP_PREVIEW_FRAMEWORKS");
    installed.expect("ROLLTOP_PREVIEW_FRAMEWORKS names the frameworks: run scripts/preview-frameworks").into()
}

/// How an answer begins there.
async fn greeting(port: u16) -> std::io::Result<[u8; 4]> {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await?;
    stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
    let mut beginning = [0; 4];
    stream.read_exact(&mut beginning).await?;
    Ok(beginning)
}

impl Program {
    /// `command` is given the port as its last word.
    async fn start(program: &str, folder: PathBuf, command: &[&str]) -> Self {
        let free = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let (last, words) = command.split_last().unwrap();
        let child = Command::new(program)
            .args(words)
            .arg(format!("{last}{port}"))
            .current_dir(folder)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // A bare connection says little: to a port that nobody listens on yet, the system may connect a caller to itself.
        let answers = async || greeting(port).await.is_ok_and(|greeting| greeting == *b"HTTP");
        assert!(comes_true(answers).await, "{program} does not answer");
        let visit =
            Visit::start(SimConfig { ports_beside: BTreeSet::from([port]), ..SimConfig::instant() }).await;
        let window = visit.open(port).await;
        Self { visit, window, port, _child: child }
    }

    async fn of_python(command: &[&str]) -> Self {
        let python = installed().join("python/bin/python");
        let apps = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/previews"));
        Self::start(python.to_str().unwrap(), apps, command).await
    }

    /// A form as a browser sends it from a page of this origin; that page is at the same path.
    fn posts(&self, path: &str, origin: &str) -> RequestBuilder {
        let site = if origin == self.window.origin { "same-origin" } else { "same-site" };
        let form = self.window.asks(Method::POST, path).header(ORIGIN, origin);
        form.header(REFERER, format!("{origin}{path}")).header("sec-fetch-site", site)
    }

    /// What the browser shows after the redirect, which must not lead out of the preview.
    async fn followed(&self, answer: Response) -> String {
        let location = answer.headers()[LOCATION].to_str().unwrap();
        let to = answer.url().join(location).unwrap();
        assert_eq!(to.origin(), Url::parse(&self.window.origin).unwrap().origin(), "{location}");
        let path = to.as_str().strip_prefix(&self.window.origin).unwrap();
        self.window.gets(path).send().await.unwrap().text().await.unwrap()
    }

    /// Somebody else's page is refused before the program hears of it.
    async fn refuses_strangers(&self, path: &str) {
        for origin in ["https://evil.example", "null", &self.visit.origin("3000--other")] {
            let answer = self.posts(path, origin).send().await.unwrap();
            assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{origin}");
            assert!(answer.text().await.unwrap().contains("did not come from this preview"), "{origin}");
        }
    }
}

/// What stands between these in a page.
fn between<'a>(page: &'a str, before: &str, after: &str) -> &'a str {
    let (_, rest) = page.split_once(before).unwrap_or_else(|| panic!("no {before} in {page}"));
    rest.split_once(after).unwrap().0
}

#[tokio::test]
#[ignore = "scripts/preview-frameworks runs it"]
async fn django_takes_its_own_forms_and_no_others() {
    let mut program = Program::of_python(&["django_form.py", "runserver", "--noreload", "127.0.0.1:"]).await;
    let answer = program.window.gets("/form").send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::MOVED_PERMANENTLY, "it completes the path");
    program.followed(answer).await;
    let answer = program.window.gets("/form/").send().await.unwrap();
    let cookie = answer.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let token = between(&answer.text().await.unwrap(), "value=\"", "\"").to_owned();
    program.window.keeps(&cookie);
    let form = format!("csrfmiddlewaretoken={token}&name=sam");
    let sent = |origin: &str| {
        let form = program.posts("/form/", origin).body(form.clone());
        form.header(CONTENT_TYPE, "application/x-www-form-urlencoded")
    };
    let answer = sent(&program.window.origin).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FOUND);
    assert_eq!(program.followed(answer).await, "Saved sam");
    let answer = sent(&program.visit.origin(OTHER)).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::FORBIDDEN);
    assert!(answer.text().await.unwrap().contains("CSRF verification failed"));
    program.refuses_strangers("/form/").await;
}

#[tokio::test]
#[ignore = "scripts/preview-frameworks runs it"]
async fn fastapi_knows_its_place_whatever_a_visitor_claims() {
    let program = Program::of_python(&["-m", "uvicorn", "fastapi_slash:app", "--port="]).await;
    for claims in [false, true] {
        let asked = |path| {
            let asked = program.window.gets(path);
            let claim = asked.try_clone().unwrap().header("x-forwarded-proto", "https");
            let claim = claim.header("x-forwarded-for", "6.6.6.6").header("x-forwarded-host", "evil.example");
            if claims { claim } else { asked }
        };
        let answer = asked("/items?a=b").send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
        let wanted = format!("{}/items/?a=b", program.window.origin);
        assert_eq!(answer.headers()[LOCATION].to_str().unwrap(), wanted);
        let told: Value = asked("/items/").send().await.unwrap().json().await.unwrap();
        assert_eq!(told["url"], format!("http://localhost:{}/items/", program.port));
        assert_eq!(told["client"], "127.0.0.1", "the visitor");
    }
}

#[tokio::test]
#[ignore = "scripts/preview-frameworks runs it"]
async fn nextjs_runs_a_server_action_for_its_own_pages_and_no_others() {
    let next = ["node_modules/next/dist/bin/next", "start", "--hostname=127.0.0.1", "--port="];
    let program = Program::start("node", installed().join("next"), &next).await;
    let page = program.window.gets("/").send().await.unwrap().text().await.unwrap();
    let action = between(&page, "$ACTION_ID_", "\"");
    let part = |name: &str, value: &str| {
        format!("--cut\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    // Before its script has loaded the page sends a form, and afterwards a request by the script.
    let form = format!("{}{}--cut--\r\n", part(&format!("$ACTION_ID_{action}"), ""), part("name", "sam"));
    let call = format!("{}{}--cut--\r\n", part("_1_name", "sam"), part("0", "[\"$K1\"]"));
    let sent = |origin: &str, body: &str| {
        let body = program.posts("/", origin).body(body.to_owned());
        body.header(CONTENT_TYPE, "multipart/form-data; boundary=cut")
    };
    let called =
        |origin: &str| sent(origin, &call).header("next-action", action).header("accept", "text/x-component");

    let answer = sent(&program.window.origin, &form).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(program.followed(answer).await.contains("Saved sam"));
    let answer = called(&program.window.origin).send().await.unwrap();
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    let to = answer.headers()["x-action-redirect"].to_str().unwrap();
    assert!(to.starts_with("/saved?name=sam"), "{to}");

    let other = program.visit.origin(OTHER);
    for refused in [sent(&other, &form), called(&other)] {
        let answer = refused.send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!answer.headers().contains_key("x-action-redirect"));
    }
    program.refuses_strangers("/").await;
}
