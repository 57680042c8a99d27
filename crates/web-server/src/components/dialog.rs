//! Dialogs: fragments that a script opens as they arrive in `#dialog`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};

use super::control::{Ask, Tone, button as ask_button, submit_focused};
use super::{Icon, icon};
use crate::language::Language;

/// A form in a dialog. It replaces itself where the server finds fault with it, so that
/// nothing typed is lost.
pub(crate) struct Form<'a> {
    pub id: &'a str,
    pub title: &'a str,
    pub action: &'a str,
    pub body: &'a Markup,
    pub submit: &'a str,
    pub danger: bool,
}

pub(crate) fn show(language: Language, wide: bool, form: &Form<'_>) -> Markup {
    html! {
        dialog.dialog data-wide[wide] aria-labelledby={ (form.id) "-title" } {
            div.dialog-box { (self::form(language, form)) }
        }
    }
}

/// Only the form, for when it has to be corrected.
pub(crate) fn form(language: Language, form: &Form<'_>) -> Markup {
    let tone = if form.danger { Tone::Danger } else { Tone::Primary };
    html! {
        form id=(form.id) hx-post=(form.action) hx-target="this" hx-swap="outerMorph" novalidate {
            header {
                h2 id={ (form.id) "-title" } { (form.title) }
                button.btn type="button" data-variant="ghost" data-size="icon-sm" data-close aria-label=(language.say("close")) {
                    (icon(Icon::X))
                }
            }
            div.dialog-body { (form.body) }
            footer {
                button.btn type="button" data-variant="outline" data-close autofocus[form.danger] { (language.say("cancel")) }
                (submit_focused(tone, !form.danger, form.submit))
            }
        }
    }
}

/// A dialog in which settings are changed and saved.
pub(crate) struct Settings<'a> {
    pub id: &'a str,
    /// Key of its title.
    pub title: &'a str,
    pub action: &'a str,
}

impl Settings<'_> {
    pub(crate) fn show(&self, language: Language, body: &Markup) -> Markup {
        self.form(language, body, |form| show(language, false, form))
    }

    /// The form again, to be corrected: nothing typed is lost.
    pub(crate) fn refused(&self, language: Language, body: &Markup) -> Response {
        let form = self.form(language, body, |form| self::form(language, form));
        (StatusCode::UNPROCESSABLE_ENTITY, form).into_response()
    }

    fn form(&self, language: Language, body: &Markup, shown: impl FnOnce(&Form<'_>) -> Markup) -> Markup {
        let (title, submit) = (language.say(self.title), language.say("save"));
        let Self { id, action, .. } = *self;
        shown(&Form { id, title: &title, action, body, submit: &submit, danger: false })
    }
}

/// A dialog that asks before something is lost.
pub(crate) struct Warning<'a> {
    pub id: &'a str,
    /// Key of its title, in which `name` stands.
    pub title: &'a str,
    pub name: &'a str,
    pub action: &'a str,
    /// Key of its button.
    pub submit: &'a str,
}

impl Warning<'_> {
    pub(crate) fn show(&self, language: Language, body: &Markup) -> Markup {
        let title = language.say_with(self.title, &[("name", self.name)]);
        let submit = language.say(self.submit);
        let Self { id, action, .. } = *self;
        show(language, false, &Form { id, title: &title, action, body, submit: &submit, danger: true })
    }
}

/// What takes the place of a dialog's form to be read this once: a click beside it does not close it.
pub(crate) fn told(language: Language, id: &str, title: &str, body: &Markup) -> Markup {
    html! {
        form id=(id) method="dialog" data-once {
            header { h2 id={ (id) "-title" } { (title) } }
            div.dialog-body { (body) }
            footer { (submit_focused(Tone::Primary, true, &language.say("done"))) }
        }
    }
}

/// A button that opens the dialog at `path`.
pub(crate) fn opener(tone: Tone, small: bool, picture: Option<Icon>, label: &str, path: &str) -> Markup {
    ask_button(tone, small, picture, label, &Ask::Dialog(path))
}
