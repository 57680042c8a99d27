//! The account's SSH keys: list, add, remove.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use rolltop_api_types::{ClientError, Code, CreateSshKey, KeyDelivery, SshKey};
use rolltop_model::SshKeyId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::access::SignedIn;
use crate::components::control::{Ask, Field, Notice, Tone, button, field, notice};
use crate::components::layout::{Page, Section, page};
use crate::components::{Icon, dialog, mark, time, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;
use crate::pages::keys::{self, Kind};

/// Id of the field that a key is pasted into.
const KEY_FIELD: &str = "key-public";

#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    name: String,
    public_key: SecretString,
}

/// What is wrong, by field.
#[derive(Default)]
struct Problems {
    name: Option<String>,
    key: Option<String>,
    all: Option<String>,
}

pub(crate) async fn show(person: SignedIn) -> Result<Markup, Failure> {
    let ssh_keys = person.client.ssh_keys().await?;
    let language = person.language;
    let list = list(language, &ssh_keys);
    if person.fragment {
        return Ok(list);
    }
    let content = html! { div.page { (keys::switch(language, Kind::Ssh)) (list) } };
    let title = language.say("ssh-keys");
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

fn list(language: Language, keys: &[SshKey]) -> Markup {
    let add = |small| {
        dialog::opener(Tone::Primary, small, Some(Icon::Plus), &language.say("ssh-add"), "/ssh-keys/new")
    };
    html! {
        section #ssh-keys data-live="ssh-keys" hx-get="/ssh-keys" hx-trigger="refresh, every 10s" hx-swap="outerMorph" hx-target="this" {
            @if keys.is_empty() {
                div.empty-state {
                    (mark())
                    h2 { (language.say("ssh-empty-title")) }
                    p { (language.say("ssh-empty-text")) }
                    (add(false))
                }
            } @else {
                div.filters {
                    span.quiet { (language.say("ssh-keys-text")) }
                    div.at-end { (add(true)) }
                }
                (table(language, keys))
            }
        }
    }
}

fn table(language: Language, keys: &[SshKey]) -> Markup {
    html! {
        div.table-frame {
            table.desktop-table {
                thead {
                    tr {
                        th scope="col" { (language.say("column-name")) }
                        th.secondary scope="col" { (language.say("column-fingerprint")) }
                        th.useful scope="col" { (language.say("column-added")) }
                        th scope="col" { (language.say("column-used")) }
                        th.last scope="col" { (language.say("column-actions")) }
                    }
                }
                tbody {
                    @for key in keys {
                        tr {
                            td.name {
                                bdi { (key.name) }
                                div.quiet {
                                    (key.kind)
                                    @if let Some(at) = key.expires_at { ", " (language.say("share-until")) " " (time::day(at)) }
                                }
                            }
                            td.secondary.mono { (key.fingerprint) }
                            td.useful { (time::ago(language, key.created_at)) }
                            td { @match key.used_at { Some(at) => (time::ago(language, at)), None => span.quiet { (language.say("ssh-never-used")) } } }
                            td.last {
                                (button(Tone::Ghost, true, Some(Icon::Trash), &language.say("ssh-remove"), &Ask::Dialog(&format!("/ssh-keys/{}/remove", key.id))))
                            }
                        }
                    }
                }
            }
        }
    }
}

pub(crate) async fn new(person: SignedIn) -> Markup {
    let body = body(person.language, "", (KEY_FIELD, ""), &Problems::default());
    dialog::show(person.language, true, &form(&body, &words(person.language)))
}

pub(crate) async fn add(person: SignedIn, Form(answer): Form<Answer>) -> Result<Response, Failure> {
    let language = person.language;
    let name = Some(answer.name.trim().to_owned()).filter(|name| !name.is_empty());
    let key = CreateSshKey { name, public_key: answer.public_key };
    match person.client.add_ssh_key(&key).await {
        Ok(added) => {
            let text = language.say_with("ssh-added", &[("name", &added.key.name)]);
            Ok(done(language, &text, added.delivery))
        }
        Err(error) if error.problem().is_some() => {
            // A private key is not sent back: it has been seen by enough eyes. A field with another
            // id takes the place of the one that holds it, whose contents would stay.
            let (id, shown) = match error.code() {
                Some(Code::PrivateKey) => ("key-public-anew", ""),
                _ => (KEY_FIELD, key.public_key.expose_secret()),
            };
            let body = body(language, &answer.name, (id, shown), &problems(language, &error));
            let status = error.problem().and_then(|problem| StatusCode::from_u16(problem.status).ok());
            let form = dialog::form(language, &form(&body, &words(language)));
            Ok((status.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), form).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn problems(language: Language, error: &ClientError) -> Problems {
    let text = match error.code() {
        Some(Code::InvalidName) => language.say("ssh-name-problem"),
        Some(Code::QuotaReached) => language.say("ssh-too-many"),
        _ => sentence(language, error),
    };
    match error.problem().and_then(|problem| problem.errors.first()).map(|field| field.field.as_str()) {
        Some("name") => Problems { name: Some(text), ..Problems::default() },
        Some("public_key") => Problems { key: Some(text), ..Problems::default() },
        _ => Problems { all: Some(text), ..Problems::default() },
    }
}

fn words(language: Language) -> (String, String) {
    (language.say("ssh-add-title"), language.say("ssh-add"))
}

fn form<'a>(body: &'a Markup, (title, submit): &'a (String, String)) -> dialog::Form<'a> {
    dialog::Form { id: "add-key", title, action: "/ssh-keys", body, submit, danger: false }
}

/// `key` is its field's id and contents.
fn body(language: Language, name: &str, key: (&str, &str), problems: &Problems) -> Markup {
    let (key_label, key_hint) = (language.say("field-public-key"), language.say("ssh-key-hint"));
    let (name_label, name_hint) = (language.say("field-name"), language.say("ssh-name-hint"));
    html! {
        @if let Some(text) = &problems.all { (notice(Notice::Error, &html! { (text) })) }
        (field(&Field { hint: Some(&key_hint), problem: problems.key.as_deref(), autofocus: problems.name.is_none(), ..Field::text(key.0, "public_key", &key_label, key.1) }))
        (field(&Field { hint: Some(&name_hint), problem: problems.name.as_deref(), required: false, ..Field::text("key-name", "name", &name_label, name) }))
    }
}

/// The key with the id in a path, as it is listed now.
async fn find(person: &SignedIn, id: &str) -> Result<SshKey, Failure> {
    let id: SshKeyId = id.parse().map_err(|_| Failure::NotFound)?;
    let keys = person.client.ssh_keys().await?;
    keys.into_iter().find(|key| key.id == id).ok_or(Failure::NotFound)
}

pub(crate) async fn ask(person: SignedIn, Path(id): Path<String>) -> Result<Markup, Failure> {
    let key = find(&person, &id).await?;
    let language = person.language;
    let body = html! {
        p { (language.say("ssh-warn-remove")) }
        dl.facts { dt { (language.say("column-fingerprint")) } dd.mono { (key.fingerprint) } }
    };
    let action = format!("/ssh-keys/{}/remove", key.id);
    let (id, name) = ("remove-key", &key.name);
    let warning =
        dialog::Warning { id, title: "ssh-ask-remove", name, action: &action, submit: "ssh-confirm-remove" };
    Ok(warning.show(language, &body))
}

pub(crate) async fn remove(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let key = find(&person, &id).await?;
    let delivery = person.client.remove_ssh_key(key.id).await?.delivery;
    let text = person.language.say_with("ssh-removed", &[("name", &key.name)]);
    Ok(done(person.language, &text, delivery))
}

/// What was done, and in how many desktops it is in force.
fn done(language: Language, what: &str, delivery: KeyDelivery) -> Response {
    let parts = [
        (delivery.done, "ssh-in-force"),
        (delivery.pending, "ssh-pending"),
        (delivery.at_next_start, "ssh-at-next-start"),
    ];
    let counted =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, key)| language.count(key, count));
    let text = std::iter::once(what.to_owned()).chain(counted).collect::<Vec<_>>().join(" ");
    ([("hx-trigger", "rolltop:done")], toast::done(language, &text)).into_response()
}
