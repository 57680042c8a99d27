//! The workspace's API keys: list, make, revoke.

use axum::extract::{Path, RawForm};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;
use maud::{Markup, html};
use rolltop_api_types::{ApiKey, ClientError, Code, Desktop};
use rolltop_model::ApiKeyId;
use secrecy::ExposeSecret;

use crate::access::SignedIn;
use crate::components::control::{Ask, Notice, Tone, button, copyable, notice};
use crate::components::layout::{Page, Section, page};
use crate::components::{Icon, dialog, mark, scopes, time, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;
use crate::pages::keys::{self, Kind};

use super::api_key_form::{Answer, Problems, form_body};

pub(crate) async fn show(person: SignedIn) -> Result<Markup, Failure> {
    let api_keys = person.client.api_keys().await?;
    let desktops = person.client.all_desktops().await?;
    let language = person.language;
    let list = list(language, &api_keys, &desktops);
    if person.fragment {
        return Ok(list);
    }
    let content = html! { div.page { (keys::switch(language, Kind::Api)) (list) } };
    let title = language.say("api-keys");
    Ok(page(
        &person,
        &Page {
            title: &title,
            section: Section::Keys,
            parents: &[],
            fill: false,
            screen: false,
            content: &content,
        },
    ))
}

fn list(language: Language, keys: &[ApiKey], desktops: &[Desktop]) -> Markup {
    let make = |small| {
        dialog::opener(Tone::Primary, small, Some(Icon::Plus), &language.say("api-make"), "/api-keys/new")
    };
    html! {
        section #api-keys data-live="api-keys" hx-get="/api-keys" hx-trigger="refresh, every 10s" hx-swap="outerMorph" hx-target="this" {
            @if keys.is_empty() {
                div.empty-state {
                    (mark())
                    h2 { (language.say("api-empty-title")) }
                    p { (language.say("api-empty-text")) }
                    (make(false))
                }
            } @else {
                div.filters {
                    span.quiet { (language.say("api-keys-text")) }
                    div.at-end { (make(true)) }
                }
                (table(language, keys, desktops))
            }
        }
    }
}

fn table(language: Language, keys: &[ApiKey], desktops: &[Desktop]) -> Markup {
    html! {
        div.table-frame {
            table.desktop-table {
                thead {
                    tr {
                        th scope="col" { (language.say("column-name")) }
                        th.secondary scope="col" { (language.say("column-may")) }
                        th scope="col" { (language.say("column-expires")) }
                        th.useful scope="col" { (language.say("column-used")) }
                        th.last scope="col" { (language.say("column-actions")) }
                    }
                }
                tbody { @for key in keys { (row(language, key, desktops)) } }
            }
        }
    }
}

fn row(language: Language, key: &ApiKey, desktops: &[Desktop]) -> Markup {
    html! {
        tr {
            td.name {
                bdi { (key.name) }
                div.quiet { (reach(language, key, desktops)) }
                div.quiet.narrow-only { (scopes::summary(language, &key.scopes)) }
            }
            td.secondary.wraps { (scopes::summary(language, &key.scopes)) }
            td { (expiry(language, key)) }
            td.useful {
                @match key.used_at {
                    Some(at) => {
                        (time::ago(language, at))
                        @if let Some(from) = &key.used_from { div.quiet.mono { (from) } }
                    }
                    None => span.quiet { (language.say("ssh-never-used")) },
                }
            }
            td.last {
                (button(Tone::Ghost, true, Some(Icon::Trash), &language.say("api-revoke"), &Ask::Dialog(&format!("/api-keys/{}/revoke", key.id))))
            }
        }
    }
}

/// Which desktops it is good for.
fn reach(language: Language, key: &ApiKey, desktops: &[Desktop]) -> Markup {
    let Some(id) = key.desktop else { return html! { (language.say("api-all-desktops")) } };
    match desktops.iter().find(|desktop| desktop.id == id) {
        Some(desktop) => html! { (language.say("api-only")) " " bdi { (desktop.name) } },
        None => html! { (language.say("api-only-gone")) },
    }
}

fn expiry(language: Language, key: &ApiKey) -> Markup {
    match key.expires_at {
        None => html! { span.quiet { (language.say("api-never-expires")) } },
        Some(at) if at <= Timestamp::now() => {
            html! { span.pill data-tone="warning" { (language.say("api-expired")) } }
        }
        Some(at) => time::day(at),
    }
}

pub(crate) async fn new(person: SignedIn) -> Result<Markup, Failure> {
    let desktops = person.client.all_desktops().await?;
    let language = person.language;
    let body = form_body(language, &Answer::default(), &desktops, &Problems::default());
    Ok(dialog::show(language, true, &form(&body, &words(language))))
}

pub(crate) async fn make(person: SignedIn, RawForm(form_data): RawForm) -> Result<Response, Failure> {
    let language = person.language;
    let answer = Answer::read(&form_data);
    let refused = match answer.wanted(&person.me.credential.scopes, Timestamp::now()) {
        Err(problems) => (StatusCode::UNPROCESSABLE_ENTITY, problems.said(language)),
        Ok(wanted) => match person.client.create_api_key(&wanted).await {
            Ok(made) => {
                let shown = once(language, &made.key, made.token.expose_secret());
                return Ok(([("hx-trigger", "rolltop:changed")], shown).into_response());
            }
            Err(error) if error.problem().is_some() => {
                let status = error.problem().and_then(|problem| StatusCode::from_u16(problem.status).ok());
                (status.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), problems(language, &error))
            }
            Err(error) => return Err(error.into()),
        },
    };
    let desktops = person.client.all_desktops().await?;
    let body = form_body(language, &answer, &desktops, &refused.1);
    Ok((refused.0, dialog::form(language, &form(&body, &words(language)))).into_response())
}

fn problems(language: Language, error: &ClientError) -> Problems {
    let text = match error.code() {
        Some(Code::InvalidName) => language.say("api-name-problem"),
        Some(Code::QuotaReached) => language.say("api-too-many"),
        _ => sentence(language, error),
    };
    match error.problem().and_then(|problem| problem.errors.first()).map(|field| field.field.as_str()) {
        Some("name") => Problems { name: Some(text), ..Problems::default() },
        Some("scopes") => Problems { scopes: Some(text), ..Problems::default() },
        _ => Problems { all: Some(text), ..Problems::default() },
    }
}

fn words(language: Language) -> (String, String) {
    (language.say("api-make-title"), language.say("api-make"))
}

fn form<'a>(body: &'a Markup, (title, submit): &'a (String, String)) -> dialog::Form<'a> {
    dialog::Form { id: "make-key", title, action: "/api-keys", body, submit, danger: false }
}

/// The token, which is nowhere else from here on.
fn once(language: Language, key: &ApiKey, token: &str) -> Markup {
    let title = language.say_with("api-made", &[("name", &key.name)]);
    let body = html! {
        (notice(Notice::Warning, &html! { (language.say("api-once")) }))
        (copyable(language, "new-token", &language.say("api-token"), token))
        p.hint { (language.say("api-how")) }
    };
    dialog::told(language, "make-key", &title, &body)
}

/// The key with the id in a path, as it is listed now.
async fn find(person: &SignedIn, id: &str) -> Result<ApiKey, Failure> {
    let id: ApiKeyId = id.parse().map_err(|_| Failure::NotFound)?;
    let keys = person.client.api_keys().await?;
    keys.into_iter().find(|key| key.id == id).ok_or(Failure::NotFound)
}

pub(crate) async fn ask(person: SignedIn, Path(id): Path<String>) -> Result<Markup, Failure> {
    let key = find(&person, &id).await?;
    let language = person.language;
    let body = html! {
        p { (language.say("api-warn-revoke")) }
        dl.facts {
            dt { (language.say("column-may")) } dd { (scopes::summary(language, &key.scopes)) }
            @if let Some(at) = key.used_at { dt { (language.say("column-used")) } dd { (time::ago(language, at)) } }
        }
    };
    let action = format!("/api-keys/{}/revoke", key.id);
    let (id, name) = ("revoke-key", &key.name);
    let warning =
        dialog::Warning { id, title: "api-ask-revoke", name, action: &action, submit: "api-confirm-revoke" };
    Ok(warning.show(language, &body))
}

pub(crate) async fn revoke(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let key = find(&person, &id).await?;
    person.client.revoke_api_key(key.id).await?;
    let text = person.language.say_with("api-revoked", &[("name", &key.name)]);
    Ok(([("hx-trigger", "rolltop:done")], toast::done(person.language, &text)).into_response())
}
