//! Snapshots that are taken of a desktop without anybody asking.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{DesktopSnapshotSchedule, SnapshotSchedule};
use rolltop_model::DesktopId;
use serde::Deserialize;

use super::actions::id;
use crate::access::SignedIn;
use crate::components::control::{Ask, Notice, Tone, button, notice};
use crate::components::{Icon, dialog, time, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;

/// What the dialog proposes where nothing was set before.
const PROPOSED: SnapshotSchedule =
    SnapshotSchedule { every_hours: 6, keep_last: 4, keep_days: 7, copies: false };

/// In the panel: filled once it is looked at, and kept true.
pub(super) fn place(language: Language, id: DesktopId) -> Markup {
    html! {
        section.panel-section #schedule hx-morph-skip hx-get={ "/desktops/" (id) "/schedule" }
            hx-trigger="intersect once, every 60s, rolltop:done from:document" hx-swap="innerHTML" {
            h2 { (language.say("schedule")) }
        }
    }
}

pub(crate) async fn show(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let id = id(&path)?;
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
            (button(Tone::Plain, true, Some(Icon::Camera), &language.say("sleep-change"), &Ask::Dialog(&format!("/desktops/{id}/schedule/edit"))))
        }
    }
}

/// The schedule as the dialog has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Answer {
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

impl Answer {
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

pub(crate) async fn edit(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let id = id(&path)?;
    let answer = Answer::of(person.client.snapshot_schedule(id).await?.schedule);
    let copies = may_copy(&person, &answer).await?;
    Ok(dialog(&path_of(id)).show(person.language, &body(person.language, &answer, copies, None)))
}

/// Whether copies are offered: there is a place for them, or they were asked for while there was one.
async fn may_copy(person: &SignedIn, answer: &Answer) -> Result<bool, Failure> {
    Ok(answer.copies.is_some() || person.client.copies().await?.configured)
}

fn path_of(id: DesktopId) -> String {
    format!("/desktops/{id}/schedule")
}

fn dialog(action: &str) -> dialog::Settings<'_> {
    dialog::Settings { id: "snapshot-schedule", title: "schedule-title", action }
}

pub(crate) async fn set(
    person: SignedIn,
    Path(path): Path<String>,
    Form(answer): Form<Answer>,
) -> Result<Response, Failure> {
    let (id, language) = (id(&path)?, person.language);
    let copies = may_copy(&person, &answer).await?;
    let refused =
        |text: &str| dialog(&path_of(id)).refused(language, &body(language, &answer, copies, Some(text)));
    let wanted = match (answer.on.is_some(), answer.schedule()) {
        (false, _) => None,
        (true, Some(schedule)) => Some(schedule),
        (true, None) => return Ok(refused(&language.say("schedule-wrong"))),
    };
    let set = match &wanted {
        Some(schedule) => person.client.set_snapshot_schedule(id, schedule).await,
        None => person.client.end_snapshot_schedule(id).await,
    };
    match set {
        Ok(()) => {
            let text = language.say("schedule-set");
            Ok(([("hx-trigger", "rolltop:done")], toast::done(language, &text)).into_response())
        }
        Err(error) if error.problem().is_some_and(|problem| !problem.errors.is_empty()) => {
            Ok(refused(&sentence(language, &error)))
        }
        Err(error) => Err(error.into()),
    }
}

fn body(language: Language, answer: &Answer, copies: bool, problem: Option<&str>) -> Markup {
    let number = |name: &str, value: &str, least: u32, most: u32, before: &str, after: &str| {
        let (before, after) = (language.say(before), language.say(after));
        html! {
            label.sleep-inputs {
                (before) " "
                input.input type="number" name=(name) min=(least) max=(most) value=(value);
                " " (after)
            }
        }
    };
    html! {
        @if let Some(text) = problem { (notice(Notice::Error, &html! { (text) })) }
        p { (language.say("schedule-text")) }
        div.sleep-rule {
            label.choice-line {
                input type="checkbox" id="schedule-on" name="on" checked[answer.on.is_some()];
                (language.say("schedule-label"))
            }
            (number("hours", &answer.hours, 1, 168, "schedule-each", "schedule-hours"))
            (number("last", &answer.last, 1, 100, "schedule-keep", "schedule-latest"))
            (number("days", &answer.days, 0, 100, "schedule-daily", "schedule-of-days"))
            @if copies {
                label.choice-line {
                    input type="checkbox" id="schedule-copies" name="copies" checked[answer.copies.is_some()];
                    (language.say("schedule-copies"))
                }
            }
        }
    }
}
