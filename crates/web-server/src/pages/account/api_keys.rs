//! The workspace's API keys: list, make, revoke.

use axum::extract::RawForm;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use maud::{Markup, html};
use rolltop_api_types::{ApiKey, Code, Desktop};
use rolltop_model::ApiKeyId;
use secrecy::ExposeSecret;

use crate::access::{Named, SignedIn};
use crate::components::control::{Notice, Tone, copyable, notice};
use crate::components::dialog::{self, Dialog, opener};
use crate::components::table::Column;
use crate::components::{Icon, scopes, time};
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::pages::account::api_key_form::{Input, form_body};
use crate::pages::account::keys::{self, Kind};

const COLUMNS: [Column; 5] = [
    ("column-name", None),
    ("column-may", Some("secondary")),
    ("column-expires", None),
    ("column-used", Some("useful")),
    ("column-actions", Some("last")),
];
/// What is said here in words of its own.
const WORDS: [(Code, &str); 2] =
    [(Code::InvalidName, "api-name-problem"), (Code::QuotaReached, "api-too-many")];

pub(crate) async fn show(person: SignedIn) -> Result<Markup, Failure> {
    let api_keys = person.client.api_keys().await?;
    let desktops = person.client.all_desktops().await?;
    let rows: Vec<_> = api_keys.iter().map(|key| row(person.language, key, &desktops)).collect();
    Ok(keys::page(&person, Kind::Api, &COLUMNS, &rows))
}

fn row(language: Language, key: &ApiKey, desktops: &[Desktop]) -> Markup {
    let revoke = format!("/api-keys/{}/revoke", key.id);
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
                (keys::used(language, key.used_at))
                @if let Some(from) = key.used_from.as_ref().filter(|_| key.used_at.is_some()) { div.quiet.mono { (from) } }
            }
            td.last { (opener(Tone::Ghost, true, Some(Icon::Trash), &language.say("api-revoke"), revoke)) }
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
    let body = form_body(person.language, &Input::default(), &desktops, &Fault::default());
    Ok(dialog(person.language).show(&body))
}

pub(crate) async fn make(person: SignedIn, RawForm(form): RawForm) -> Result<Response, Failure> {
    let language = person.language;
    let answer = Input::read(&form);
    let fault = match answer.wanted(&person.me.credential.scopes, Timestamp::now()) {
        Err((field, key)) => Fault::new(language, field, key),
        Ok(wanted) => match person.client.create_api_key(&wanted).await {
            Ok(made) => {
                let shown = once(language, &made.key, made.token.expose_secret());
                return Ok(([("hx-trigger", "rolltop:changed")], shown).into_response());
            }
            Err(error) => Fault::of(language, error, &WORDS)?,
        },
    };
    let desktops = person.client.all_desktops().await?;
    let body = form_body(language, &answer, &desktops, &fault);
    Ok(dialog(language).refused(fault.status, &body))
}

fn dialog(language: Language) -> Dialog {
    let title = language.say("api-make-title");
    Dialog::new(language, "make-key", title, "/api-keys".to_owned(), "api-make").wide()
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

/// The key with this id, as it is listed now.
async fn find(person: &SignedIn, id: ApiKeyId) -> Result<ApiKey, Failure> {
    let keys = person.client.api_keys().await?;
    keys.into_iter().find(|key| key.id == id).ok_or(Failure::NotFound)
}

pub(crate) async fn ask(person: SignedIn, Named(id): Named<ApiKeyId>) -> Result<Markup, Failure> {
    let key = find(&person, id).await?;
    let language = person.language;
    let body = html! {
        p { (language.say("api-warn-revoke")) }
        dl.facts {
            dt { (language.say("column-may")) } dd { (scopes::summary(language, &key.scopes)) }
            @if let Some(at) = key.used_at { dt { (language.say("column-used")) } dd { (time::ago(language, at)) } }
        }
    };
    let (title, action) = (("api-ask-revoke", key.name.as_str()), format!("/api-keys/{id}/revoke"));
    Ok(Dialog::warning(language, "revoke-key", title, action, "api-confirm-revoke").show(&body))
}

pub(crate) async fn revoke(person: SignedIn, Named(id): Named<ApiKeyId>) -> Result<Response, Failure> {
    let key = find(&person, id).await?;
    person.client.revoke_api_key(id).await?;
    Ok(person.done("api-revoked", &key.name))
}
