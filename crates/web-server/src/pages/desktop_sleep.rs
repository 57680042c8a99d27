//! When a desktop sleeps by itself, what keeps it awake, and holding it awake.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{AwakeReason, ClientError, CreateHold, Hold, Schedule, Sleep, SleepPolicy};
use rolltop_model::{DesktopId, HoldId, Minutes};
use serde::Deserialize;

use crate::access::SignedIn;
use crate::components::control::{Ask, Field, Notice, Tone, button, field, lifetimes, notice};
use crate::components::{Icon, dialog, time, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;
use crate::view;

/// How long a hold may last: what it is called, and seconds.
const LIFETIMES: [(&str, u64); 3] = [("hold-hour", 3600), ("hold-hours", 4 * 3600), ("hold-day", 24 * 3600)];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// What the dialog proposes where nothing was set before.
const AFTER: u32 = 30;

/// In the panel: filled once it is looked at, and kept true.
pub(super) fn place(language: Language, id: DesktopId) -> Markup {
    html! {
        section.panel-section #sleep hx-morph-skip hx-get={ "/desktops/" (id) "/sleep" } hx-trigger="intersect once, every 20s, rolltop:done from:document"
            hx-swap="innerHTML" {
            h2 { (language.say("sleep")) }
        }
    }
}

fn id(path: &str) -> Result<DesktopId, Failure> {
    path.parse().map_err(|_| Failure::NotFound)
}

pub(crate) async fn show(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let id = id(&path)?;
    Ok(content(person.language, id, &person.client.sleep(id).await?))
}

fn content(language: Language, id: DesktopId, sleep: &Sleep) -> Markup {
    let reasons: Vec<_> = sleep.awake_because.iter().filter(|reason| reason.reason != "no_policy").collect();
    html! {
        h2 { (language.say("sleep")) }
        (policy(language, &sleep.policy))
        @if !reasons.is_empty() {
            h3 { (language.say("sleep-awake-because")) }
            ul.log { @for reason in reasons { li { (why(language, reason)) } } }
        }
        @if !sleep.holds.is_empty() {
            h3 { (language.say("sleep-holds")) }
            ul.log { @for hold in &sleep.holds { (held(language, id, hold)) } }
        }
        div.buttons {
            (button(Tone::Plain, true, Some(Icon::Moon), &language.say("sleep-change"), &Ask::Dialog(&format!("/desktops/{id}/sleep/edit"))))
            (button(Tone::Ghost, true, Some(Icon::Timer), &language.say("hold-ask"), &Ask::Dialog(&format!("/desktops/{id}/hold"))))
        }
    }
}

fn policy(language: Language, policy: &SleepPolicy) -> Markup {
    html! {
        @if policy == &SleepPolicy::default() { p { (language.say("sleep-never")) } }
        @if let Some(minutes) = policy.after_minutes { p { (language.count("sleep-after", minutes.into())) } }
        @if let Some(schedule) = &policy.schedule { p { (hours(language, schedule)) } }
    }
}

fn hours(language: Language, schedule: &Schedule) -> String {
    let days =
        schedule.days.iter().map(|day| language.say(&format!("day-{day}"))).collect::<Vec<_>>().join(", ");
    let places = [
        ("days", days.as_str()),
        ("from", &schedule.from),
        ("to", &schedule.to),
        ("zone", &schedule.time_zone),
    ];
    language.say_with("sleep-hours", &places)
}

/// One reason; what this version does not know, in the server's own words.
fn why(language: Language, reason: &AwakeReason) -> Markup {
    let amount = reason.amount.unwrap_or_default();
    let text = match reason.reason.as_str() {
        "network" => language.say_with("awake-network", &[("amount", &view::bytes(language, amount))]),
        "processor" => language.say_with("awake-processor", &[("amount", &amount.to_string())]),
        "screen" | "terminal" | "command" | "port" | "ssh" => {
            language.count(&format!("awake-{}", reason.reason), amount)
        }
        "files" | "hold" | "schedule" | "recent_use" | "setup" => {
            language.say(&format!("awake-{}", reason.reason.replace('_', "-")))
        }
        _ => reason.detail.clone(),
    };
    html! {
        span { (text) }
        @if let Some(until) = reason.until { span.quiet { (language.say("awake-until")) " " (time::until(until)) } }
    }
}

fn held(language: Language, id: DesktopId, hold: &Hold) -> Markup {
    html! {
        li {
            span {
                bdi { (hold.reason.as_deref().unwrap_or(&hold.made_by)) }
                span.quiet { " " (language.say("awake-until")) " " (time::until(hold.expires_at)) }
            }
            (button(Tone::Ghost, true, None, &language.say("hold-release"), &Ask::Do(&format!("/desktops/{id}/holds/{}/release", hold.id))))
        }
    }
}

/// The policy as the dialog has it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    after: Option<String>,
    #[serde(default)]
    minutes: String,
    #[serde(default)]
    scheduled: Option<String>,
    #[serde(default)]
    mon: Option<String>,
    #[serde(default)]
    tue: Option<String>,
    #[serde(default)]
    wed: Option<String>,
    #[serde(default)]
    thu: Option<String>,
    #[serde(default)]
    fri: Option<String>,
    #[serde(default)]
    sat: Option<String>,
    #[serde(default)]
    sun: Option<String>,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    #[serde(default)]
    zone: String,
}

impl Answer {
    fn of(policy: &SleepPolicy) -> Self {
        let schedule = policy.schedule.clone();
        let days = schedule
            .as_ref()
            .map_or(["mon", "tue", "wed", "thu", "fri"].map(str::to_owned).to_vec(), |known| {
                known.days.clone()
            });
        let on = |day: &str| days.iter().any(|known| known == day).then(|| "on".to_owned());
        let text = |known: fn(&Schedule) -> &String, otherwise: &str| {
            schedule.as_ref().map_or_else(|| otherwise.to_owned(), |schedule| known(schedule).clone())
        };
        Self {
            after: policy.after_minutes.map(|_| "on".to_owned()),
            minutes: policy.after_minutes.unwrap_or(AFTER).to_string(),
            scheduled: schedule.as_ref().map(|_| "on".to_owned()),
            mon: on("mon"),
            tue: on("tue"),
            wed: on("wed"),
            thu: on("thu"),
            fri: on("fri"),
            sat: on("sat"),
            sun: on("sun"),
            from: text(|schedule| &schedule.from, "08:00"),
            to: text(|schedule| &schedule.to, "19:00"),
            zone: text(|schedule| &schedule.time_zone, ""),
        }
    }

    fn days(&self) -> [(&'static str, bool); 7] {
        let days = [&self.mon, &self.tue, &self.wed, &self.thu, &self.fri, &self.sat, &self.sun];
        let mut chosen = DAYS.map(|day| (day, false));
        for (place, day) in chosen.iter_mut().zip(days) {
            place.1 = day.is_some();
        }
        chosen
    }

    /// What is asked for; the minutes may be none that can be meant.
    fn policy(&self) -> Option<SleepPolicy> {
        let after_minutes = match self.after {
            Some(_) => Some(Minutes::new(self.minutes.trim().parse().ok()?)?.get()),
            None => None,
        };
        let schedule = self.scheduled.as_ref().map(|_| Schedule {
            days: self
                .days()
                .iter()
                .filter(|(_, chosen)| *chosen)
                .map(|(day, _)| (*day).to_owned())
                .collect(),
            from: self.from.trim().to_owned(),
            to: self.to.trim().to_owned(),
            time_zone: self.zone.trim().to_owned(),
        });
        Some(SleepPolicy { after_minutes, schedule })
    }
}

pub(crate) async fn edit(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let id = id(&path)?;
    let answer = Answer::of(&person.client.sleep(id).await?.policy);
    let body = body(person.language, &answer, None);
    Ok(dialog(&path_of(id)).show(person.language, &body))
}

fn path_of(id: DesktopId) -> String {
    format!("/desktops/{id}/sleep")
}

fn dialog(action: &str) -> dialog::Settings<'_> {
    dialog::Settings { id: "sleep-policy", title: "sleep-title", action }
}

pub(crate) async fn set(
    person: SignedIn,
    Path(path): Path<String>,
    Form(answer): Form<Answer>,
) -> Result<Response, Failure> {
    let (id, language) = (id(&path)?, person.language);
    let refused = |text: &str| dialog(&path_of(id)).refused(language, &body(language, &answer, Some(text)));
    let Some(policy) = answer.policy() else { return Ok(refused(&language.say("sleep-minutes-wrong"))) };
    match person.client.set_sleep(id, &policy).await {
        Ok(_) => {
            let never = policy == SleepPolicy::default();
            let text = language.say(if never { "sleep-set-never" } else { "sleep-set" });
            Ok(([("hx-trigger", "rolltop:done")], toast::done(language, &text)).into_response())
        }
        Err(error) if is_of_a_field(&error) => Ok(refused(&sentence(language, &error))),
        Err(error) => Err(error.into()),
    }
}

fn is_of_a_field(error: &ClientError) -> bool {
    error.problem().is_some_and(|problem| !problem.errors.is_empty())
}

fn body(language: Language, answer: &Answer, problem: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = problem { (notice(Notice::Error, &html! { (text) })) }
        p { (language.say("sleep-text")) }
        div.sleep-rule {
            label.choice-line {
                input type="checkbox" id="sleep-after" name="after" checked[answer.after.is_some()];
                (language.say("sleep-after-label"))
            }
            span.sleep-inputs {
                input.input type="number" name="minutes" min=(Minutes::LEAST) max=(Minutes::MOST) value=(answer.minutes) aria-label=(language.say("sleep-minutes"));
                (language.say("sleep-minutes"))
            }
        }
        div.sleep-rule {
            label.choice-line {
                input type="checkbox" id="sleep-scheduled" name="scheduled" checked[answer.scheduled.is_some()];
                (language.say("sleep-scheduled-label"))
            }
            fieldset.sleep-days {
                legend.sr-only { (language.say("sleep-days")) }
                @for (day, chosen) in answer.days() {
                    label { input type="checkbox" name=(day) checked[chosen]; (language.say(&format!("day-{day}"))) }
                }
            }
            span.sleep-inputs {
                input.input type="time" name="from" value=(answer.from) aria-label=(language.say("sleep-from"));
                "–"
                input.input type="time" name="to" value=(answer.to) aria-label=(language.say("sleep-to"));
                input.input type="text" name="zone" value=(answer.zone) data-own-zone autocomplete="off" spellcheck="false"
                    aria-label=(language.say("sleep-zone")) placeholder=(language.say("sleep-zone"));
            }
        }
        p.quiet { (language.say("sleep-wakes")) }
    }
}

pub(crate) async fn ask(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id(&path)?).await?;
    let language = person.language;
    let (title, submit) =
        (language.say_with("hold-title", &[("name", &desktop.name)]), language.say("hold-ask"));
    let label = language.say("hold-reason");
    let body = html! {
        p { (language.say("hold-text")) }
        (lifetimes(language, "hold-lasts", &LIFETIMES))
        (field(&Field { required: false, ..Field::text("hold-reason", "reason", &label, "") }))
    };
    let action = format!("/desktops/{}/hold", desktop.id);
    let form = dialog::Form {
        id: "hold",
        title: &title,
        action: &action,
        body: &body,
        submit: &submit,
        danger: false,
    };
    Ok(dialog::show(language, false, &form))
}

#[derive(Deserialize)]
pub(crate) struct HoldAnswer {
    lasts: u64,
    #[serde(default)]
    reason: String,
}

pub(crate) async fn hold(
    person: SignedIn,
    Path(path): Path<String>,
    Form(answer): Form<HoldAnswer>,
) -> Result<Response, Failure> {
    let reason = Some(answer.reason.trim().to_owned()).filter(|reason| !reason.is_empty());
    let made = person.client.hold(id(&path)?, &CreateHold { lasts_seconds: answer.lasts, reason }).await;
    made?;
    let text = person.language.say("hold-made");
    Ok(([("hx-trigger", "rolltop:done")], toast::done(person.language, &text)).into_response())
}

pub(crate) async fn release(
    person: SignedIn,
    Path((path, hold)): Path<(String, String)>,
) -> Result<Response, Failure> {
    let hold: HoldId = hold.parse().map_err(|_| Failure::NotFound)?;
    person.client.release_hold((id(&path)?, hold)).await?;
    let text = person.language.say("hold-released");
    Ok(([("hx-trigger", "rolltop:done")], toast::done(person.language, &text)).into_response())
}
