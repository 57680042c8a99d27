//! The boot steps: as a list while they happen, as a waterfall afterwards.

use jiff::Timestamp;
use maud::{Markup, html};
use rolltop_api_types::{Step, StepStatus};

use super::{Icon, icon_with};
use crate::language::Language;
use crate::view;

/// The steps in the order in which they come. `start` or `resume` takes the place of `fork` from the second
/// time on.
const ORDER: [&str; 3] = ["door", "personalise", "screen"];

/// The last start's steps.
fn last_boot(steps: &[Step]) -> Vec<&Step> {
    let boot = steps.iter().map(|step| step.boot).max().unwrap_or(0);
    steps.iter().filter(|step| step.boot == boot).collect()
}

fn word(language: Language, name: &str) -> String {
    language.maybe(&format!("step-{name}")).unwrap_or_else(|| name.to_owned())
}

fn milliseconds(step: &Step) -> Option<i64> {
    let took = step.ended_at?.duration_since(step.started_at);
    i64::try_from(took.as_millis()).ok()
}

/// What has been done, what is being done, what is to come.
pub(crate) fn list(language: Language, steps: &[Step]) -> Markup {
    let steps = last_boot(steps);
    let first = steps.first().map_or("fork", |step| step.name.as_str());
    let first = if ORDER.contains(&first) { "fork" } else { first };
    html! {
        ol.steps {
            @for name in std::iter::once(first).chain(ORDER) {
                (row(language, name, steps.iter().copied().find(|step| step.name == name)))
            }
        }
    }
}

fn row(language: Language, name: &str, step: Option<&Step>) -> Markup {
    let status = step.map_or("waiting", |step| step.status.as_str());
    let picture = match step.map(|step| step.status) {
        None => Icon::Waiting,
        Some(StepStatus::Running) => Icon::Loader,
        Some(StepStatus::Done) => Icon::Done,
        Some(StepStatus::Failed) => Icon::Alert,
    };
    html! {
        li.step data-status=(status) {
            (icon_with(picture, picture == Icon::Loader, false))
            span { (word(language, name)) }
            span.visually-hidden { (language.say(&format!("step-status-{status}"))) }
            @match step {
                Some(step) if step.status == StepStatus::Running => {
                    span.took data-since=(step.started_at) aria-hidden="true" {}
                }
                Some(step) => @if let Some(took) = milliseconds(step) { span.took { (view::seconds(language, took)) } },
                None => {}
            }
        }
    }
}

/// Whether the last start brings a memory back.
pub(crate) fn is_resuming(steps: &[Step]) -> bool {
    last_boot(steps).first().is_some_and(|step| step.name == "resume")
}

/// Start and length of each step on one time axis.
pub(crate) fn waterfall(language: Language, steps: &[Step]) -> Markup {
    let steps = last_boot(steps);
    let now = Timestamp::now();
    let begin = steps.iter().map(|step| step.started_at).min().unwrap_or(now);
    let end = steps.iter().map(|step| step.ended_at.unwrap_or(now)).max().unwrap_or(now);
    let whole = end.duration_since(begin).as_secs_f64().max(0.001);
    let share = |at: Timestamp| (at.duration_since(begin).as_secs_f64() / whole * 1000.0).clamp(0.0, 1000.0);
    html! {
        ol.waterfall {
            @for step in steps {
                @let from = share(step.started_at);
                @let to = share(step.ended_at.unwrap_or(now));
                li data-status=(step.status.as_str()) {
                    span { (word(language, &step.name)) }
                    @match milliseconds(step) {
                        Some(took) => span.took { (view::seconds(language, took)) },
                        None => span.took data-since=(step.started_at) {},
                    }
                    svg viewBox="0 0 1000 10" preserveAspectRatio="none" aria-hidden="true" {
                        rect x=(format!("{from:.0}")) y="0" width=(format!("{:.0}", (to - from).max(8.0))) height="10" {}
                    }
                    @if let Some(detail) = &step.detail { p.detail { (detail) } }
                }
            }
        }
    }
}

/// How long the last start took until it was ready, where it has ended well.
pub(crate) fn ready_after(steps: &[Step]) -> Option<i64> {
    let steps = last_boot(steps);
    if steps.is_empty() || steps.iter().any(|step| step.status != StepStatus::Done) {
        return None;
    }
    let begin = steps.iter().map(|step| step.started_at).min()?;
    let end = steps.iter().filter_map(|step| step.ended_at).max()?;
    i64::try_from(end.duration_since(begin).as_millis()).ok()
}
