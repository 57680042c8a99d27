//! When a desktop sleeps by itself, what keeps it awake, and holding it awake.

use axum::Form;
use axum::extract::RawForm;
use axum::response::Response;
use maud::{Markup, html};
use rolltop_api_types::{AwakeReason, CreateHold, Hold, Schedule, Sleep, SleepPolicy};
use rolltop_model::{DesktopId, HoldId, Minutes};
use serde::Deserialize;

use crate::access::{Named, SignedIn};
use crate::components::control::{
    Ask, Field, Tone, button, checkbox, fetched_section, field, lifetimes, trouble,
};
use crate::components::dialog::{Dialog, opener};
use crate::components::{Icon, time};
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::pages::desktops::actions::given;
use crate::view;

/// How long a hold may last: what it is called, and seconds.
const LIFETIMES: [(&str, u64); 3] = [("hold-hour", 3600), ("hold-hours", 4 * 3600), ("hold-day", 24 * 3600)];
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
/// What the dialog proposes where nothing was set before.
const AFTER: u32 = 30;

/// In the panel.
pub(crate) fn place(language: Language, id: DesktopId) -> Markup {
    fetched_section(language, "sleep", &path_of(id), 20, "sleep")
}

pub(crate) async fn show(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
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
            (opener(Tone::Plain, true, Some(Icon::Moon), &language.say("sleep-change"), format!("/desktops/{id}/sleep/edit")))
            (opener(Tone::Ghost, true, Some(Icon::Timer), &language.say("hold-ask"), format!("/desktops/{id}/hold")))
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
            (button(Tone::Ghost, true, None, &language.say("hold-release"), &Ask::Do(format!("/desktops/{id}/holds/{}/release", hold.id))))
        }
    }
}

/// The policy as the dialog has it.
#[derive(Debug, Default, Clone)]
struct Input {
    after: bool,
    minutes: String,
    scheduled: bool,
    days: Vec<String>,
    from: String,
    to: String,
    zone: String,
}

impl Input {
    fn of(policy: &SleepPolicy) -> Self {
        let working = || Schedule {
            days: DAYS[..5].iter().map(|day| (*day).to_owned()).collect(),
            from: "08:00".to_owned(),
            to: "19:00".to_owned(),
            time_zone: String::new(),
        };
        let shown = policy.schedule.clone().unwrap_or_else(working);
        Self {
            after: policy.after_minutes.is_some(),
            minutes: policy.after_minutes.unwrap_or(AFTER).to_string(),
            scheduled: policy.schedule.is_some(),
            days: shown.days,
            from: shown.from,
            to: shown.to,
            zone: shown.time_zone,
        }
    }

    /// A form has one pair per ticked day, which serde's forms can't gather.
    fn read(form: &[u8]) -> Self {
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            match name.as_ref() {
                "after" => answer.after = true,
                "minutes" => answer.minutes = value.trim().to_owned(),
                "scheduled" => answer.scheduled = true,
                "day" => answer.days.push(value.into_owned()),
                "from" => answer.from = value.trim().to_owned(),
                "to" => answer.to = value.trim().to_owned(),
                "zone" => answer.zone = value.trim().to_owned(),
                _ => {}
            }
        }
        answer
    }

    /// What is asked for; the minutes may be none that can be meant.
    fn policy(&self) -> Option<SleepPolicy> {
        let after_minutes = match self.after {
            true => Some(Minutes::new(self.minutes.parse().ok()?)?.get()),
            false => None,
        };
        let Self { days, from, to, zone, .. } = self.clone();
        let schedule = self.scheduled.then_some(Schedule { days, from, to, time_zone: zone });
        Some(SleepPolicy { after_minutes, schedule })
    }
}

pub(crate) async fn edit(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let answer = Input::of(&person.client.sleep(id).await?.policy);
    Ok(dialog(person.language, id).show(&body(person.language, &answer, &Fault::default())))
}

fn path_of(id: DesktopId) -> String {
    format!("/desktops/{id}/sleep")
}

fn dialog(language: Language, id: DesktopId) -> Dialog {
    Dialog::settings(language, "sleep-policy", "sleep-title", path_of(id))
}

pub(crate) async fn set(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    RawForm(form): RawForm,
) -> Result<Response, Failure> {
    let language = person.language;
    let answer = Input::read(&form);
    let fault = match answer.policy() {
        None => Fault::new(language, "after_minutes", "sleep-minutes-wrong"),
        Some(policy) => match person.client.set_sleep(id, &policy).await {
            Ok(_) if policy == SleepPolicy::default() => return Ok(person.done("sleep-set-never", "")),
            Ok(_) => return Ok(person.done("sleep-set", "")),
            Err(error) => Fault::of_answer(language, error)?,
        },
    };
    Ok(dialog(language, id).refused(fault.status, &body(language, &answer, &fault)))
}

fn body(language: Language, answer: &Input, fault: &Fault) -> Markup {
    html! {
        (trouble(fault.elsewhere(&[])))
        p { (language.say("sleep-text")) }
        div.sleep-rule {
            (checkbox(language, "sleep-after", "after", answer.after, "sleep-after-label"))
            span.sleep-inputs {
                input.input type="number" name="minutes" min=(Minutes::LEAST) max=(Minutes::MOST) value=(answer.minutes) aria-label=(language.say("sleep-minutes"));
                (language.say("sleep-minutes"))
            }
        }
        div.sleep-rule {
            (checkbox(language, "sleep-scheduled", "scheduled", answer.scheduled, "sleep-scheduled-label"))
            fieldset.sleep-days {
                legend.sr-only { (language.say("sleep-days")) }
                @for day in DAYS {
                    @let chosen = answer.days.iter().any(|known| known == day);
                    label { input type="checkbox" name="day" value=(day) checked[chosen]; (language.say(&format!("day-{day}"))) }
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

pub(crate) async fn ask(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id).await?;
    let language = person.language;
    let reason = Field { required: false, ..Field::text("hold-reason", "reason", "hold-reason", "") };
    let body = html! {
        p { (language.say("hold-text")) }
        (lifetimes(language, "hold-lasts", &LIFETIMES))
        (field(language, &reason))
    };
    let title = language.say_with("hold-title", &[("name", &desktop.name)]);
    Ok(Dialog::new(language, "hold", title, format!("/desktops/{id}/hold"), "hold-ask").show(&body))
}

#[derive(Deserialize)]
pub(crate) struct HoldAnswer {
    lasts: u64,
    #[serde(default)]
    reason: String,
}

pub(crate) async fn hold(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Form(answer): Form<HoldAnswer>,
) -> Result<Response, Failure> {
    let wanted = CreateHold { lasts_seconds: answer.lasts, reason: given(&answer.reason) };
    person.client.hold(id, &wanted).await?;
    Ok(person.done("hold-made", ""))
}

pub(crate) async fn release(
    person: SignedIn,
    Named(hold): Named<(DesktopId, HoldId)>,
) -> Result<Response, Failure> {
    person.client.release_hold(hold).await?;
    Ok(person.done("hold-released", ""))
}
