//! Dialogs: fragments that a script opens as they arrive in `#dialog`.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};

use super::control::{Ask, Tone, button, submit_focused};
use super::{Icon, icon};
use crate::language::Language;

/// A dialog with a form. Where the server finds fault with that, the form comes again in its own
/// place, so that nothing typed is lost.
pub(crate) struct Dialog {
    pub language: Language,
    pub id: &'static str,
    pub title: String,
    /// Where the form goes.
    pub action: String,
    pub submit: String,
    pub tone: Tone,
    pub wide: bool,
}

impl Dialog {
    /// With the key of its button.
    pub(crate) fn new(
        language: Language,
        id: &'static str,
        title: String,
        action: String,
        submit: &str,
    ) -> Self {
        let submit = language.say(submit);
        Self { language, id, title, action, submit, tone: Tone::Primary, wide: false }
    }

    /// One in which settings are changed and saved.
    pub(crate) fn settings(language: Language, id: &'static str, title: &str, action: String) -> Self {
        Self::new(language, id, language.say(title), action, "save")
    }

    /// One that asks before something is lost, with the key of a title in which `name` stands.
    pub(crate) fn warning(
        language: Language,
        id: &'static str,
        (title, name): (&str, &str),
        action: String,
        submit: &str,
    ) -> Self {
        let title = language.say_with(title, &[("name", name)]);
        Self { tone: Tone::Danger, ..Self::new(language, id, title, action, submit) }
    }

    pub(crate) fn wide(self) -> Self {
        Self { wide: true, ..self }
    }

    pub(crate) fn show(&self, body: &Markup) -> Markup {
        html! {
            dialog.dialog data-wide[self.wide] aria-labelledby={ (self.id) "-title" } {
                div.dialog-box { (self.form(body)) }
            }
        }
    }

    /// Only the form, to be corrected.
    pub(crate) fn refused(&self, status: StatusCode, body: &Markup) -> Response {
        (status, self.form(body)).into_response()
    }

    fn form(&self, body: &Markup) -> Markup {
        let danger = self.tone == Tone::Danger;
        html! {
            form id=(self.id) hx-post=(self.action) hx-target="this" hx-swap="outerMorph" novalidate {
                header {
                    h2 id={ (self.id) "-title" } { (self.title) }
                    (closer(self.language))
                }
                div.dialog-body { (body) }
                footer {
                    button.btn type="button" data-variant="outline" data-close autofocus[danger] { (self.language.say("cancel")) }
                    (submit_focused(self.tone, !danger, &self.submit))
                }
            }
        }
    }
}

/// The cross in its corner.
pub(crate) fn closer(language: Language) -> Markup {
    html! {
        button.btn type="button" data-variant="ghost" data-size="icon-sm" data-close aria-label=(language.say("close")) {
            (icon(Icon::X))
        }
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
pub(crate) fn opener(tone: Tone, small: bool, picture: Option<Icon>, label: &str, path: String) -> Markup {
    button(tone, small, picture, label, &Ask::Dialog(path))
}

/// A dialog that a script of the page opens, which says yes or nothing. Keys of title and button.
pub(crate) fn question(
    language: Language,
    what: &str,
    title: &str,
    (submit, tone): (&str, Tone),
    body: &Markup,
) -> Markup {
    let heading = format!("ask-{what}");
    html! {
        dialog.dialog data-ask=(what) aria-labelledby=(heading) {
            div.dialog-box {
                form method="dialog" {
                    header { h2 id=(heading) { (language.say(title)) } }
                    div.dialog-body { (body) }
                    footer {
                        button.btn type="button" data-variant="outline" data-close autofocus[tone == Tone::Danger] { (language.say("cancel")) }
                        button.btn type="submit" value="yes" data-variant=(tone.variant()) { (language.say(submit)) }
                    }
                }
            }
        }
    }
}
