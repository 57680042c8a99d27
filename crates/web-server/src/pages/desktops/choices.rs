//! What the owner of a desktop chooses for it: in the dialog of a new one, in a dialog of its own, and in the panel.

use std::collections::BTreeMap;

use axum::Form;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use rolltop_api_types::{ClientError, CreateDesktop, Desktop, UpdateDesktop};
use rolltop_model::DesktopId;
use serde::Deserialize;

use crate::access::{Named, SignedIn};
use crate::components::Icon;
use crate::components::control::{Field, Tone, field, problem, trouble};
use crate::components::dialog::{Dialog, opener};
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::pages::desktops::actions::given;

/// The sizes that are offered; another one may have been set by the API.
const SCREENS: [&str; 6] = ["1024x768", "1280x800", "1440x900", "1600x1000", "1920x1080", "2560x1440"];
/// In place of a size.
const FOLLOW: &str = "follow";
/// As the API calls them.
pub(crate) const FIELDS: [&str; 3] = ["screen", "labels", "note"];

/// What is filled in. What is absent stays as it is.
#[derive(Deserialize, Clone, Default)]
pub(crate) struct Input {
    screen: Option<String>,
    /// `key=value`, with commas or lines between them: all that there are to be.
    labels: Option<String>,
    note: Option<String>,
}

impl Input {
    fn of(desktop: &Desktop) -> Self {
        let choices = &desktop.choices;
        Self {
            screen: choices.screen.map(|screen| screen.to_string()),
            labels: Some(choices.labels.to_string()),
            note: Some(choices.note.as_str().to_owned()),
        }
    }

    /// A new desktop's part of it.
    pub(crate) fn wanted(&self) -> CreateDesktop {
        CreateDesktop {
            screen: self.screen.as_deref().and_then(given).filter(|screen| screen != FOLLOW),
            labels: Some(self.labels()).filter(|labels| !labels.is_empty()),
            note: self.note.as_deref().and_then(given),
            ..CreateDesktop::default()
        }
    }

    async fn save(&self, person: &SignedIn, id: DesktopId) -> Result<Desktop, ClientError> {
        let Self { screen, note, .. } = self.clone();
        let mut change = UpdateDesktop { screen, note, ..UpdateDesktop::default() };
        if self.labels.is_some() {
            // Those that are not among them go, which takes knowing them.
            let before = person.client.desktop(id).await?;
            let gone = before.choices.labels.iter().map(|(key, _)| (key.to_owned(), None));
            let wanted = self.labels().into_iter().map(|(key, value)| (key, Some(value)));
            change.labels = Some(gone.chain(wanted).collect());
        }
        person.client.update_desktop(id, &change).await
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.labels.as_deref().unwrap_or_default().split([',', '\n']).map(str::trim);
        let pair = |label: &str| {
            let (key, value) = label.split_once('=').unwrap_or((label, ""));
            (key.trim().to_owned(), value.trim().to_owned())
        };
        labels.filter(|label| !label.is_empty()).map(pair).collect()
    }
}

pub(crate) async fn edit(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id).await?;
    let body = fields(person.language, "choices", &Input::of(&desktop), &Fault::default());
    Ok(dialog(person.language, id).show(&body))
}

/// The dialog's.
pub(crate) async fn set(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Form(answer): Form<Input>,
) -> Result<Response, Failure> {
    let language = person.language;
    match answer.save(&person, id).await {
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
    Form(answer): Form<Input>,
) -> Result<Response, Failure> {
    answer.save(&person, id).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn dialog(language: Language, id: DesktopId) -> Dialog {
    Dialog::settings(language, "choices", "choices-title", format!("/desktops/{id}/choices"))
}

/// All of them, for a form. `form` keeps what it calls its fields apart from another's.
pub(crate) fn fields(language: Language, form: &str, answer: &Input, fault: &Fault) -> Markup {
    let id = |name: &str| format!("{form}-{name}");
    let (screen, labels, note) = (id("screen"), id("labels"), id("note"));
    let text = |id, name, label, hint, value| Field {
        hint: Some(hint),
        problem: fault.at(name),
        required: false,
        ..Field::text(id, name, label, value)
    };
    let (of_labels, of_note) = (answer.labels.as_deref(), answer.note.as_deref());
    let labels = text(&labels, "labels", "labels", "labels-hint", of_labels.unwrap_or_default());
    let note = text(&note, "note", "note", "note-hint", of_note.unwrap_or_default());
    html! {
        (field(language, &labels))
        (field(language, &Field { rows: Some(3), ..note }))
        div.field {
            label for=(screen) { (language.say("screen-size")) }
            (screens(language, &screen, answer.screen.as_deref()))
            (problem(fault.at("screen")))
            p.hint id={ (screen) "-text" } { (language.say("screen-size-text")) }
        }
    }
}

/// Labels and note, and those that are changed at once, in forms of their own.
pub(crate) fn place(language: Language, desktop: &Desktop) -> Markup {
    let choices = &desktop.choices;
    let fixed = choices.screen.map(|screen| screen.to_string());
    let edit = format!("/desktops/{}/choices", desktop.id);
    html! {
        section.panel-section {
            h2 { (language.say("labels-title")) }
            @if !choices.labels.is_empty() {
                div.buttons { @for (key, value) in choices.labels.iter() { (label(key, value)) } }
            }
            @for line in choices.note.as_str().lines() { p { bdi { (line) } } }
            @if choices.labels.is_empty() && choices.note.is_empty() { p { (language.say("labels-text")) } }
            (opener(Tone::Plain, true, Some(Icon::Pencil), &language.say("labels-edit"), edit))
        }
        section.panel-section {
            h2 { label for="screen-size" { (language.say("screen-size")) } }
            form hx-post={ "/desktops/" (desktop.id) "/settings/choices" } hx-trigger="change" hx-swap="none" {
                (screens(language, "screen-size", fixed.as_deref()))
            }
            p #screen-size-text { (language.say("screen-size-text")) }
        }
    }
}

/// It leads to the desktops that have it.
fn label(key: &str, value: &str) -> Markup {
    let label = if value.is_empty() { key.to_owned() } else { format!("{key}={value}") };
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("label", &label).finish();
    html! { a.badge data-variant="secondary" href={ "/desktops?" (query) } { bdi { (label) } } }
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
