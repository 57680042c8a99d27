//! The account's name and password, chosen at the first visit or changed later; and the
//! language.

use axum::Form;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, SET_COOKIE};
use maud::{Markup, html};
use rolltop_api_types::SetPassword;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::access::{SignedIn, Visitor};
use crate::components::control::{Field, Tone, field, submit as submit_button, trouble};
use crate::components::layout::{Section, doorway, page};
use crate::cookie;
use crate::failure::{Failure, Fault};
use crate::language::Language;

#[derive(Deserialize)]
pub(crate) struct Input {
    name: String,
    #[serde(default)]
    present: Option<SecretString>,
    password: SecretString,
    again: SecretString,
}

pub(crate) async fn show(person: SignedIn) -> Markup {
    let name = person.me.name.clone().unwrap_or_default();
    whole(&person, &name, &Fault::default())
}

pub(crate) async fn submit(person: SignedIn, Form(answer): Form<Input>) -> Response {
    let language = person.language;
    let name = answer.name.trim().to_owned();
    let fault = if answer.password.expose_secret() == answer.again.expose_secret() {
        let change = SetPassword { name: name.clone(), present: answer.present, password: answer.password };
        match person.client.set_password(&change).await {
            Ok(()) => return Redirect::to("/desktops").into_response(),
            Err(error) => Fault::said(language, &error, &[]),
        }
    } else {
        Fault::new(language, "again", "password-differs")
    };
    (fault.status, whole(&person, &name, &fault)).into_response()
}

fn whole(person: &SignedIn, name: &str, fault: &Fault) -> Markup {
    let language = person.language;
    if person.me.needs_password {
        let text = language.say("password-first-text");
        let form = form(person, name, fault, "password-first-go");
        return doorway(language, &language.say("password-first-title"), &[&text], &form);
    }
    let form = html! { div.page.page-narrow { (form(person, name, fault, "password-change")) } };
    page(person, Section::None, &language.say("account-password"), &form)
}

fn form(person: &SignedIn, name: &str, fault: &Fault, go: &str) -> Markup {
    let language = person.language;
    let secret = |name, label, autocomplete, hint| {
        let (kind, problem) = ("password", fault.at(name));
        field(language, &Field { kind, autocomplete, hint, problem, ..Field::text(name, name, label, "") })
    };
    let name = Field {
        autocomplete: "username",
        autofocus: name.is_empty(),
        problem: fault.at("name"),
        ..Field::text("name", "name", "field-name", name)
    };
    html! {
        form.stack method="post" action="/account/password" {
            (trouble(fault.elsewhere(&["name", "present", "password", "again"])))
            (field(language, &name))
            @if person.me.asks_present_password {
                (secret("present", "field-present-password", "current-password", None))
            }
            (secret("password", "field-new-password", "new-password", Some("password-hint")))
            (secret("again", "field-again", "new-password", None))
            div { (submit_button(Tone::Primary, false, &language.say(go))) }
        }
    }
}

#[derive(Deserialize)]
pub(crate) struct Choice {
    to: String,
}

/// Remembers the language in the cookie that is there anyway.
pub(crate) async fn language(visitor: Visitor, Query(choice): Query<Choice>) -> Result<Response, Failure> {
    let (Some(language), Some(token)) = (Language::from_code(&choice.to), &visitor.token) else {
        return Err(Failure::NotFound);
    };
    let cookie = cookie::set(token, Some(language)).ok_or(Failure::NotFound)?;
    let refresh = (HeaderName::from_static("hx-refresh"), HeaderValue::from_static("true"));
    Ok((StatusCode::NO_CONTENT, [(SET_COOKIE, cookie), refresh]).into_response())
}
