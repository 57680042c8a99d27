//! What was kept: every snapshot of the workspace, desktops made from them, and deleting them.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{
    CopyState, ForkDesktop, ListSnapshots, SavedTemplate, Snapshot, SnapshotCopyList, SnapshotState,
};
use rolltop_model::{DesktopId, SnapshotId};

use super::{copies, templates};
use crate::access::SignedIn;
use crate::components::control::{Ask, Tone, menu, menu_button, menu_item};
use crate::components::layout::{Page, Section, page};
use crate::components::{Icon, dialog, icon, icon_with, mark, time, toast};
use crate::failure::Failure;
use crate::language::Language;
use crate::view;

pub(crate) async fn show(person: SignedIn) -> Result<Markup, Failure> {
    let snapshots = person.client.snapshots(&ListSnapshots::default()).await?;
    let saved = person.client.saved_templates().await?;
    let copies = person.client.copies().await?;
    let language = person.language;
    let list = list(language, &snapshots, &saved, &copies);
    if person.fragment {
        return Ok(list);
    }
    let content = html! { div.page { (list) } };
    let title = language.say("snapshots");
    Ok(page(
        &person,
        &Page {
            title: &title,
            section: Section::Snapshots,
            parents: &[],
            fill: false,
            screen: false,
            content: &content,
        },
    ))
}

fn list(
    language: Language,
    snapshots: &[Snapshot],
    saved: &[SavedTemplate],
    copies: &SnapshotCopyList,
) -> Markup {
    html! {
        section #snapshots data-live="desktops" hx-get="/snapshots" hx-trigger="refresh" hx-swap="outerMorph" hx-target="this" {
            @if snapshots.is_empty() {
                div.empty-state {
                    (mark())
                    h2 { (language.say("snapshots-empty-title")) }
                    p { (language.say("snapshots-empty-text")) }
                    (importer(language))
                }
            } @else {
                div.filters { span.quiet { (language.say("snapshots-text")) } (importer(language)) }
                (table(language, snapshots, copies))
            }
            (copies::list(language, &copies.items))
            (templates::list(language, saved))
        }
    }
}

/// Takes in a file that was exported. A script sends it and shows how far that is; what is under way is left alone.
fn importer(language: Language) -> Markup {
    html! {
        form.importer #importer hx-morph-skip {
            label.btn data-variant="outline" data-size="sm" for="import-file" { (icon(Icon::Upload)) (language.say("import")) }
            input.visually-hidden type="file" id="import-file" accept=".rolltop,.zst" data-import;
            progress max="1" value="0" aria-label=(language.say("import-progress")) {}
        }
    }
}

fn table(language: Language, snapshots: &[Snapshot], copies: &SnapshotCopyList) -> Markup {
    html! {
        div.table-frame {
            table.desktop-table.snapshot-table {
                thead {
                    tr {
                        th scope="col" { (language.say("column-name")) }
                        th.secondary scope="col" { (language.say("column-of")) }
                        th scope="col" { (language.say("column-state")) }
                        th.secondary.numeric scope="col" { (language.say("column-memory")) }
                        th.secondary.numeric scope="col" { (language.say("column-disk")) }
                        th.useful scope="col" { (language.say("column-taken")) }
                        th.last scope="col" { span.visually-hidden { (language.say("column-actions")) } }
                    }
                }
                tbody { @for snapshot in snapshots { (row(language, snapshot, may_be_copied(snapshot, copies))) } }
            }
        }
    }
}

/// Where copies are kept, and there is none of it yet.
fn may_be_copied(snapshot: &Snapshot, copies: &SnapshotCopyList) -> bool {
    let is_there = copies.items.iter().any(|copy| copy.id == snapshot.id && copy.state != CopyState::Failed);
    copies.configured && !is_there
}

fn row(language: Language, snapshot: &Snapshot, may_be_copied: bool) -> Markup {
    let is_ready = snapshot.state == SnapshotState::Ready;
    let memory = snapshot.has_memory.then(|| view::bytes(language, snapshot.memory_bytes));
    html! {
        tr id={ "snapshot-" (snapshot.id) } {
            td.name {
                @if snapshot.has_picture {
                    img.snapshot-picture src={ "/v1/snapshots/" (snapshot.id) "/screenshot" } alt="" loading="lazy" width="96" height="60";
                }
                bdi { (snapshot.name) }
                div.quiet.narrow-only { bdi { (snapshot.desktop_name) } }
                @if let Some(detail) = &snapshot.detail { div.quiet.why { (detail) } }
                @if snapshot.is_scheduled { div.quiet { (language.say("snapshot-by-schedule")) } }
                @if let (Some(until), true) = (snapshot.kept_until, is_ready) {
                    div.quiet { (language.say("snapshot-kept-until")) " " (time::until(until)) }
                }
            }
            td.secondary {
                bdi { (snapshot.desktop_name) }
                @if snapshot.desktop_is_gone { div.quiet { (language.say("snapshot-desktop-gone")) } }
            }
            td { (state(language, snapshot.state)) }
            td.secondary.numeric {
                @match memory {
                    Some(text) if is_ready => (text),
                    None if is_ready => span.quiet { (language.say("snapshot-no-memory")) },
                    _ => {}
                }
            }
            td.secondary.numeric { @if is_ready { (view::bytes(language, snapshot.disk_bytes)) } }
            td.useful { (time::ago(language, snapshot.taken_at.unwrap_or(snapshot.created_at))) }
            td.last { (actions(language, snapshot, may_be_copied)) }
        }
    }
}

fn actions(language: Language, snapshot: &Snapshot, may_be_copied: bool) -> Markup {
    let id = format!("actions-{}", snapshot.id);
    let path = |action: &str| format!("/snapshots/{}/{action}", snapshot.id);
    let item = |action: &str, picture, word: &str, ask: &Ask<'_>| {
        menu_item(&format!("{id}-{action}"), picture, &language.say(word), action == "delete", ask)
    };
    let items = html! {
        @if snapshot.state == SnapshotState::Ready {
            @if snapshot.desktop_is_gone {
                (item("restore", Icon::Restart, "snapshot-bring-back", &Ask::Do(&path("restore"))))
            } @else {
                (item("restore", Icon::Restart, "snapshot-restore", &Ask::Dialog(&path("restore"))))
            }
            (item("fork", Icon::Fork, "snapshot-fork", &Ask::Do(&path("fork"))))
            a role="menuitem" id={ (id) "-export" } href={ "/v1/snapshots/" (snapshot.id) "/export" } download {
                (icon(Icon::Download)) (language.say("snapshot-export"))
            }
            @if may_be_copied { (item("copy", Icon::Upload, "copy-make", &Ask::Do(&path("copy")))) }
            div role="separator" {}
        }
        (item("delete", Icon::Trash, "action-delete", &Ask::Dialog(&path("delete"))))
    };
    let name = language.say_with("actions-of", &[("name", &snapshot.name)]);
    html! {
        @if snapshot.state != SnapshotState::Taking {
            (menu(&id, &menu_button(&id, Tone::Ghost, Icon::Dots, &name, None), true, &items))
        }
    }
}

/// In a desktop's panel: filled once it is looked at, and kept true.
pub(super) fn place(language: Language, of: DesktopId) -> Markup {
    html! {
        section.panel-section #kept hx-morph-skip hx-get={ "/desktops/" (of) "/snapshots" }
            hx-trigger="intersect once, every 60s, rolltop:done from:document" hx-swap="innerMorph" {
            h2 { (language.say("snapshots")) }
        }
    }
}

/// Those of one desktop, newest first.
pub(crate) async fn of_one(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let of: DesktopId = path.parse().map_err(|_| Failure::NotFound)?;
    let snapshots = person.client.snapshots(&ListSnapshots { desktop: Some(of) }).await?;
    let copies = person.client.copies().await?;
    let language = person.language;
    Ok(html! {
        h2 { (language.say("snapshots")) }
        @if snapshots.is_empty() { p { (language.say("snapshots-none-of-it")) } }
        ul.log.kept-list {
            @for snapshot in &snapshots {
                li id={ "kept-" (snapshot.id) } {
                    span {
                        bdi { (snapshot.name) } " "
                        span.quiet { (time::ago(language, snapshot.taken_at.unwrap_or(snapshot.created_at))) }
                        @if snapshot.state != SnapshotState::Ready { " " (state(language, snapshot.state)) }
                        @if let Some(detail) = &snapshot.detail { span.history-error { (detail) } }
                    }
                    (actions(language, snapshot, may_be_copied(snapshot, &copies)))
                }
            }
        }
        @if snapshots.iter().any(|snapshot| snapshot.state == SnapshotState::Taking) {
            div #kept-poll hidden hx-get={ "/desktops/" (of) "/snapshots" } hx-trigger="every 2s" hx-target="#kept" hx-swap="innerMorph" {}
        }
    })
}

fn state(language: Language, state: SnapshotState) -> Markup {
    let (word, picture, colour) = match state {
        SnapshotState::Taking => ("snapshot-taking", Icon::Loader, "booting"),
        SnapshotState::Ready => ("snapshot-ready", Icon::Done, "running"),
        SnapshotState::Failed => ("snapshot-failed", Icon::Alert, "failed"),
        SnapshotState::Deleting => ("snapshot-deleting", Icon::Trash, "destroying"),
    };
    html! {
        span.state data-state=(colour) {
            (icon_with(picture, state == SnapshotState::Taking, false))
            (language.say(word))
        }
    }
}

fn id(text: &str) -> Result<SnapshotId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

pub(crate) async fn fork(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let made = person.client.fork_snapshot(self::id(&id)?, &ForkDesktop::default()).await?;
    let name = made.first().map_or("", |desktop| desktop.name.as_str());
    Ok(done(person.language, &person.language.say_with("snapshot-forked", &[("name", name)])))
}

pub(crate) async fn ask_restore(person: SignedIn, Path(id): Path<String>) -> Result<Markup, Failure> {
    let snapshot = person.client.snapshot(self::id(&id)?).await?;
    let language = person.language;
    let title = language.say_with("snapshot-ask-restore", &[("name", &snapshot.desktop_name)]);
    let body = html! { p { (language.say("snapshot-warn-restore")) } };
    let action = format!("/snapshots/{}/restore", snapshot.id);
    let submit = language.say("snapshot-restore");
    let form = dialog::Form {
        id: "restore-snapshot",
        title: &title,
        action: &action,
        body: &body,
        submit: &submit,
        danger: false,
    };
    Ok(dialog::show(language, false, &form))
}

pub(crate) async fn restore(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let desktop = person.client.restore_snapshot(self::id(&id)?).await?;
    let text = person.language.say_with("snapshot-restored", &[("name", &desktop.name)]);
    let undo = desktop.started_at.is_some().then_some(desktop.id);
    let toast = toast::done_with_undo(person.language, &text, undo);
    Ok(([("hx-trigger", "rolltop:done")], toast).into_response())
}

pub(crate) async fn ask(person: SignedIn, Path(id): Path<String>) -> Result<Markup, Failure> {
    let snapshot = person.client.snapshot(self::id(&id)?).await?;
    let language = person.language;
    let body = html! { p { (language.say("snapshot-warn-delete")) } };
    let action = format!("/snapshots/{}/delete", snapshot.id);
    let (id, name) = ("delete-snapshot", &snapshot.name);
    let warning = dialog::Warning {
        id,
        title: "snapshot-ask-delete",
        name,
        action: &action,
        submit: "snapshot-confirm-delete",
    };
    Ok(warning.show(language, &body))
}

pub(crate) async fn delete(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let snapshot = person.client.snapshot(self::id(&id)?).await?;
    person.client.delete_snapshot(snapshot.id).await?;
    Ok(done(person.language, &person.language.say_with("snapshot-deleted", &[("name", &snapshot.name)])))
}

fn done(language: Language, text: &str) -> Response {
    ([("hx-trigger", "rolltop:done")], toast::done(language, text)).into_response()
}
