//! What the pages of both kinds of keys share: the way from one to the other, and the list with the way to a new one.

use maud::{Markup, html};

use crate::access::SignedIn;
use crate::components::control::Tone;
use crate::components::dialog::opener;
use crate::components::layout::{Section, live_page};
use crate::components::table::{Column, empty, table};
use crate::components::{Icon, time};
use crate::language::Language;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Ssh,
    Api,
}

impl Kind {
    /// The name of its page and the keys of its words: what makes a new one, and that there is none.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Kind::Ssh => ("ssh-keys", "ssh-add", "ssh-empty"),
            Kind::Api => ("api-keys", "api-make", "api-empty"),
        }
    }
}

/// The list of one kind: a row for each.
pub(crate) fn page(person: &SignedIn, kind: Kind, columns: &[Column], rows: &[Markup]) -> Markup {
    let language = person.language;
    let (name, new, none) = kind.words();
    let new = |small| {
        let path = format!("/{name}/new");
        opener(Tone::Primary, small, Some(Icon::Plus), &language.say(new), path)
    };
    let rows_of_table = html! { @for row in rows { (row) } };
    let list = html! {
        section id=(name) data-live=(name) hx-get={ "/" (name) } hx-trigger="refresh, every 10s" hx-swap="outerMorph" hx-target="this" {
            @if rows.is_empty() {
                (empty(language, none, &new(false)))
            } @else {
                div.filters {
                    span.quiet { (language.say(&format!("{name}-text"))) }
                    div.at-end { (new(true)) }
                }
                (table(language, "", columns, &rows_of_table))
            }
        }
    };
    live_page(person, Section::Keys, name, list, |list| html! { (switch(language, kind)) (list) })
}

fn switch(language: Language, kind: Kind) -> Markup {
    let current = |own| (kind == own).then_some("page");
    html! {
        nav.segments.page-switch aria-label=(language.say("rail-keys")) {
            a.segment href="/ssh-keys" aria-current=[current(Kind::Ssh)] { (language.say("ssh-keys")) }
            a.segment href="/api-keys" aria-current=[current(Kind::Api)] { (language.say("api-keys")) }
        }
    }
}

/// When a key was last used.
pub(crate) fn used(language: Language, at: Option<jiff::Timestamp>) -> Markup {
    match at {
        Some(at) => time::ago(language, at),
        None => html! { span.quiet { (language.say("ssh-never-used")) } },
    }
}
