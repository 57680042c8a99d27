//! Snapshots that are taken of a desktop without anybody asking.

use axum::Form;
use axum::response::Response;
use maud::{Markup, html};
use rolltop_api_types::{DesktopSnapshotSchedule, SnapshotSchedule};
use rolltop_model::DesktopId;
use serde::Deserialize;

use crate::access::{Named, SignedIn};
use crate::components::control::{Tone, checkbox, fetched_section, trouble};
use crate::components::dialog::{Dialog, opener};
use crate::components::{Icon, time};
use crate::failure::{Failure, Fault};
use crate::language::Language;

/// What the dialog proposes where nothing was set before.
const PROPOSED: SnapshotSchedule =
    SnapshotSchedule { every_hours: 6, keep_last: 4, keep_days: 7, copies: false };

/// In the panel.
pub(crate) fn place(language: Language, id: DesktopId) -> Markup {
    fetched_section(language, "schedule", &path_of(id), 60, "schedule")
}

pub(crate) async fn show(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let known = person.client.snapshot_schedule(id).await?;
    let copied = match known.schedule {
        Some(schedule) if schedule.copies => Some(person.client.copies().await?.configured),
        _ => None,
    };
    Ok(content(person.language, id, &known, copied))
}

/// `copied`: whether what is to be copied off the host can be.
fn content(
    language: Language,
    id: DesktopId,
    known: &DesktopSnapshotSchedule,
    copied: Option<bool>,
) -> Markup {
    html! {
        h2 { (language.say("schedule")) }
        @match &known.schedule {
            None => p { (language.say("schedule-none")) },
            Some(schedule) => {
                p { (language.count("schedule-every", schedule.every_hours.into())) " " (language.count("schedule-last", schedule.keep_last.into())) }
                @if let Some(copied) = copied {
                    p { (language.say(if copied { "schedule-copied" } else { "schedule-copied-nowhere" })) }
                }
                @if schedule.keep_days > 0 { p { (language.count("schedule-days", schedule.keep_days.into())) } }
                @if let Some(next) = known.next_at { p.quiet { (language.say("schedule-next")) " " (time::until(next)) } }
            }
        }
        div.buttons {
            (opener(Tone::Plain, true, Some(Icon::Camera), &language.say("sleep-change"), format!("/desktops/{id}/schedule/edit")))
        }
    }
}

/// The schedule as the dialog has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Input {
    on: Option<String>,
    #[serde(default)]
    hours: String,
    #[serde(default)]
    last: String,
    #[serde(default)]
    days: String,
    /// Only sent where it is checked.
    copies: Option<String>,
}

impl Input {
    fn of(known: Option<SnapshotSchedule>) -> Self {
        let shown = known.unwrap_or(PROPOSED);
        Self {
            on: known.map(|_| "on".to_owned()),
            hours: shown.every_hours.to_string(),
            last: shown.keep_last.to_string(),
            days: shown.keep_days.to_string(),
            copies: shown.copies.then(|| "on".to_owned()),
        }
    }

    /// What is asked for; `None` where something is no number.
    fn schedule(&self) -> Option<SnapshotSchedule> {
        let number = |text: &str| text.trim().parse().ok();
        Some(SnapshotSchedule {
            every_hours: number(&self.hours)?,
            keep_last: number(&self.last)?,
            keep_days: number(&self.days)?,
            copies: self.copies.is_some(),
        })
    }
}

pub(crate) async fn edit(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let answer = Input::of(person.client.snapshot_schedule(id).await?.schedule);
    let copies = may_copy(&person, &answer).await?;
    Ok(dialog(person.language, id).show(&body(person.language, &answer, copies, &Fault::default())))
}

/// Whether copies are offered: there is a place for them, or they were asked for while there was one.
async fn may_copy(person: &SignedIn, answer: &Input) -> Result<bool, Failure> {
    Ok(answer.copies.is_some() || person.client.copies().await?.configured)
}

fn path_of(id: DesktopId) -> String {
    format!("/desktops/{id}/schedule")
}

fn dialog(language: Language, id: DesktopId) -> Dialog {
    Dialog::settings(language, "snapshot-schedule", "schedule-title", path_of(id))
}

pub(crate) async fn set(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Form(answer): Form<Input>,
) -> Result<Response, Failure> {
    let language = person.language;
    let copies = may_copy(&person, &answer).await?;
    let set = match (answer.on.is_some(), answer.schedule()) {
        (false, _) => Ok(person.client.end_snapshot_schedule(id).await),
        (true, Some(schedule)) => Ok(person.client.set_snapshot_schedule(id, &schedule).await),
        (true, None) => Err(Fault::new(language, "", "schedule-wrong")),
    };
    let fault = match set {
        Ok(Ok(())) => return Ok(person.done("schedule-set", "")),
        Ok(Err(error)) => Fault::of_answer(language, error)?,
        Err(fault) => fault,
    };
    Ok(dialog(language, id).refused(fault.status, &body(language, &answer, copies, &fault)))
}

fn body(language: Language, answer: &Input, copies: bool, fault: &Fault) -> Markup {
    let number = |name: &str, value: &str, least: u32, most: u32, before: &str, after: &str| {
        html! {
            label.sleep-inputs {
                (language.say(before)) " "
                input.input type="number" name=(name) min=(least) max=(most) value=(value);
                " " (language.say(after))
            }
        }
    };
    html! {
        (trouble(fault.elsewhere(&[])))
        p { (language.say("schedule-text")) }
        div.sleep-rule {
            (checkbox(language, "schedule-on", "on", answer.on.is_some(), "schedule-label"))
            (number("hours", &answer.hours, 1, 168, "schedule-each", "schedule-hours"))
            (number("last", &answer.last, 1, 100, "schedule-keep", "schedule-latest"))
            (number("days", &answer.days, 0, 100, "schedule-daily", "schedule-of-days"))
            @if copies {
                (checkbox(language, "schedule-copies", "copies", answer.copies.is_some(), "schedule-copies"))
            }
        }
    }
}
