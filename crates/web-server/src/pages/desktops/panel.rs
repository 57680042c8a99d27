//! The panel beside the screen. A tab is a name and its content; more tabs are more rows.

use maud::{Markup, html};
use rolltop_api_types::{AccessEntry, Desktop, HistoryEntry};

use crate::components::control::{Tone, checkbox};
use crate::components::desktop::not_supported;
use crate::components::{Icon, files, icon, steps, terminals, time, usage};
use crate::language::Language;
use crate::pages::desktops::choices;
use crate::pages::desktops::page::{Shown, action_button};
use crate::pages::desktops::{ports, setup, size, sleep, ssh};
use crate::pages::snapshots;
use crate::pages::snapshots::schedule;
use crate::view::{self, Action, Phase};

/// Its width in pixels: at first, and how far it can be dragged.
const WIDTH: u32 = 400;
const NARROWEST: u32 = 260;
const WIDEST: u32 = 1200;

/// The tab that is open at first.
const FIRST: &str = "activity";

pub(crate) fn panel(language: Language, shown: &Shown) -> Markup {
    let id = shown.desktop.id;
    let inside = |content: Markup| inside(language, shown.phase, content);
    let terminals = terminals::terminals(language, id, shown.preview.as_deref());
    let tabs = [
        ("terminal", Icon::Terminal, inside(terminals)),
        ("files", Icon::Folder, inside(files::files(language, id))),
        ("ports", Icon::Ports, inside(ports::place(language, id))),
        ("activity", Icon::Activity, activity(language, shown)),
        ("settings", Icon::Settings, settings(language, shown)),
    ];
    html! {
        div.panel-grip data-panel-grip role="separator" aria-orientation="vertical" tabindex="0" aria-controls="side-panel"
            aria-valuemin=(NARROWEST) aria-valuemax=(WIDEST) aria-valuenow=(WIDTH) aria-label=(language.say("panel-resize")) {}
        aside.side-panel #side-panel aria-label=(language.say("panel-label")) {
            div.tabs #panel-tabs {
                div role="tablist" aria-orientation="horizontal" aria-label=(language.say("panel-label")) {
                    @for (name, picture, _) in &tabs {
                        button type="button" role="tab" id={ "tab-" (name) } aria-controls={ "panel-" (name) }
                            aria-selected=(*name == FIRST) tabindex=(if *name == FIRST { "0" } else { "-1" }) {
                            (icon(*picture)) (language.say(&format!("tab-{name}")))
                        }
                    }
                }
                @for (name, _, content) in &tabs {
                    div role="tabpanel" id={ "panel-" (name) } aria-labelledby={ "tab-" (name) } hidden[*name != FIRST] { (content) }
                }
                button.btn.panel-wide-toggle type="button" data-variant="ghost" data-size="icon-sm" data-panel-wide aria-pressed="false"
                    aria-label=(language.say("panel-wide")) { (icon(Icon::Wide)) }
            }
        }
    }
}

/// What is there only while the desktop runs.
fn inside(language: Language, phase: Phase, content: Markup) -> Markup {
    if phase == Phase::Running {
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
        @if shown.phase != Phase::Destroying { (setup::place(language, shown.desktop.id)) }
        section.panel-section {
            h2 { (language.say("usage")) }
            (usage::usage(language, shown.desktop.id))
        }
        section.panel-section {
            h2 { (language.say("activity-history")) }
            (history(language, &shown.history))
        }
        section.panel-section {
            h2 { (language.say("activity-access")) }
            p { (language.say("activity-access-text")) }
            (access(language, &shown.access))
        }
    }
}

/// What became of it, newest first.
fn history(language: Language, entries: &[HistoryEntry]) -> Markup {
    html! {
        ol.log {
            @for entry in entries { li { (happened(language, entry)) (time::ago(language, entry.began_at)) } }
        }
    }
}

/// What, by whom or for what, and how long it took; what this version does not know by its own name.
fn happened(language: Language, entry: &HistoryEntry) -> Markup {
    let key = entry.kind.replace('_', "-");
    let what = language.maybe(&format!("history-{key}")).unwrap_or_else(|| entry.kind.clone());
    let cause = entry.detail.as_deref().and_then(|detail| {
        language
            .maybe(&format!("cause-{}", detail.replace('.', "-")))
            .or_else(|| named(entry).then(|| detail.to_owned()))
    });
    let nobody = entry.actor == "rolltop";
    html! {
        span {
            (what)
            @if let Some(cause) = cause { " " bdi { (cause) } }
            span.quiet {
                @if !nobody { " · " bdi { (entry.actor) } }
                @if let Some(end) = entry.ended_at {
                    @if let Some(took) = took(language, entry, end) { " · " (took) }
                } @else { " · " (language.say("history-under-way")) }
            }
            @if let Some(error) = &entry.error { span.history-error { (error) } }
        }
    }
}

/// Whether its detail is a name that somebody gave.
fn named(entry: &HistoryEntry) -> bool {
    const NAMED: [&str; 8] =
        ["created", "forked", "renamed", "resized", "screen_fixed", "set_up", "snapshot_taken", "restored"];
    NAMED.contains(&entry.kind.as_str())
}

fn took(language: Language, entry: &HistoryEntry, end: jiff::Timestamp) -> Option<String> {
    let took = i64::try_from(end.duration_since(entry.began_at).as_millis()).unwrap_or(i64::MAX);
    (took > 0).then(|| view::seconds(language, took))
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

fn autostart(language: Language, desktop: &Desktop) -> Markup {
    html! {
        section.panel-section {
            h2 { (language.say("autostart")) }
            form hx-post={ "/desktops/" (desktop.id) "/settings/autostart" } hx-trigger="change" hx-swap="none" {
                (checkbox(language, "autostart", "autostart", desktop.autostart, "autostart-label"))
            }
            p { (language.say("autostart-text")) }
        }
    }
}

fn settings(language: Language, shown: &Shown) -> Markup {
    let desktop = &shown.desktop;
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
            (size::buttons(language, desktop, shown.phase))
        }
        @if !desktop.not_supported.is_empty() {
            section.panel-section #not-supported {
                h2 { (language.say("not-supported")) }
                @for lacking in &desktop.not_supported { p { (not_supported(language, lacking)) } }
            }
        }
        @if shown.phase != Phase::Destroying {
            @if view::lacks(desktop, "memory").is_none() { (sleep::place(language, desktop.id)) }
            @if view::lacks(desktop, "layers").is_none() {
                (snapshots::place(language, desktop.id))
                (schedule::place(language, desktop.id))
            }
            (choices::place(language, desktop))
            (autostart(language, desktop))
            @if let Some(ssh) = &shown.ssh { (ssh::section(language, ssh, &shown.host)) }
            section.panel-section {
                h2 { (language.say("settings-name")) }
                p { (language.say("rename-hint")) }
                (action_button(language, desktop, Action::Rename, Tone::Plain))
            }
            section.panel-section {
                h2 { (language.say("settings-delete")) }
                p { (language.say("settings-delete-text")) }
                (action_button(language, desktop, Action::Delete, Tone::DangerQuiet))
            }
        }
    }
}
