//! How large a desktop is.

use axum::Form;
use axum::response::Response;
use maud::{Markup, html};
use rolltop_api_types::{Desktop, UpdateDesktop};
use rolltop_model::{DesktopId, Size};
use serde::Deserialize;

use crate::access::{Named, SignedIn};
use crate::components::Icon;
use crate::components::control::{Tone, checkbox, trouble};
use crate::components::dialog::{Dialog, opener};
use crate::components::size::choice;
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::pages::templates;
use crate::view::{self, Phase};

/// Below the facts in the panel.
pub(crate) fn buttons(language: Language, desktop: &Desktop, phase: Phase) -> Markup {
    html! {
        @if desktop.restart_needed { p.quiet { (language.say("resize-waits")) } }
        @if phase != Phase::Destroying {
            div.buttons {
                (opener(Tone::Plain, true, Some(Icon::Resize), &language.say("resize"), path_of(desktop)))
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
pub(crate) struct Input {
    #[serde(default)]
    size: String,
    #[serde(default)]
    disk: String,
    /// Only sent where it is checked.
    restart: Option<String>,
}

pub(crate) async fn edit(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id).await?;
    let answer = Input { size: desktop.size.to_string(), disk: desktop.disk_gib.to_string(), restart: None };
    let body = body(person.language, &answer, &Fault::default());
    Ok(dialog(person.language, &desktop).show(&body))
}

pub(crate) async fn set(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Form(answer): Form<Input>,
) -> Result<Response, Failure> {
    let language = person.language;
    let before = person.client.desktop(id).await?;
    let changed = match answer.disk.trim().parse() {
        Ok(disk) => {
            let (size, disk_gib) = (Some(answer.size.clone()), Some(disk));
            let change = UpdateDesktop { size, disk_gib, ..UpdateDesktop::default() };
            let changed = person.client.update_desktop(id, &change).await;
            changed.map_err(|error| Fault::of_answer(language, error))
        }
        Err(_) => Err(Ok(Fault::new(language, "disk_gib", "resize-disk-wrong"))),
    };
    let desktop = match changed {
        Ok(desktop) => desktop,
        Err(fault) => {
            let fault = fault?;
            return Ok(dialog(language, &before).refused(fault.status, &body(language, &answer, &fault)));
        }
    };
    let restarts = desktop.restart_needed && answer.restart.is_some();
    if restarts {
        person.client.restart_desktop(id).await?;
    }
    let done = if restarts { "done-restart" } else { "resized" };
    Ok(person.done_with_undo(done, &desktop.name, restarts.then_some(id)))
}

fn dialog(language: Language, desktop: &Desktop) -> Dialog {
    Dialog::settings(language, "resize", "resize-title", path_of(desktop))
}

fn body(language: Language, answer: &Input, fault: &Fault) -> Markup {
    html! {
        (trouble(fault.elsewhere(&[])))
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
        (checkbox(language, "resize-restart", "restart", answer.restart.is_some(), "resize-restart"))
    }
}
