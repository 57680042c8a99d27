//! The stage of a desktop that has failed: why, what its machine said last, and every way on.

use maud::{Markup, html};
use rolltop_api_types::{Desktop, Snapshot};
use rolltop_model::{is_deceptive, without_escapes};

use crate::components::control::{Ask, Tone, button};
use crate::components::desktop::reason;
use crate::components::{Icon, icon, time};
use crate::language::Language;
use crate::pages::desktops::page::{Shown, action_button};
use crate::view::Action;

/// How much of a console is shown. A guest writes it as long as it likes, and every open page gets it.
const CONSOLE_LINES: usize = 200;
const CONSOLE_BYTES: usize = 16 * 1024;

/// Whether the memory that it had is there still.
pub(crate) fn keeps_memory(desktop: &Desktop) -> bool {
    matches!(desktop.reason.as_deref(), Some("memory_unusable" | "resume_failed"))
}

pub(crate) fn stage(language: Language, shown: &Shown) -> Markup {
    let console = end_of(&shown.console);
    // The reason may come with the same lines.
    let evidence =
        shown.desktop.evidence.as_deref().map(end_of).filter(|said| !console.contains(said.trim()));
    let is_wide = evidence.is_some() || !console.is_empty();
    html! {
        div.stage-card data-state="failed" data-wide[is_wide] {
            h2 { (icon(Icon::Alert)) (language.say("stage-failed")) }
            p { (reason(language, &shown.desktop)) }
            @if let Some(said) = &evidence {
                pre.console tabindex="0" { (said) }
            }
            @if !console.is_empty() {
                details.disclosure id={ "console-" (console.len()) } hx-morph-skip open[evidence.is_none()] {
                    summary { (icon(Icon::Chevron)) (language.say("console-title")) }
                    pre.console tabindex="0" { (console) }
                }
            }
            div.buttons {
                (action_button(language, &shown.desktop, Action::Retry, Tone::Primary))
                @if keeps_memory(&shown.desktop) {
                    (action_button(language, &shown.desktop, Action::Restart, Tone::Plain))
                }
                (action_button(language, &shown.desktop, Action::Delete, Tone::DangerQuiet))
            }
            @if let Some(snapshot) = &shown.undo { (undone(language, snapshot)) }
            @if let Some(snapshot) = &shown.latest_snapshot { (back_to(language, snapshot)) }
        }
    }
}

/// Back to what it was before it was restarted or stopped.
fn undone(language: Language, snapshot: &Snapshot) -> Markup {
    let undo = format!("/desktops/{}/undo", snapshot.desktop);
    let kept = if snapshot.has_memory { "failed-undo" } else { "failed-undo-disk" };
    html! {
        p.quiet {
            (language.say(kept)) " " bdi { (snapshot.name) } ", "
            (time::ago(language, snapshot.taken_at.unwrap_or(snapshot.created_at)))
        }
        div.buttons {
            (button(Tone::Plain, true, Some(Icon::Restart), &language.say("undo"), &Ask::Do(undo)))
        }
    }
}

/// To the latest snapshot, or on from it in another desktop, which leaves this one as it is.
fn back_to(language: Language, snapshot: &Snapshot) -> Markup {
    let path = |action: &str| format!("/snapshots/{}/{action}", snapshot.id);
    let (restore, fork) = (Ask::Dialog(path("restore")), Ask::Do(path("fork")));
    html! {
        p.quiet {
            (language.say("failed-snapshot")) " " bdi { (snapshot.name) } ", "
            (time::ago(language, snapshot.taken_at.unwrap_or(snapshot.created_at)))
        }
        div.buttons {
            (button(Tone::Plain, true, Some(Icon::Restart), &language.say("snapshot-restore"), &restore))
            (button(Tone::Plain, true, Some(Icon::Fork), &language.say("snapshot-fork"), &fork))
        }
    }
}

/// The last lines of what a guest said, bounded, without what is no text.
fn end_of(said: &str) -> String {
    let lines: Vec<&str> = rolltop_model::end_of(said, CONSOLE_BYTES).trim_end().lines().collect();
    let last = lines.get(lines.len().saturating_sub(CONSOLE_LINES)..).unwrap_or_default().join("\n");
    without_escapes(&last)
        .chars()
        .filter(|character| *character == '\n' || !is_deceptive(*character))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_guest_says_is_bounded_text() {
        assert_eq!(end_of("a\r\n\u{1b}[2Jb\u{7}\tc\n\n"), "a\nbc");
        let lines = end_of(&"line\n".repeat(10_000));
        assert_eq!(lines.lines().count(), CONSOLE_LINES);
        let endless = end_of(&"é".repeat(1 << 20));
        assert!((CONSOLE_BYTES - 2..=CONSOLE_BYTES).contains(&endless.len()), "{}", endless.len());
        assert_eq!(end_of(""), "");
    }
}
