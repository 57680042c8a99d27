//! The panel beside the screen. A tab is a name and its content; more tabs are more rows.

use maud::{Markup, html};
use rolltop_api_types::{AccessEntry, Desktop, Step};

use super::desktop::Shown;
use super::{desktop_ports, desktop_ssh};
use crate::components::control::{Ask, Tone, button};
use crate::components::{Icon, files, icon, steps, terminals, time};
use crate::language::Language;
use crate::view::{self, Action, Phase};

/// Its width in pixels: at first, and how far it can be dragged.
const WIDTH: u32 = 400;
const NARROWEST: u32 = 260;
const WIDEST: u32 = 1200;

/// The tab that is open at first.
const FIRST: &str = "activity";

struct Tab {
    name: &'static str,
    picture: Icon,
    content: Markup,
}

pub(super) fn panel(language: Language, shown: &Shown) -> Markup {
    let tabs = [
        Tab {
            name: "terminal",
            picture: Icon::Terminal,
            content: inside(language, shown, terminals::terminals(language, shown.desktop.id)),
        },
        Tab {
            name: "files",
            picture: Icon::Folder,
            content: inside(language, shown, files::files(language, shown.desktop.id)),
        },
        Tab {
            name: "ports",
            picture: Icon::Ports,
            content: inside(language, shown, desktop_ports::place(language, shown.desktop.id)),
        },
        Tab { name: "activity", picture: Icon::Activity, content: activity(language, shown) },
        Tab { name: "settings", picture: Icon::Settings, content: settings(language, shown) },
    ];
    html! {
        div.panel-grip data-panel-grip role="separator" aria-orientation="vertical" tabindex="0" aria-controls="side-panel"
            aria-valuemin=(NARROWEST) aria-valuemax=(WIDEST) aria-valuenow=(WIDTH) aria-label=(language.say("panel-resize")) {}
        aside.side-panel #side-panel aria-label=(language.say("panel-label")) {
            div.tabs #panel-tabs {
                div role="tablist" aria-orientation="horizontal" aria-label=(language.say("panel-label")) {
                    @for tab in &tabs {
                        button type="button" role="tab" id={ "tab-" (tab.name) } aria-controls={ "panel-" (tab.name) }
                            aria-selected=(if tab.name == FIRST { "true" } else { "false" }) tabindex=(if tab.name == FIRST { "0" } else { "-1" }) {
                            (icon(tab.picture)) (language.say(&format!("tab-{}", tab.name)))
                        }
                    }
                }
                @for tab in &tabs {
                    div role="tabpanel" id={ "panel-" (tab.name) } aria-labelledby={ "tab-" (tab.name) } hidden[tab.name != FIRST] { (tab.content) }
                }
                button.btn.panel-wide-toggle type="button" data-variant="ghost" data-size="icon-sm" data-panel-wide aria-pressed="false"
                    aria-label=(language.say("panel-wide")) { (icon(Icon::Wide)) }
            }
        }
    }
}

/// What is there only while the desktop runs.
fn inside(language: Language, shown: &Shown, content: Markup) -> Markup {
    if shown.phase == Phase::Running {
        content
    } else {
        html! { p.panel-empty { (language.say("panel-not-running")) } }
    }
}

fn activity(language: Language, shown: &Shown) -> Markup {
    let latest = shown.desktop.steps.as_deref().unwrap_or(&shown.steps);
    html! {
        section.panel-section {
            h2 { (language.say("activity-start")) }
            @if let Some(took) = steps::ready_after(latest) {
                p { (language.say_with("activity-ready", &[("time", &view::seconds(language, took))])) }
            }
            @if latest.is_empty() { p { (language.say("activity-not-started")) } } @else { (steps::waterfall(language, latest)) }
        }
        section.panel-section {
            h2 { (language.say("activity-history")) }
            (history(language, &shown.desktop, &shown.steps))
        }
        section.panel-section {
            h2 { (language.say("activity-access")) }
            p { (language.say("activity-access-text")) }
            (access(language, &shown.access))
        }
    }
}

/// One line per start, newest first, down to its making.
fn history(language: Language, desktop: &Desktop, all: &[Step]) -> Markup {
    let mut boots: Vec<u32> = all.iter().map(|step| step.boot).collect();
    boots.sort_unstable();
    boots.dedup();
    let starts = boots
        .into_iter()
        .rev()
        .take(10)
        .map(|boot| all.iter().filter(|step| step.boot == boot).cloned().collect::<Vec<_>>());
    html! {
        ol.log {
            @for steps_of_one in starts {
                @if let Some(first) = steps_of_one.iter().map(|step| step.started_at).min() {
                    li {
                        @match steps::ready_after(&steps_of_one) {
                            Some(took) => span { (language.say_with("history-started", &[("time", &view::seconds(language, took))])) },
                            None => span { (language.say("history-not-ready")) },
                        }
                        (time::ago(language, first))
                    }
                }
            }
            li { span { (language.say("history-made")) } (time::ago(language, desktop.created_at)) }
        }
    }
}

fn access(language: Language, entries: &[AccessEntry]) -> Markup {
    html! {
        @if entries.is_empty() {
            p.quiet { (language.say("activity-access-none")) }
        } @else {
            ol.log {
                @for entry in entries {
                    li {
                        span { (language.maybe(&format!("purpose-{}", entry.purpose.replace('.', "-"))).unwrap_or_else(|| entry.purpose.clone())) }
                        (time::ago(language, entry.at))
                    }
                }
            }
        }
    }
}

fn settings(language: Language, shown: &Shown) -> Markup {
    let desktop = &shown.desktop;
    let path = |action: Action| crate::components::desktop::action_path(desktop, action);
    let amount = |bytes: u64| view::bytes(language, bytes);
    html! {
        section.panel-section {
            h2 { (language.say("settings-about")) }
            dl.facts {
                dt { (language.say("fact-id")) } dd.mono { (desktop.id) }
                dt { (language.say("column-template")) } dd.mono { (desktop.template) }
                dt { (language.say("fact-processors")) } dd { (desktop.vcpus) }
                dt { (language.say("column-memory")) }
                dd {
                    (amount(desktop.memory_mib.saturating_mul(1 << 20)))
                    @if let Some(own) = desktop.memory_bytes { " · " (language.say_with("fact-own", &[("amount", &amount(own))])) }
                }
                dt { (language.say("column-disk")) }
                dd {
                    (amount(desktop.disk_gib.saturating_mul(1 << 30)))
                    @if let Some(own) = desktop.disk_bytes { " · " (language.say_with("fact-own", &[("amount", &amount(own))])) }
                }
                dt { (language.say("fact-made")) } dd { (time::ago(language, desktop.created_at)) }
                @if let (Some(at), Phase::Running) = (desktop.started_at, shown.phase) {
                    dt { (language.say("fact-started")) } dd { (time::ago(language, at)) }
                }
            }
        }
        @if shown.phase != Phase::Destroying { @if let Some(ssh) = &shown.ssh { (desktop_ssh::section(language, ssh, &shown.host)) } }
        @if shown.phase != Phase::Destroying {
            section.panel-section {
                h2 { (language.say("settings-name")) }
                p { (language.say("rename-hint")) }
                (button(Tone::Plain, true, Some(Icon::Pencil), &language.say("action-rename"), &Ask::Dialog(&path(Action::Rename))))
            }
            section.panel-section {
                h2 { (language.say("settings-delete")) }
                p { (language.say("settings-delete-text")) }
                (button(Tone::DangerQuiet, true, Some(Icon::Trash), &language.say("action-delete"), &Ask::Dialog(&path(Action::Delete))))
            }
        }
    }
}
