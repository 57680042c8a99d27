//! The account's name and password, chosen at the first visit or changed later; and the
//! language.

use axum::Form;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use http::header::{HeaderName, HeaderValue, SET_COOKIE};
use maud::{Markup, html};
use rolltop_api_types::{ClientError, SetPassword};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::access::{SignedIn, Visitor};
use crate::components::control::{Field, Notice, Tone, field, notice, submit as submit_button};
use crate::components::layout::{Page, Section, doorway, page};
use crate::components::mark;
use crate::cookie;
use crate::failure::{Failure, sentence};
use crate::language::Language;

#[derive(Deserialize)]
pub(crate) struct Answer {
    name: String,
    #[serde(default)]
    present: Option<SecretString>,
    password: SecretString,
    again: SecretString,
}

/// What is wrong with the answer, by field.
#[derive(Default)]
struct Problems {
    name: Option<String>,
    present: Option<String>,
    password: Option<String>,
    again: Option<String>,
    all: Option<String>,
}

pub(crate) async fn show(person: SignedIn) -> Markup {
    let name = person.me.name.clone().unwrap_or_default();
    whole(&person, &name, &Problems::default())
}

pub(crate) async fn submit(person: SignedIn, Form(answer): Form<Answer>) -> Response {
    let language = person.language;
    let name = answer.name.trim().to_owned();
    if answer.password.expose_secret() != answer.again.expose_secret() {
        let problems = Problems { again: Some(language.say("password-differs")), ..Problems::default() };
        return (StatusCode::UNPROCESSABLE_ENTITY, whole(&person, &name, &problems)).into_response();
    }
    let change = SetPassword { name: name.clone(), present: answer.present, password: answer.password };
    match person.client.set_password(&change).await {
        Ok(()) => Redirect::to("/desktops").into_response(),
        Err(error) => {
            let status = error.problem().and_then(|problem| StatusCode::from_u16(problem.status).ok());
            let problems = problems(language, &error);
            (status.unwrap_or(StatusCode::SERVICE_UNAVAILABLE), whole(&person, &name, &problems))
                .into_response()
        }
    }
}

fn problems(language: Language, error: &ClientError) -> Problems {
    let text = sentence(language, error);
    match error.problem().and_then(|problem| problem.errors.first()).map(|field| field.field.as_str()) {
        Some("name") => Problems { name: Some(text), ..Problems::default() },
        Some("present") => Problems { present: Some(text), ..Problems::default() },
        Some("password") => Problems { password: Some(text), ..Problems::default() },
        _ => Problems { all: Some(text), ..Problems::default() },
    }
}

fn whole(person: &SignedIn, name: &str, problems: &Problems) -> Markup {
    let language = person.language;
    if person.me.needs_password {
        let title = language.say("password-first-title");
        let content = html! {
            (mark())
            header { h1 { (title) } p { (language.say("password-first-text")) } }
            (form(person, name, problems, &language.say("password-first-go")))
        };
        return doorway(language, &title, &content);
    }
    let title = language.say("account-password");
    let content = html! {
        div.page.page-narrow {
            (form(person, name, problems, &language.say("password-change")))
        }
    };
    page(
        person,
        &Page {
            title: &title,
            section: Section::None,
            parents: &[],
            fill: false,
            screen: false,
            content: &content,
        },
    )
}

fn form(person: &SignedIn, name: &str, problems: &Problems, go: &str) -> Markup {
    let language = person.language;
    let labels = ["field-name", "field-present-password", "field-new-password", "field-again"];
    let [name_label, present_label, password_label, again_label] = &labels.map(|label| language.say(label));
    let hint = language.say("password-hint");
    html! {
        form.stack method="post" action="/account/password" {
            @if let Some(text) = &problems.all { (notice(Notice::Error, &html! { (text) })) }
            (field(&Field { autocomplete: "username", autofocus: name.is_empty(), problem: problems.name.as_deref(), ..Field::text("name", "name", name_label, name) }))
            @if person.me.asks_present_password {
                (field(&Field { kind: "password", autocomplete: "current-password", problem: problems.present.as_deref(), ..Field::text("present", "present", present_label, "") }))
            }
            (field(&Field { kind: "password", autocomplete: "new-password", hint: Some(&hint), problem: problems.password.as_deref(), ..Field::text("password", "password", password_label, "") }))
            (field(&Field { kind: "password", autocomplete: "new-password", problem: problems.again.as_deref(), ..Field::text("again", "again", again_label, "") }))
            div { (submit_button(Tone::Primary, false, go)) }
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
