//! Toasts: what came of an action, out of band into the list that every page has.

use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_model::DesktopId;

use super::{Icon, icon};
use crate::language::Language;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Info,
    Error,
}

/// A way back.
#[derive(Clone, Copy)]
enum Undo {
    /// Of the last that was done with this desktop.
    Of(DesktopId),
    /// A script knows.
    OfThePage,
}

impl Undo {
    fn path(self) -> Option<String> {
        match self {
            Undo::Of(desktop) => Some(format!("/desktops/{desktop}/undo")),
            Undo::OfThePage => None,
        }
    }
}

/// Tells the page that something is done: the dialog that asked for it closes, and its parts fetch themselves again.
pub(crate) fn finished(toasts: Markup) -> Response {
    ([("hx-trigger", "rolltop:done")], toasts).into_response()
}

/// With a way back, where there is one: for a desktop of which something is kept.
pub(crate) fn done(language: Language, text: &str, undo: Option<DesktopId>) -> Markup {
    out_of_band(item(language, Kind::Info, text, undo.map(Undo::Of)))
}

pub(crate) fn error(language: Language, text: &str) -> Markup {
    out_of_band(item(language, Kind::Error, text, None))
}

/// The list, and patterns for toasts that are made in the browser.
pub(crate) fn list(language: Language) -> Markup {
    html! {
        section.toasts #toasts aria-label=(language.say("toasts-label")) aria-live="polite" {}
        template #toast-info { (item(language, Kind::Info, "", None)) }
        template #toast-error { (item(language, Kind::Error, "", None)) }
        template #toast-undo { (item(language, Kind::Info, "", Some(Undo::OfThePage))) }
    }
}

fn out_of_band(item: Markup) -> Markup {
    html! { div hx-swap-oob="beforeend:#toasts" { (item) } }
}

fn item(language: Language, kind: Kind, text: &str, undo: Option<Undo>) -> Markup {
    let (name, picture) = match kind {
        Kind::Info => ("info", Icon::Done),
        Kind::Error => ("error", Icon::Alert),
    };
    html! {
        div.toast data-kind=(name) role=[(kind == Kind::Error).then_some("alert")] {
            (icon(picture))
            p data-text { (text) }
            @if let Some(undo) = undo {
                @let path = undo.path();
                button.btn type="button" data-size="sm" data-variant="outline" data-undo hx-post=[&path] hx-swap=[path.as_ref().map(|_| "none")] {
                    (language.say("undo"))
                }
            }
            button type="button" data-dismiss aria-label=(language.say("dismiss")) { (icon(Icon::X)) }
        }
    }
}
