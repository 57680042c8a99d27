//! What the owner of a desktop chooses for it: in the dialog of a new one, in a dialog of its own, and in the panel.

use axum::Form;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use rolltop_api_types::{CreateDesktop, Desktop, UpdateDesktop};
use rolltop_model::DesktopId;
use serde::Deserialize;

use super::actions::given;
use crate::access::{Named, SignedIn};
use crate::components::control::{problem, trouble};
use crate::components::dialog::Dialog;
use crate::failure::{Failure, Fault};
use crate::language::Language;

/// The sizes that are offered; another one may have been set by the API.
const SCREENS: [&str; 6] = ["1024x768", "1280x800", "1440x900", "1600x1000", "1920x1080", "2560x1440"];
/// In place of a size.
const FOLLOW: &str = "follow";
/// As the API calls them.
pub(super) const FIELDS: [&str; 1] = ["screen"];

/// What is filled in. What is absent stays as it is.
#[derive(Deserialize, Clone, Default)]
pub(crate) struct Answer {
    screen: Option<String>,
}

impl Answer {
    fn of(desktop: &Desktop) -> Self {
        Self { screen: desktop.choices.screen.map(|screen| screen.to_string()) }
    }

    /// A new desktop's part of it.
    pub(super) fn wanted(&self) -> CreateDesktop {
        CreateDesktop {
            screen: self.screen.as_deref().and_then(given).filter(|screen| screen != FOLLOW),
            ..CreateDesktop::default()
        }
    }

    fn change(self) -> UpdateDesktop {
        UpdateDesktop { screen: self.screen, ..UpdateDesktop::default() }
    }
}

pub(crate) async fn edit(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id).await?;
    let body = fields(person.language, "choices", &Answer::of(&desktop), &Fault::default());
    Ok(dialog(person.language, id).show(&body))
}

/// The dialog's.
pub(crate) async fn set(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Form(answer): Form<Answer>,
) -> Result<Response, Failure> {
    let language = person.language;
    match person.client.update_desktop(id, &answer.clone().change()).await {
        Ok(desktop) => Ok(person.done("choices-done", &desktop.name)),
        Err(error) => {
            let fault = Fault::of_answer(language, error)?;
            let body = html! {
                (trouble(fault.elsewhere(&FIELDS)))
                (fields(language, "choices", &answer, &fault))
            };
            Ok(dialog(language, id).refused(fault.status, &body))
        }
    }
}

/// The panel's, one of them at a time.
pub(crate) async fn set_one(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Form(answer): Form<Answer>,
) -> Result<Response, Failure> {
    person.client.update_desktop(id, &answer.change()).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn dialog(language: Language, id: DesktopId) -> Dialog {
    Dialog::settings(language, "choices", "choices-title", format!("/desktops/{id}/choices"))
}

/// All of them, for a form. `form` keeps what it calls its fields apart from another's.
pub(super) fn fields(language: Language, form: &str, answer: &Answer, fault: &Fault) -> Markup {
    let id = format!("{form}-screen");
    html! {
        div.field {
            label for=(id) { (language.say("screen-size")) }
            (screens(language, &id, answer.screen.as_deref()))
            (problem(fault.at("screen")))
            p.hint id={ (id) "-text" } { (language.say("screen-size-text")) }
        }
    }
}

/// Those that are changed at once, in forms of their own.
pub(super) fn place(language: Language, desktop: &Desktop) -> Markup {
    let fixed = desktop.choices.screen.map(|screen| screen.to_string());
    html! {
        section.panel-section {
            h2 { label for="screen-size" { (language.say("screen-size")) } }
            form hx-post={ "/desktops/" (desktop.id) "/settings/choices" } hx-trigger="change" hx-swap="none" {
                (screens(language, "screen-size", fixed.as_deref()))
            }
            p #screen-size-text { (language.say("screen-size-text")) }
        }
    }
}

/// The size that a screen keeps, or that it follows whoever drives.
fn screens(language: Language, id: &str, chosen: Option<&str>) -> Markup {
    let chosen = chosen.filter(|chosen| !chosen.is_empty() && *chosen != FOLLOW);
    let other = chosen.filter(|size| !SCREENS.contains(size));
    html! {
        select.select id=(id) name="screen" autocomplete="off" aria-describedby={ (id) "-text" } {
            option value=(FOLLOW) selected[chosen.is_none()] { (language.say("screen-size-follow")) }
            @for size in SCREENS.into_iter().chain(other) {
                option value=(size) selected[chosen == Some(size)] { (size.replace('x', " × ")) }
            }
        }
    }
}
