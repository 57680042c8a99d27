//! What the command palette offers: every desktop, and what can be done here.

use maud::{Markup, html};
use rolltop_api_types::ListDesktops;

use crate::access::SignedIn;
use crate::components::{Icon, desktop, icon};
use crate::docs::library;
use crate::failure::Failure;
use crate::language::Language;
use crate::view::{self, Action, Phase};

/// Desktops listed at most, the newest.
const DESKTOPS: u32 = 200;

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
            button type="button" role="menuitem" #run-new hx-get="/desktops/new" hx-target="#dialog" hx-swap="innerHTML" {
                (icon(Icon::Plus)) (language.say("new-desktop"))
            }
            button type="button" role="menuitem" #run-add-key hx-get="/ssh-keys/new" hx-target="#dialog" hx-swap="innerHTML" {
                (icon(Icon::Password)) (language.say("ssh-add"))
            }
            @for item in &found.items {
                @for action in view::actions(item) {
                    @let path = desktop::action_path(item, action);
                    button type="button" role="menuitem" id={ "run-" (action.as_str()) "-" (item.id) }
                        hx-get=[action.asks_first().then_some(&path)] hx-post=[(!action.asks_first()).then_some(&path)]
                        hx-target=[action.asks_first().then_some("#dialog")] hx-swap=(if action.asks_first() { "innerHTML" } else { "none" }) {
                        (icon(action.icon()))
                        span { (label(action, &item.name, language)) }
                    }
                }
            }
        }
        div role="group" aria-labelledby="palette-places" {
            div.menu-heading #palette-places { (language.say("palette-places")) }
            a role="menuitem" #go-desktops href="/desktops" { (icon(Icon::Grid)) (language.say("rail-desktops")) }
            a role="menuitem" #go-snapshots href="/snapshots" { (icon(Icon::Layers)) (language.say("snapshots")) }
            a role="menuitem" #go-keys href="/ssh-keys" { (icon(Icon::Password)) (language.say("ssh-keys")) }
            a role="menuitem" #go-api-keys href="/api-keys" { (icon(Icon::Password)) (language.say("api-keys")) }
            @if person.me.admin { a role="menuitem" #go-host href="/host" { (icon(Icon::Server)) (language.say("rail-host")) } }
            a role="menuitem" #go-docs href="/docs" { (icon(Icon::Book)) (language.say("rail-docs")) }
            a role="menuitem" #go-password href="/account/password" { (icon(Icon::Password)) (language.say("account-password")) }
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
