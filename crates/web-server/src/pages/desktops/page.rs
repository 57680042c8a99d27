//! One desktop: the screen first. The whole page below the top line is one part that the
//! event stream keeps true; the live screen inside is an element that outlives that.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use rolltop_api_types::{
    AccessEntry, Desktop, DesktopSsh, HistoryEntry, ListSnapshots, Setup, SetupState, Snapshot,
    SnapshotState, Step,
};
use rolltop_model::DesktopId;

use crate::access::{Named, SignedIn};
use crate::components::control::{Tone, button, check, leave, menu, menu_button};
use crate::components::desktop::{actions_menu, ask, reason, size, state, template};
use crate::components::dialog::opener;
use crate::components::layout::{heading, screen_page, title};
use crate::components::{Icon, icon, icon_with, steps, time};
use crate::failure::Failure;
use crate::language::Language;
use crate::pages::desktops::{failed, panel, ports, setup};
use crate::view::{self, Action, Phase};

/// Entries of the access log that are shown.
const ACCESS_LOG: usize = 20;
/// Entries of its history that are shown.
const HISTORY: usize = 30;
/// For so long a setup that failed is news.
const LATELY: SignedDuration = SignedDuration::from_hours(24);

/// All that the page shows.
pub(crate) struct Shown {
    pub desktop: Desktop,
    pub phase: Phase,
    pub steps: Vec<Step>,
    pub access: Vec<AccessEntry>,
    pub history: Vec<HistoryEntry>,
    /// The end of its console, where it has failed.
    pub console: String,
    /// What it can go back to, where it has failed.
    pub latest_snapshot: Option<Snapshot>,
    /// What an undo brings back, where it has failed after a restart of its owner's.
    pub undo: Option<Snapshot>,
    /// How to enter it by SSH, where that could be had.
    pub ssh: Option<DesktopSsh>,
    pub host: String,
    /// The address of a preview, with `%port%` in it, where names can be had for them.
    pub preview: Option<String>,
    /// A setup that failed lately.
    pub failed_setup: Option<Setup>,
    /// The page is being opened, rather than kept true.
    pub opened: bool,
}

pub(crate) async fn show(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Response, Failure> {
    let shown = match gather(&person, id).await {
        Ok(shown) => shown,
        // It was deleted while its page was open: go home rather than show an error.
        Err(failure) if person.fragment && failure.is_not_found() => {
            let home = format!("/desktops?gone={id}");
            return Ok((StatusCode::NO_CONTENT, [("hx-redirect", home)]).into_response());
        }
        Err(failure) => return Err(failure),
    };
    let body = body(person.language, &shown);
    if person.fragment {
        let heading = heading(&shown.desktop.name, true);
        // It may have been renamed: the tab follows.
        let title = title(person.language, &shown.desktop.name);
        return Ok(html! { (title) (body) (heading) }.into_response());
    }
    Ok(screen_page(&person, &shown.desktop.name, &body).into_response())
}

/// The desktop must be there; what goes with it may be missing for a moment.
async fn gather(person: &SignedIn, id: DesktopId) -> Result<Shown, Failure> {
    let desktop = person.client.desktop(id).await?;
    let steps = person.client.steps(id).await.unwrap_or_else(|_| desktop.steps.clone().unwrap_or_default());
    let mut access = person.client.access_log(id).await.unwrap_or_default();
    access.truncate(ACCESS_LOG);
    let mut history = person.client.history(id).await.unwrap_or_default();
    history.truncate(HISTORY);
    let phase = Phase::of(&desktop);
    let (console, latest_snapshot, undo) = if phase == Phase::Failed {
        let snapshots = person.client.snapshots(&ListSnapshots { desktop: Some(id) }).await;
        let ready = snapshots.unwrap_or_default().into_iter();
        let ready = ready.filter(|snapshot| snapshot.state == SnapshotState::Ready);
        let (for_undo, kept): (Vec<_>, Vec<_>) = ready.partition(|snapshot| snapshot.kept_until.is_some());
        // One of a memory that is there still would take it back further than trying again.
        let undo = for_undo.into_iter().next().filter(|_| !failed::keeps_memory(&desktop));
        (person.client.console(id).await.unwrap_or_default(), kept.into_iter().next(), undo)
    } else {
        (String::new(), None, None)
    };
    let ssh = person.client.desktop_ssh(id).await.ok();
    let preview = ports::base(person);
    let preview = preview.map(|base| ports::preview(base, &desktop.name, &"%port%"));
    let lately = Timestamp::now() - LATELY;
    let setup = person.client.setup(id).await.ok().and_then(|found| found.setup);
    let failed_setup = setup.filter(|setup| {
        setup.state == SetupState::Failed && setup.ended_at.is_some_and(|ended| ended > lately)
    });
    Ok(Shown {
        desktop,
        phase,
        steps,
        access,
        history,
        console,
        latest_snapshot,
        undo,
        ssh,
        host: person.host().to_owned(),
        preview,
        failed_setup,
        opened: !person.fragment,
    })
}

fn body(language: Language, shown: &Shown) -> Markup {
    let Shown { desktop, phase, .. } = shown;
    let path = format!("/desktops/{}", desktop.id);
    html! {
        section.workbench-root #desktop data-live=(desktop.id) data-panel-root data-state=(phase.as_str())
            hx-get=(path) hx-trigger="refresh" hx-swap="outerMorph" hx-target="this" {
            (head(language, shown))
            @if *phase == Phase::Running && desktop.reason.is_some() { (trouble(language, desktop)) }
            @if let Some(setup) = &shown.failed_setup { (failed_setup(language, desktop, setup)) }
            div.workbench {
                div.workplace data-fullscreen-root {
                    div.stage data-state=(phase.as_str()) { (stage(language, shown)) }
                    @if *phase == Phase::Running { (bar(language)) }
                }
                (panel::panel(language, shown))
            }
        }
    }
}

fn head(language: Language, shown: &Shown) -> Markup {
    let Shown { desktop, phase, .. } = shown;
    html! {
        header.desktop-head {
            (state(language, *phase))
            span.about { (size(language, desktop)) " · " (template(desktop)) }
            div.actions {
                @if *phase == Phase::Running {
                    @let can = view::actions(desktop);
                    @for action in [Action::Suspend, Action::Fork, Action::Snapshot].into_iter().filter(|action| can.contains(action)) {
                        (action_button(language, desktop, action, Tone::Plain))
                    }
                }
                (actions_menu(language, desktop, "page"))
                button.btn type="button" data-variant="ghost" data-size="icon-sm" data-panel-toggle aria-pressed="false"
                    aria-controls="side-panel" aria-label=(language.say("panel-toggle")) { (icon(Icon::Panel)) }
            }
        }
    }
}

/// Whether it is why it could not be suspended, and says no more.
fn is_of_suspending(reason: &str) -> bool {
    let says_all = ["restore_failed", "not_answering"].contains(&reason);
    !says_all && !reason.starts_with("slowed_") && !reason.starts_with("paused_")
}

/// What was asked of it and could not be done, while it goes on.
fn trouble(language: Language, desktop: &Desktop) -> Markup {
    html! {
        p.desktop-trouble role="status" {
            (icon(Icon::Alert))
            span {
                @if desktop.reason.as_deref().is_some_and(is_of_suspending) {
                    (language.say("trouble-suspend")) " "
                }
                (reason(language, desktop))
                @if let Some(silence) = &desktop.not_answering {
                    " " span.quiet { (language.say("not-answering-since")) " " (time::ago(language, silence.since)) }
                }
            }
            @if desktop.reason.as_deref() == Some("not_answering") {
                @if desktop.not_answering.as_ref().is_none_or(|silence| silence.cause != "halted") {
                    (action_button(language, desktop, Action::EndProcesses, Tone::Plain))
                }
                (action_button(language, desktop, Action::Restart, Tone::Plain))
            }
        }
    }
}

/// It can be used without, so nothing else says so outside the panel.
fn failed_setup(language: Language, desktop: &Desktop, setup: &Setup) -> Markup {
    html! {
        p.desktop-trouble role="status" {
            (icon(Icon::Alert))
            span { (language.say("setup-has-failed")) " " (setup::why(language, setup)) }
            button.btn type="button" data-variant="outline" data-size="sm" data-show-tab="activity" { (language.say("setup-show")) }
            (opener(Tone::Ghost, true, None, &language.say("setup-again"), format!("/desktops/{}/setup/edit", desktop.id)))
        }
    }
}

pub(crate) fn action_button(language: Language, desktop: &Desktop, action: Action, tone: Tone) -> Markup {
    button(tone, true, Some(action.icon()), &action.label(language), &ask(desktop, action))
}

fn stage(language: Language, shown: &Shown) -> Markup {
    let Shown { desktop, phase, .. } = shown;
    match phase {
        Phase::Running => live(language, desktop),
        Phase::Pending | Phase::Booting => html! {
            @if steps::is_resuming(&shown.steps) { (last_frame(desktop)) }
            div.stage-card.moving-edge data-state=(phase.as_str()) role="status" {
                h2 { (icon_with(Icon::Loader, true, false)) (language.say(&format!("stage-{}", phase.as_str()))) }
                (steps::list(language, desktop.steps.as_deref().unwrap_or(&shown.steps)))
            }
        },
        Phase::Stopping | Phase::Suspending | Phase::Destroying => html! {
            (last_frame(desktop))
            div.stage-card.moving-edge data-state=(phase.as_str()) role="status" {
                h2 { (icon_with(phase.icon(), *phase != Phase::Destroying, false)) (language.say(&format!("stage-{}", phase.as_str()))) }
            }
        },
        Phase::Stopped => at_rest(language, shown, Action::Start),
        Phase::Suspended => html! {
            (at_rest(language, shown, Action::Resume))
            // Opening its page opens the lid; being on it while it falls asleep does not.
            @if shown.opened {
                div hidden hx-post={ "/desktops/" (desktop.id) "/resume" } hx-trigger="load" hx-swap="none" {}
            }
        },
        Phase::Failed => failed::stage(language, shown),
    }
}

/// Off, with the way back.
fn at_rest(language: Language, shown: &Shown, back: Action) -> Markup {
    let Shown { desktop, phase, .. } = shown;
    html! {
        (last_frame(desktop))
        div.stage-card data-state=(phase.as_str()) {
            h2 { (icon(phase.icon())) (language.say(&format!("stage-{}", phase.as_str()))) }
            @if desktop.reason.is_some() {
                p { (reason(language, desktop)) }
            } @else {
                p.quiet { (language.say(&format!("stage-{}-text", phase.as_str()))) }
            }
            div.buttons { (action_button(language, desktop, back, Tone::Primary)) }
        }
    }
}

fn live(language: Language, desktop: &Desktop) -> Markup {
    let name = language.say_with("screen-of", &[("name", &desktop.name)]);
    html! {
        div.connecting role="status" { (icon_with(Icon::Loader, true, false)) (language.say("screen-connecting")) }
        rolltop-screen #screen hx-morph-skip src={ "/v1/desktops/" (desktop.id) "/screen?wake=false" } data-desktop=(desktop.id)
            role="application" aria-label=(name) {
            // The keys go here, since input methods and dead keys work in a text field only.
            textarea aria-label=(name) aria-describedby="screen-leave" rows="1" autocomplete="off" autocapitalize="none" autocorrect="off"
                spellcheck="false" {}
        }
    }
}

/// What was last seen of it in this browser.
fn last_frame(desktop: &Desktop) -> Markup {
    html! { img.last-frame #last-frame hx-morph-skip alt="" data-frame-of=(desktop.id); }
}

/// Keys, clipboard, full screen, scale, quality. Stays as it is while the page changes.
fn bar(language: Language) -> Markup {
    html! {
        div.screen-bar #screen-bar role="toolbar" aria-label=(language.say("bar-label")) hx-morph-skip {
            (keys(language))
            (clipboard(language))
            button.btn.touch-only type="button" data-variant="ghost" data-size="sm" data-screen-keyboard aria-label=(language.say("bar-keyboard")) {
                (icon(Icon::Keyboard)) span.label { (language.say("bar-keyboard")) }
            }
            (leave(language, "screen-leave"))
            textarea.soft-keyboard data-soft-keyboard aria-label=(language.say("bar-keyboard")) tabindex="-1" autocomplete="off"
                autocapitalize="none" spellcheck="false" {}
            div.at-end {
                span.latency data-latency title=(language.say("latency")) {}
                (scale(language))
                (quality(language))
                button.btn type="button" data-variant="ghost" data-size="sm" data-screen-full {
                    (icon(Icon::Expand)) span.label { (language.say("bar-full")) }
                }
            }
        }
    }
}

const CHORDS: [&str; 8] =
    ["Control+Alt+Delete", "Alt+Tab", "Alt+F4", "Super", "Escape", "Tab", "F11", "Print"];

fn keys(language: Language) -> Markup {
    let items = html! {
        @for chord in CHORDS {
            button type="button" role="menuitem" id={ "keys-" (chord.replace('+', "-")) } data-screen-keys=(chord) {
                (chord.split('+').map(|key| language.say(&format!("key-{}", key.to_lowercase()))).collect::<Vec<_>>().join(" + "))
            }
        }
    };
    let label = language.say("bar-keys");
    menu("keys", &menu_button("keys", Tone::Ghost, Icon::Keyboard, &label, Some(&label)), false, &items)
}

fn clipboard(language: Language) -> Markup {
    html! {
        details.clipboard {
            summary.btn data-variant="ghost" data-size="sm" { (icon(Icon::Clipboard)) span.label { (language.say("bar-clipboard")) } }
            div.clipboard-panel {
                label for="clipboard-text" { (language.say("clipboard-label")) }
                textarea #clipboard-text data-clipboard-text spellcheck="false" {}
                p { (language.say("clipboard-hint")) }
            }
        }
    }
}

fn scale(language: Language) -> Markup {
    let item = |mode: &str, label: &Markup| {
        html! { button type="button" role="menuitemradio" aria-checked="false" id={ "mode-" (mode) } data-screen-mode=(mode) { (label) } }
    };
    choice(language, ("scale", Icon::Fit), "mode", &["follow", "fit", "actual"], item)
}

fn quality(language: Language) -> Markup {
    let item = |level: &str, label: &Markup| {
        html! { button type="button" role="menuitemradio" aria-checked="false" id={ "quality-" (level) } data-screen-quality=(level) { (label) } }
    };
    choice(language, ("quality", Icon::Gauge), "quality", &["auto", "sharp", "balanced", "light"], item)
}

/// A menu of which one item is chosen; a script marks that.
fn choice(
    language: Language,
    (id, picture): (&str, Icon),
    prefix: &str,
    values: &[&str],
    item: impl Fn(&str, &Markup) -> Markup,
) -> Markup {
    let items = html! {
        @for value in values { (item(value, &html! { (language.say(&format!("{prefix}-{value}"))) (check()) })) }
    };
    let label = language.say(&format!("bar-{id}"));
    menu(id, &menu_button(id, Tone::Ghost, picture, &label, Some(&label)), true, &items)
}
