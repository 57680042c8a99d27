//! A desktop in a list: its state, its picture, its card, its row, its menu.

use maud::{Markup, html};
use rolltop_api_types::{Desktop, NotSupported};

use super::control::{Ask, Tone, menu, menu_button, menu_item, state_label};
use super::{Icon, icon, steps, time};
use crate::language::Language;
use crate::view::{self, Action, Phase};

/// A colour, an icon and a word.
pub(crate) fn state(language: Language, phase: Phase) -> Markup {
    state_label(language, (&format!("state-{}", phase.as_str()), phase.icon(), phase.as_str()))
}

/// Size, processors and memory in a few characters.
pub(crate) fn size(language: Language, desktop: &Desktop) -> String {
    language.say_with(
        "size-short",
        &[
            ("size", &desktop.size.as_str().to_uppercase()),
            ("vcpus", &desktop.vcpus.to_string()),
            ("memory", &view::bytes(language, desktop.memory_mib.saturating_mul(1 << 20))),
        ],
    )
}

/// The template's name without its digest.
pub(crate) fn template(desktop: &Desktop) -> &str {
    desktop.template.split('@').next().unwrap_or_default()
}

/// What it is found by.
fn labels(desktop: &Desktop) -> Markup {
    html! {
        @for (number, (key, value)) in desktop.choices.labels.iter().enumerate() {
            @if number > 0 { ", " }
            (label(key, value, None))
        }
    }
}

/// A label, which leads to the desktops that have it.
pub(crate) fn label(key: &str, value: &str, class: Option<&str>) -> Markup {
    let text = rolltop_model::choices::label(key, value);
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("label", &text).finish();
    html! { a class=[class] data-variant=[class.map(|_| "secondary")] href={ "/desktops?" (query) } { bdi { (text) } } }
}

/// That it runs and does not answer.
fn silence(language: Language, desktop: &Desktop, phase: Phase) -> Markup {
    html! {
        @if phase == Phase::Running && desktop.not_answering.is_some() {
            span.not-answering { (icon(Icon::Alert)) (language.say("not-answering")) }
        }
    }
}

/// Why it failed, in the visitor's language where there are words for that code.
pub(crate) fn reason(language: Language, desktop: &Desktop) -> String {
    if let Some(silence) = &desktop.not_answering {
        let known = language.maybe(&format!("reason-not_answering-{}", silence.cause));
        return known.unwrap_or_else(|| language.say("reason-not_answering"));
    }
    let translated = || language.maybe(&format!("reason-{}", desktop.reason.as_deref()?));
    match (language, &desktop.detail) {
        (Language::English, Some(detail)) => detail.clone(),
        _ => {
            translated().or_else(|| desktop.detail.clone()).unwrap_or_else(|| language.say("reason-unknown"))
        }
    }
}

pub(crate) fn card(language: Language, desktop: &Desktop) -> Markup {
    let phase = Phase::of(desktop);
    html! {
        li.desktop-card id={ "card-" (desktop.id) } data-state=(phase.as_str()) data-desktop=(desktop.id) {
            (thumbnail(language, desktop, phase))
            div.card-body {
                h2 { a.cover-link href={ "/desktops/" (desktop.id) } { bdi { (desktop.name) } } }
                (actions_menu(language, desktop, "card"))
                div.card-meta {
                    (state(language, phase))
                    (time::ago(language, desktop.created_at))
                    (silence(language, desktop, phase))
                    span.about { (size(language, desktop)) " · " (template(desktop)) }
                    @if !desktop.choices.labels.is_empty() { span.about.labels { (labels(desktop)) } }
                }
            }
        }
    }
}

fn thumbnail(language: Language, desktop: &Desktop, phase: Phase) -> Markup {
    html! {
        div.thumbnail data-state=(phase.as_str()) data-dim[matches!(phase, Phase::Stopping | Phase::Suspending)] .moving-edge[phase.is_moving()] {
            @match phase {
                Phase::Running | Phase::Stopping | Phase::Suspending => (live_picture(language, desktop)),
                Phase::Pending | Phase::Booting => (steps::list(language, desktop.steps.as_deref().unwrap_or_default())),
                Phase::Stopped | Phase::Suspended | Phase::Destroying => {
                    (last_picture(desktop))
                    div.resting { (icon(match phase { Phase::Destroying => Icon::Trash, Phase::Suspended => Icon::Moon, _ => Icon::MonitorOff })) }
                }
                Phase::Failed => {
                    div.resting { (icon(Icon::Alert)) p { (reason(language, desktop)) } }
                }
            }
        }
    }
}

/// Fetched again every few seconds by a script, while it can be seen.
fn live_picture(language: Language, desktop: &Desktop) -> Markup {
    html! {
        span.quiet { (icon(Icon::Monitor)) }
        img id={ "picture-" (desktop.id) } hx-morph-skip alt=(language.say_with("screen-of", &[("name", &desktop.name)]))
            data-thumbnail={ "/v1/desktops/" (desktop.id) "/screenshot?width=480" } data-frame=(desktop.id);
    }
}

/// What was last seen in this browser, dimmed.
fn last_picture(desktop: &Desktop) -> Markup {
    html! { img id={ "frame-" (desktop.id) } hx-morph-skip alt="" data-frame-of=(desktop.id); }
}

/// `head` makes a column's heading, which sorts by it.
pub(crate) fn table(language: Language, desktops: &[Desktop], head: &dyn Fn(&str, &str) -> Markup) -> Markup {
    html! {
        div.table-frame {
            table.desktop-table {
                thead {
                    tr {
                        th.first scope="col" { input.pick-all type="checkbox" data-pick-all aria-label=(language.say("pick-all")); }
                        th.secondary scope="col" { span.visually-hidden { (language.say("column-screen")) } }
                        @for (column, heading, class) in COLUMNS { th class=[class] scope="col" { (head(column, heading)) } }
                        th.last scope="col" { span.visually-hidden { (language.say("column-actions")) } }
                    }
                }
                tbody { @for desktop in desktops { (row(language, desktop)) } }
            }
        }
    }
}

/// What it is called in an address, its heading, and how it is set.
pub(crate) type Column = (&'static str, &'static str, Option<&'static str>);

/// What a table can be sorted by.
pub(crate) const COLUMNS: [Column; 8] = [
    ("name", "column-name", None),
    ("state", "column-state", None),
    ("template", "column-template", Some("secondary")),
    ("size", "column-size", Some("useful")),
    ("memory", "column-memory", Some("secondary numeric")),
    ("disk", "column-disk", Some("secondary numeric")),
    ("used", "column-used", Some("secondary tertiary")),
    ("age", "column-age", Some("useful")),
];

fn row(language: Language, desktop: &Desktop) -> Markup {
    let phase = Phase::of(desktop);
    let amount = |bytes: Option<u64>| bytes.map(|bytes| view::bytes(language, bytes));
    html! {
        tr.desktop-row id={ "row-" (desktop.id) } data-state=(phase.as_str()) data-desktop=(desktop.id) {
            td.first {
                input.pick type="checkbox" name="id" value=(desktop.id) aria-label=(language.say_with("pick", &[("name", &desktop.name)]));
            }
            td.secondary {
                div.thumbnail.mini data-dim[matches!(phase, Phase::Stopping | Phase::Suspending)] {
                    @match phase {
                        Phase::Running | Phase::Stopping | Phase::Suspending => (live_picture(language, desktop)),
                        Phase::Pending | Phase::Booting | Phase::Suspended | Phase::Stopped | Phase::Failed | Phase::Destroying => {
                            (last_picture(desktop)) (icon(Icon::MonitorOff))
                        }
                    }
                }
            }
            td.name { a href={ "/desktops/" (desktop.id) } { bdi { (desktop.name) } }
                @if !desktop.choices.labels.is_empty() { div.quiet.labels { (labels(desktop)) } }
            }
            td { (state(language, phase)) (silence(language, desktop, phase)) }
            td.secondary { (template(desktop)) }
            td.useful { (size(language, desktop)) }
            td.secondary.numeric { @if let Some(text) = amount(desktop.memory_bytes) { (text) } }
            td.secondary.numeric { @if let Some(text) = amount(desktop.disk_bytes) { (text) } }
            td.secondary.tertiary { @if let Some(at) = desktop.last_used_at { (time::ago(language, at)) } }
            td.useful { (time::ago(language, desktop.created_at)) }
            td.last { (actions_menu(language, desktop, "row")) }
        }
    }
}

/// What can be done with it now.
pub(crate) fn actions_menu(language: Language, desktop: &Desktop, place: &str) -> Markup {
    let actions = view::actions(desktop);
    let id = format!("{place}-actions-{}", desktop.id);
    let name = language.say_with("actions-of", &[("name", &desktop.name)]);
    let choices = Ask::new(true, format!("/desktops/{}/choices", desktop.id));
    let items = html! {
        @for action in actions.iter().copied() {
            @if action == Action::Delete && actions.len() > 1 {
                (menu_item(&format!("{id}-choices"), Icon::Settings, &language.say("choices-title"), false, &choices))
                div role="separator" {}
            }
            (menu_item(&format!("{id}-{}", action.as_str()), action.icon(), &action.label(language), action == Action::Delete, &ask(desktop, action)))
        }
    };
    html! {
        @if !actions.is_empty() {
            (menu(&id, &menu_button(&id, Tone::Ghost, Icon::Dots, &name, None), true, &items))
        }
    }
}

/// Why something can't be done with it, in the visitor's language where there are words for that.
pub(crate) fn not_supported(language: Language, lacking: &NotSupported) -> String {
    language.maybe(&format!("not-supported-{}", lacking.what)).unwrap_or_else(|| lacking.why.clone())
}

/// How to ask for an action: by its dialog, or by itself.
pub(crate) fn ask(desktop: &Desktop, action: Action) -> Ask {
    let first = if action.asks_first() { "ask/" } else { "" };
    Ask::new(action.asks_first(), format!("/desktops/{}/{first}{}", desktop.id, action.as_str()))
}
