//! When there is no page to show.

use maud::{Markup, html};

use crate::components::control::Tone;
use crate::components::layout::{doorway, link_button};
use crate::failure::Failure;
use crate::language::Language;

pub(crate) fn page(language: Language, failure: &Failure) -> Markup {
    let (title, text) = failure.words(language);
    let home = html! { div { (link_button(Tone::Plain, "/desktops", &language.say("error-home"))) } };
    doorway(language, &title, &[&text], &home)
}
