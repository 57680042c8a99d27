//! What the command palette offers: every desktop, and what can be done here.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use maud::{Markup, html};
use rolltop_api_types::ListDesktops;

use crate::access::SignedIn;
use crate::app::App;
use crate::components::control::{Ask, menu_item};
use crate::components::{Icon, desktop, icon};
use crate::docs::library;
use crate::failure::Failure;
use crate::language::Language;
use crate::view::{self, Action, Phase};

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new().route("/palette", get(show))
}

/// Desktops listed at most, the newest.
const DESKTOPS: u32 = 200;

/// Pages: name, address, picture, and the key of what each is called.
const PLACES: [(&str, &str, Icon, &str); 7] = [
    ("desktops", "/desktops", Icon::Grid, "rail-desktops"),
    ("snapshots", "/snapshots", Icon::Layers, "snapshots"),
    ("keys", "/ssh-keys", Icon::Password, "ssh-keys"),
    ("api-keys", "/api-keys", Icon::Password, "api-keys"),
    ("host", "/host", Icon::Server, "rail-host"),
    ("docs", "/docs", Icon::Book, "rail-docs"),
    ("password", "/account/password", Icon::Password, "account-password"),
];

pub(crate) async fn show(person: SignedIn) -> Result<Markup, Failure> {
    let language = person.language;
    let found =
        person.client.desktops(&ListDesktops { limit: Some(DESKTOPS), ..ListDesktops::default() }).await?;
    Ok(html! {
        div role="group" aria-labelledby="palette-desktops" {
            div.menu-heading #palette-desktops { (language.say("rail-desktops")) }
            @for item in &found.items {
                a role="menuitem" id={ "go-" (item.id) } href={ "/desktops/" (item.id) } {
                    (icon(Icon::Monitor)) bdi { (item.name) } (desktop::state(language, Phase::of(item)))
                }
            }
        }
        div role="group" aria-labelledby="palette-actions" {
            div.menu-heading #palette-actions { (language.say("palette-actions")) }
            (menu_item("run-new", Icon::Plus, &language.say("new-desktop"), false, &Ask::Dialog("/desktops/new".to_owned())))
            (menu_item("run-add-key", Icon::Password, &language.say("ssh-add"), false, &Ask::Dialog("/ssh-keys/new".to_owned())))
            @for item in &found.items {
                @for action in view::actions(item) {
                    @let id = format!("run-{}-{}", action.as_str(), item.id);
                    (menu_item(&id, action.icon(), &label(action, &item.name, language), false, &desktop::ask(item, action)))
                }
            }
        }
        div role="group" aria-labelledby="palette-places" {
            div.menu-heading #palette-places { (language.say("palette-places")) }
            @for (place, path, picture, key) in PLACES {
                @if place != "host" || person.me.admin {
                    a role="menuitem" id={ "go-" (place) } href=(path) { (icon(picture)) (language.say(key)) }
                }
            }
        }
        (account(language))
        div role="group" aria-labelledby="palette-docs" lang="en" {
            div.menu-heading #palette-docs lang=(language.code()) { (language.say("rail-docs")) }
            @for place in library().places() {
                a role="menuitem" id={ "read-" (place.slug) "-" (place.anchor) } href=(place.address()) {
                    (icon(Icon::Book)) span { (place.title()) }
                }
            }
        }
    })
}

/// Colours, language and the way out, as in the account's menu.
fn account(language: Language) -> Markup {
    html! {
        div role="group" aria-labelledby="palette-account" {
            div.menu-heading #palette-account { (language.say("palette-account")) }
            @for (name, picture) in [("light", Icon::Sun), ("dark", Icon::Moon), ("system", Icon::SunMoon)] {
                button type="button" role="menuitem" id={ "run-theme-" (name) } data-theme-choice=(name) {
                    (icon(picture)) span { (language.say("theme")) ": " (language.say(&format!("theme-{name}"))) }
                }
            }
            @for other in Language::ALL {
                button type="button" role="menuitem" id={ "run-language-" (other.code()) }
                    hx-post={ "/account/language?to=" (other.code()) } hx-swap="none" {
                    (icon(Icon::Languages)) span { (language.say("language")) ": " span lang=(other.code()) { (other.say("language-name")) } }
                }
            }
            button type="button" role="menuitem" #run-sign-out hx-post="/sign-out" hx-swap="none" {
                (icon(Icon::SignOut)) (language.say("sign-out"))
            }
        }
    }
}

fn label(action: Action, name: &str, language: Language) -> String {
    language.say_with(&format!("run-{}", action.as_str()), &[("name", name)])
}
