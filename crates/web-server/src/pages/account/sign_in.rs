//! Signing in with name and password, and out again.

use axum::Form;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use http::header::{HeaderName, SET_COOKIE};
use maud::{Markup, html};
use rolltop_api_types::{Code, SignIn};
use secrecy::SecretString;
use serde::Deserialize;

use crate::access::{SignedIn, Visitor};
use crate::components::control::{Field, Tone, field, submit as submit_button, trouble};
use crate::components::layout::doorway;
use crate::cookie;
use crate::failure::{Failure, Fault};

#[derive(Deserialize, Default)]
pub(crate) struct Target {
    #[serde(default)]
    next: String,
}

#[derive(Deserialize)]
pub(crate) struct Input {
    name: String,
    password: SecretString,
    #[serde(default)]
    next: String,
}

pub(crate) async fn show(
    visitor: Visitor,
    Query(target): Query<Target>,
    person: Result<SignedIn, Failure>,
) -> Response {
    if person.is_ok() {
        return Redirect::to(own_path(&target.next)).into_response();
    }
    page(&visitor, "", &target.next, None).into_response()
}

pub(crate) async fn submit(visitor: Visitor, Form(answer): Form<Input>) -> Result<Response, Failure> {
    let who = SignIn { name: answer.name.trim().to_owned(), password: answer.password };
    match visitor.client.sign_in(&who).await {
        Ok(session) => {
            let cookie = cookie::set(&session.token, None).ok_or(Failure::NotFound)?;
            Ok(([(SET_COOKIE, cookie)], Redirect::to(own_path(&answer.next))).into_response())
        }
        Err(error) => {
            let words = [(Code::WrongCredentials, "sign-in-wrong")];
            let fault = Fault::said(visitor.language, &error, &words);
            let page = page(&visitor, &who.name, &answer.next, fault.elsewhere(&[]));
            Ok((fault.status, page).into_response())
        }
    }
}

pub(crate) async fn out(person: SignedIn) -> Response {
    if let Err(error) = person.client.sign_out().await {
        tracing::warn!(%error, "a session could not be ended");
    }
    let headers = [
        (SET_COOKIE, cookie::clear()),
        (HeaderName::from_static("hx-redirect"), http::HeaderValue::from_static("/sign-in")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn page(visitor: &Visitor, name: &str, next: &str, problem: Option<&str>) -> Markup {
    let language = visitor.language;
    let password = Field {
        kind: "password",
        autocomplete: "current-password",
        autofocus: !name.is_empty(),
        ..Field::text("password", "password", "field-password", "")
    };
    let name = Field {
        autocomplete: "username",
        autofocus: name.is_empty(),
        ..Field::text("name", "name", "field-name", name)
    };
    let content = html! {
        (trouble(problem))
        form method="post" action="/sign-in" {
            input type="hidden" name="next" value=(own_path(next));
            (field(language, &name))
            (field(language, &password))
            (submit_button(Tone::Primary, true, &language.say("sign-in")))
        }
        p.doorway-foot { (language.say("sign-in-lost")) }
    };
    doorway(language, &language.say("sign-in-title"), &[], &content)
}

/// A path on this site, and nothing else: `//evil` and `/\evil` are other sites to a browser.
fn own_path(next: &str) -> &str {
    own_path_or(next, "/desktops")
}

/// The same, with another path for what is none.
pub(crate) fn own_path_or<'a>(next: &'a str, otherwise: &'a str) -> &'a str {
    let own = next.starts_with('/')
        && !next.starts_with("//")
        && next.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    if own { next } else { otherwise }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_never_leads_to_another_site() {
        for bad in [
            "",
            "//evil.example",
            "/\\evil.example",
            "https://evil.example",
            "/a\r\nb",
            "javascript:x",
            "/\t/evil",
        ] {
            assert_eq!(own_path(bad), "/desktops", "{bad:?}");
        }
        assert_eq!(own_path("/desktops/dsk_1?tab=a"), "/desktops/dsk_1?tab=a");
    }
}
