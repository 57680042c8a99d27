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
use crate::components::desktop::label;
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
    /// What the form showed at first, so that only what was changed in it is sent: others may have changed the rest meanwhile.
    #[serde(flatten)]
    shown: Shown,
}

#[derive(Deserialize, Clone, Default)]
struct Shown {
    shown_screen: Option<String>,
    shown_labels: Option<String>,
    shown_note: Option<String>,
}

impl Input {
    fn of(desktop: &Desktop) -> Self {
        let choices = &desktop.choices;
        let screen = choices.screen.map_or_else(|| FOLLOW.to_owned(), |screen| screen.to_string());
        let (labels, note) = (choices.labels.to_string(), choices.note.as_str().to_owned());
        let shown = Shown {
            shown_screen: Some(screen.clone()),
            shown_labels: Some(labels.clone()),
            shown_note: Some(note.clone()),
        };
        Self { screen: Some(screen), labels: Some(labels), note: Some(note), shown }
    }

    /// A new desktop's part of it.
    pub(crate) fn wanted(&self) -> CreateDesktop {
        CreateDesktop {
            screen: self.screen.as_deref().and_then(given).filter(|screen| screen != FOLLOW),
            labels: self.labels.as_deref().map(pairs).filter(|labels| !labels.is_empty()),
            note: self.note.as_deref().and_then(given),
            ..CreateDesktop::default()
        }
    }

    async fn save(&self, person: &SignedIn, id: DesktopId) -> Result<Desktop, ClientError> {
        let Shown { shown_screen, shown_labels, shown_note } = &self.shown;
        let change = UpdateDesktop {
            screen: self.screen.clone().filter(|_| self.screen != *shown_screen),
            labels: self
                .labels
                .as_deref()
                .map(|labels| changed(shown_labels, labels))
                .filter(|all| !all.is_empty()),
            // A form sends each end of a line as two characters.
            note: self.note.clone().filter(|note| Some(note.replace("\r\n", "\n")) != *shown_note),
            ..UpdateDesktop::default()
        };
        if change == UpdateDesktop::default() {
            return person.client.desktop(id).await;
        }
        person.client.update_desktop(id, &change).await
    }
}

/// Labels to set, and those to remove.
fn changed(shown: &Option<String>, wanted: &str) -> BTreeMap<String, Option<String>> {
    let (shown, wanted) = (pairs(shown.as_deref().unwrap_or_default()), pairs(wanted));
    let gone = shown.keys().filter(|key| !wanted.contains_key(*key)).map(|key| (key.clone(), None));
    let set = wanted.iter().filter(|(key, value)| shown.get(*key) != Some(value));
    gone.chain(set.map(|(key, value)| (key.clone(), Some(value.clone())))).collect()
}

fn pairs(labels: &str) -> BTreeMap<String, String> {
    let labels = labels.split([',', '\n']).map(str::trim);
    let pair = |label: &str| {
        let (key, value) = label.split_once('=').unwrap_or((label, ""));
        (key.trim().to_owned(), value.trim().to_owned())
    };
    labels.filter(|label| !label.is_empty()).map(pair).collect()
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
    let Shown { shown_screen, shown_labels, shown_note } = &answer.shown;
    html! {
        @for (name, shown) in [("shown_screen", shown_screen), ("shown_labels", shown_labels), ("shown_note", shown_note)] {
            @if let Some(shown) = shown { input type="hidden" name=(name) value=(shown); }
        }
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
                div.labels { @for (key, value) in choices.labels.iter() { (label(key, value, Some("badge"))) } }
            }
            @if !choices.note.is_empty() { p.note { bdi { (choices.note.as_str()) } } }
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
