//! How large a desktop is.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{Desktop, UpdateDesktop};
use rolltop_model::Size;
use serde::Deserialize;

use super::actions::id;
use super::templates;
use crate::access::SignedIn;
use crate::components::control::{Ask, Notice, Tone, button, notice};
use crate::components::size::choice;
use crate::components::{Icon, dialog, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;
use crate::view::{self, Phase};

/// Below the facts in the panel.
pub(super) fn buttons(language: Language, desktop: &Desktop, phase: Phase) -> Markup {
    html! {
        @if desktop.restart_needed { p.quiet { (language.say("resize-waits")) } }
        @if phase != Phase::Destroying {
            div.buttons {
                (button(Tone::Plain, true, Some(Icon::Resize), &language.say("resize"), &Ask::Dialog(&path_of(desktop))))
                @if view::lacks(desktop, "images").is_none() { (templates::opener(language, desktop)) }
            }
        }
    }
}

fn path_of(desktop: &Desktop) -> String {
    format!("/desktops/{}/size", desktop.id)
}

/// The size as the dialog has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    size: String,
    #[serde(default)]
    disk: String,
    /// Only sent where it is checked.
    restart: Option<String>,
}

pub(crate) async fn edit(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id(&path)?).await?;
    let answer = Answer { size: desktop.size.to_string(), disk: desktop.disk_gib.to_string(), restart: None };
    let body = body(person.language, &answer, None);
    Ok(dialog(&path_of(&desktop)).show(person.language, &body))
}

pub(crate) async fn set(
    person: SignedIn,
    Path(path): Path<String>,
    Form(answer): Form<Answer>,
) -> Result<Response, Failure> {
    let language = person.language;
    let before = person.client.desktop(id(&path)?).await?;
    let refused = |text: &str| {
        let body = body(language, &answer, Some(text));
        dialog(&path_of(&before)).refused(language, &body)
    };
    let Ok(disk_gib) = answer.disk.trim().parse() else {
        return Ok(refused(&language.say("resize-disk-wrong")));
    };
    let change = UpdateDesktop {
        size: Some(answer.size.clone()),
        disk_gib: Some(disk_gib),
        ..UpdateDesktop::default()
    };
    let desktop = match person.client.update_desktop(before.id, &change).await {
        Ok(desktop) => desktop,
        Err(error) if error.problem().is_some_and(|problem| !problem.errors.is_empty()) => {
            return Ok(refused(&sentence(language, &error)));
        }
        Err(error) => return Err(error.into()),
    };
    let restarts = desktop.restart_needed && answer.restart.is_some();
    if restarts {
        person.client.restart_desktop(desktop.id).await?;
    }
    let done = if restarts { "done-restart" } else { "resized" };
    let text = language.say_with(done, &[("name", &desktop.name)]);
    let toast = toast::done_with_undo(language, &text, restarts.then_some(desktop.id));
    Ok(([("hx-trigger", "rolltop:done")], toast).into_response())
}

fn dialog(action: &str) -> dialog::Settings<'_> {
    dialog::Settings { id: "resize", title: "resize-title", action }
}

fn body(language: Language, answer: &Answer, problem: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = problem { (notice(Notice::Error, &html! { (text) })) }
        fieldset.choice-group {
            legend { (language.say("column-size")) }
            div.choices {
                @for size in Size::ALL {
                    (choice(language, &format!("resize-{size}"), size, (size.vcpus(), size.memory_mib()), size.as_str() == answer.size, &html! {}))
                }
            }
        }
        label.sleep-inputs {
            (language.say("resize-disk")) " "
            input.input type="number" name="disk" min="1" max="2048" value=(answer.disk);
            " GiB"
        }
        p.quiet { (language.say("resize-text")) }
        label.choice-line {
            input type="checkbox" name="restart" value="yes" checked[answer.restart.is_some()];
            span { (language.say("resize-restart")) }
        }
    }
}
