//! The account's SSH keys: list, add, remove.

use axum::Form;
use axum::response::Response;
use maud::{Markup, html};
use rolltop_api_types::{Code, CreateSshKey, KeyDelivery, SshKey};
use rolltop_model::SshKeyId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::access::{Named, SignedIn};
use crate::components::control::{Field, Tone, field, trouble};
use crate::components::dialog::{Dialog, opener};
use crate::components::table::Column;
use crate::components::{Icon, time, toast};
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::pages::account::keys::{self, Kind};
use crate::pages::desktops::actions::given;

const COLUMNS: [Column; 5] = [
    ("column-name", None),
    ("column-fingerprint", Some("secondary")),
    ("column-added", Some("useful")),
    ("column-used", None),
    ("column-actions", Some("last")),
];
/// What is said here in words of its own.
const WORDS: [(Code, &str); 2] =
    [(Code::InvalidName, "ssh-name-problem"), (Code::QuotaReached, "ssh-too-many")];
/// Id of the field that a key is pasted into.
const KEY_FIELD: &str = "key-public";

#[derive(Deserialize)]
pub(crate) struct Input {
    #[serde(default)]
    name: String,
    public_key: SecretString,
}

pub(crate) async fn show(person: SignedIn) -> Result<Markup, Failure> {
    let rows: Vec<_> = person.client.ssh_keys().await?.iter().map(|key| row(person.language, key)).collect();
    Ok(keys::page(&person, Kind::Ssh, &COLUMNS, &rows))
}

fn row(language: Language, key: &SshKey) -> Markup {
    let remove = format!("/ssh-keys/{}/remove", key.id);
    html! {
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
            td { (keys::used(language, key.used_at)) }
            td.last { (opener(Tone::Ghost, true, Some(Icon::Trash), &language.say("ssh-remove"), remove)) }
        }
    }
}

pub(crate) async fn new(person: SignedIn) -> Markup {
    let body = body(person.language, "", (KEY_FIELD, ""), &Fault::default());
    dialog(person.language).show(&body)
}

pub(crate) async fn add(person: SignedIn, Form(answer): Form<Input>) -> Result<Response, Failure> {
    let language = person.language;
    let key = CreateSshKey { name: given(&answer.name), public_key: answer.public_key };
    match person.client.add_ssh_key(&key).await {
        Ok(added) => Ok(done(language, "ssh-added", &added.key.name, added.delivery)),
        Err(error) => {
            // A private key is not sent back: it has been seen by enough eyes. A field with another
            // id takes the place of the one that holds it, whose contents would stay.
            let (id, shown) = match error.code() {
                Some(Code::PrivateKey) => ("key-public-anew", ""),
                _ => (KEY_FIELD, key.public_key.expose_secret()),
            };
            let fault = Fault::of(language, error, &WORDS)?;
            let body = body(language, &answer.name, (id, shown), &fault);
            Ok(dialog(language).refused(fault.status, &body))
        }
    }
}

fn dialog(language: Language) -> Dialog {
    let title = language.say("ssh-add-title");
    Dialog::new(language, "add-key", title, "/ssh-keys".to_owned(), "ssh-add").wide()
}

/// `key` is its field's id and contents.
fn body(language: Language, name: &str, key: (&str, &str), fault: &Fault) -> Markup {
    let key = Field {
        hint: Some("ssh-key-hint"),
        problem: fault.at("public_key"),
        autofocus: fault.at("name").is_none(),
        ..Field::text(key.0, "public_key", "field-public-key", key.1)
    };
    let name = Field {
        hint: Some("ssh-name-hint"),
        problem: fault.at("name"),
        required: false,
        ..Field::text("key-name", "name", "field-name", name)
    };
    html! {
        (trouble(fault.elsewhere(&["public_key", "name"])))
        (field(language, &key))
        (field(language, &name))
    }
}

/// The key with this id, as it is listed now.
async fn find(person: &SignedIn, id: SshKeyId) -> Result<SshKey, Failure> {
    let keys = person.client.ssh_keys().await?;
    keys.into_iter().find(|key| key.id == id).ok_or(Failure::NotFound)
}

pub(crate) async fn ask(person: SignedIn, Named(id): Named<SshKeyId>) -> Result<Markup, Failure> {
    let key = find(&person, id).await?;
    let language = person.language;
    let body = html! {
        p { (language.say("ssh-warn-remove")) }
        dl.facts { dt { (language.say("column-fingerprint")) } dd.mono { (key.fingerprint) } }
    };
    let (title, action) = (("ssh-ask-remove", key.name.as_str()), format!("/ssh-keys/{id}/remove"));
    Ok(Dialog::warning(language, "remove-key", title, action, "ssh-confirm-remove").show(&body))
}

pub(crate) async fn remove(person: SignedIn, Named(id): Named<SshKeyId>) -> Result<Response, Failure> {
    let key = find(&person, id).await?;
    let delivery = person.client.remove_ssh_key(id).await?.delivery;
    Ok(done(person.language, "ssh-removed", &key.name, delivery))
}

/// What was done, and in how many desktops it is in force.
fn done(language: Language, what: &str, name: &str, delivery: KeyDelivery) -> Response {
    let parts = [
        (delivery.done, "ssh-in-force"),
        (delivery.pending, "ssh-pending"),
        (delivery.at_next_start, "ssh-at-next-start"),
    ];
    let counted =
        parts.into_iter().filter(|(count, _)| *count > 0).map(|(count, key)| language.count(key, count));
    let what = language.say_with(what, &[("name", name)]);
    let text = std::iter::once(what).chain(counted).collect::<Vec<_>>().join(" ");
    toast::finished(toast::done(language, &text, None))
}
