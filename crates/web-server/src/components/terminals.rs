//! The terminals of a desktop: the frame that a script fills with them.

use maud::{Markup, html};
use rolltop_model::DesktopId;

use super::control::{Tone, leave};
use super::dialog::question;
use super::{Icon, icon};
use crate::assets;
use crate::language::Language;

/// What a phone's keyboard lacks: what is shown, its name, and what is typed, as JSON writes it.
const KEYS: [(&str, &str, &str); 10] = [
    ("Esc", "key-escape", r"\u001b"),
    ("Tab", "key-tab", r"\t"),
    ("Ctrl", "key-control", ""),
    ("←", "key-left", r"\u001b[D"),
    ("↑", "key-up", r"\u001b[A"),
    ("↓", "key-down", r"\u001b[B"),
    ("→", "key-right", r"\u001b[C"),
    ("|", "key-bar", "|"),
    ("~", "key-tilde", "~"),
    ("/", "key-slash", "/"),
];

/// `preview`: the address of a preview, with `%port%` in it, where there can be one.
pub(crate) fn terminals(language: Language, desktop: DesktopId, preview: Option<&str>) -> Markup {
    html! {
        rolltop-terminals #terminals hx-morph-skip data-desktop=(desktop) data-module=(assets::address("terminal.js"))
            data-ended=(language.say("terminal-ended")) data-closed=(language.say_with("terminal-closed", &[("name", "%name%")]))
            data-preview=[preview] {
            div.terminal-bar role="toolbar" aria-label=(language.say("tab-terminal")) {
                div data-tabs role="group" aria-label=(language.say("terminal-list")) {}
                (button(language, "new", "terminal-new", Icon::Plus))
                div.at-end {
                    (button(language, "search", "terminal-search", Icon::Search))
                    (button(language, "full", "bar-full", Icon::Expand))
                }
            }
            div.terminal-search role="search" hidden {
                input type="search" data-search-text aria-label=(language.say("terminal-search")) placeholder=(language.say("terminal-search-hint"))
                    autocomplete="off" autocapitalize="none" spellcheck="false";
                span.quiet data-missed=(language.say("terminal-missed")) role="status" {}
                (button(language, "older", "terminal-older", Icon::ChevronUp))
                (button(language, "newer", "terminal-newer", Icon::Chevron))
            }
            @if preview.is_some() {
                div.terminal-offer role="status" hidden {
                    span { (language.say("terminal-offer")) " " b data-port {} }
                    a.btn target="_blank" rel="noopener noreferrer" data-variant="outline" data-size="sm" { (language.say("terminal-offer-open")) }
                    (button(language, "unoffer", "dismiss", Icon::X))
                }
            }
            div.terminal-places {
                div.terminal-message hidden {
                    p {}
                    button.btn type="button" data-variant="outline" data-size="sm" data-act="again" { (language.say("terminal-again")) }
                }
            }
            (leave(language, "terminal-leave"))
            div.terminal-keys role="toolbar" aria-label=(language.say("terminal-keys")) {
                @for (shown, name, typed) in KEYS {
                    button type="button" data-type=(typed) data-sticky[typed.is_empty()] aria-label=(language.say(name))
                        aria-pressed=[typed.is_empty().then_some("false")] { (shown) }
                }
            }
            (question(language, "close", "terminal-ask-close", ("terminal-close", Tone::Danger), &html! {
                p { bdi.mono data-program {} " " (language.say("terminal-warn-close")) }
            }))
            template data-tab {
                span.terminal-tab {
                    button type="button" aria-pressed="false" { (language.say("tab-terminal")) " " span data-number {} }
                    button type="button" data-act="close" aria-label=(language.say("terminal-close")) { (icon(Icon::X)) }
                }
            }
        }
    }
}

fn button(language: Language, act: &str, name: &str, picture: Icon) -> Markup {
    let name = language.say(name);
    html! {
        button.btn type="button" data-variant="ghost" data-size="icon-sm" data-act=(act) aria-label=(name) title=(name) { (icon(picture)) }
    }
}
