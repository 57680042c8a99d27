//! What the pages about keys share: the way from one kind to the other.

use maud::{Markup, html};

use crate::language::Language;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Ssh,
    Api,
}

pub(super) fn switch(language: Language, kind: Kind) -> Markup {
    let current = |own| (kind == own).then_some("page");
    html! {
        nav.segments.page-switch aria-label=(language.say("rail-keys")) {
            a.segment href="/ssh-keys" aria-current=[current(Kind::Ssh)] { (language.say("ssh-keys")) }
            a.segment href="/api-keys" aria-current=[current(Kind::Api)] { (language.say("api-keys")) }
        }
    }
}
