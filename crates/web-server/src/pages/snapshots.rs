//! What was kept: every snapshot of the workspace, desktops made from them, and deleting them.

pub(crate) mod copies;
pub(crate) mod schedule;

use std::sync::Arc;

use axum::Router;
use axum::response::Response;
use axum::routing::{get, post};
use maud::{Markup, html};
use rolltop_api_types::{
    CopyState, ForkDesktop, ListSnapshots, NotSupported, SavedTemplate, Snapshot, SnapshotCopyList,
    SnapshotState,
};
use rolltop_model::{DesktopId, SnapshotId};

use crate::access::{Named, SignedIn};
use crate::app::App;
use crate::components::control::{Ask, Tone, fetched_section, menu, menu_button, menu_item, state_label};
use crate::components::dialog::Dialog;
use crate::components::layout::{Section, live_page};
use crate::components::table::{Column, MENUS, empty, table};
use crate::components::{Icon, desktop, icon, time};
use crate::failure::Failure;
use crate::language::Language;
use crate::pages::templates;
use crate::view;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desktops/{id}/schedule", get(schedule::show).post(schedule::set))
        .route("/desktops/{id}/schedule/edit", get(schedule::edit))
        .route("/desktops/{id}/snapshots", get(of_one))
        .route("/snapshots", get(show))
        .route("/snapshots/{id}/copy", post(copies::make))
        .route("/copies/{id}/fetch", post(copies::fetch))
        .route("/copies/{id}/delete", get(copies::ask).post(copies::delete))
        .route("/snapshots/{id}/fork", post(fork))
        .route("/snapshots/{id}/restore", get(ask_restore).post(restore))
        .route("/snapshots/{id}/delete", get(ask).post(delete))
}

const COLUMNS: [Column; 7] = [
    ("column-name", None),
    ("column-of", Some("secondary")),
    ("column-state", None),
    ("column-memory", Some("secondary numeric")),
    ("column-disk", Some("secondary numeric")),
    ("column-taken", Some("useful")),
    MENUS,
];

pub(crate) async fn show(person: SignedIn) -> Result<Markup, Failure> {
    let snapshots = person.client.snapshots(&ListSnapshots::default()).await?;
    let saved = person.client.saved_templates().await?;
    let copies = person.client.copies().await?;
    // A host that does not answer keeps nobody from their snapshots.
    let lacking = person.client.host().await.map(|host| host.not_supported).unwrap_or_default();
    let list = list(person.language, &snapshots, &saved, &copies, &lacking);
    Ok(live_page(&person, Section::Snapshots, "snapshots", list, |list| list))
}

fn list(
    language: Language,
    snapshots: &[Snapshot],
    saved: &[SavedTemplate],
    copies: &SnapshotCopyList,
    lacking: &[NotSupported],
) -> Markup {
    let importer = match lacking.iter().find(|lacking| lacking.what == "images") {
        Some(images) => html! { p.quiet { (desktop::not_supported(language, images)) } },
        None => importer(language),
    };
    let rows = html! {
        @for snapshot in snapshots { (row(language, snapshot, may_be_copied(snapshot, copies))) }
    };
    html! {
        section #snapshots data-live="desktops" hx-get="/snapshots" hx-trigger="refresh" hx-swap="outerMorph" hx-target="this" {
            @if snapshots.is_empty() {
                (empty(language, "snapshots-empty", &importer))
            } @else {
                div.filters { span.quiet { (language.say("snapshots-text")) } (importer) }
                (table(language, "snapshot-table", &COLUMNS, &rows))
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
            td { (state_label(language, state(snapshot.state))) }
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
    let item = |action: &str, picture, word: &str, by_dialog| {
        let ask = Ask::new(by_dialog, path(action));
        menu_item(&format!("{id}-{action}"), picture, &language.say(word), action == "delete", &ask)
    };
    let gone = snapshot.desktop_is_gone;
    let restore = if gone { "snapshot-bring-back" } else { "snapshot-restore" };
    let items = html! {
        @if snapshot.state == SnapshotState::Ready {
            (item("restore", Icon::Restart, restore, !gone))
            (item("fork", Icon::Fork, "snapshot-fork", false))
            a role="menuitem" id={ (id) "-export" } href={ "/v1/snapshots/" (snapshot.id) "/export" } download {
                (icon(Icon::Download)) (language.say("snapshot-export"))
            }
            @if may_be_copied { (item("copy", Icon::Upload, "copy-make", false)) }
            div role="separator" {}
        }
        (item("delete", Icon::Trash, "action-delete", true))
    };
    let name = language.say_with("actions-of", &[("name", &snapshot.name)]);
    html! {
        @if snapshot.state != SnapshotState::Taking {
            (menu(&id, &menu_button(&id, Tone::Ghost, Icon::Dots, &name, None), true, &items))
        }
    }
}

/// In a desktop's panel.
pub(crate) fn place(language: Language, of: DesktopId) -> Markup {
    fetched_section(language, "kept", &format!("/desktops/{of}/snapshots"), 60, "snapshots")
}

/// Those of one desktop, newest first.
pub(crate) async fn of_one(person: SignedIn, Named(of): Named<DesktopId>) -> Result<Markup, Failure> {
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
                        @if snapshot.state != SnapshotState::Ready { " " (state_label(language, state(snapshot.state))) }
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

const fn state(state: SnapshotState) -> (&'static str, Icon, &'static str) {
    match state {
        SnapshotState::Taking => ("snapshot-taking", Icon::Loader, "booting"),
        SnapshotState::Ready => ("snapshot-ready", Icon::Done, "running"),
        SnapshotState::Failed => ("snapshot-failed", Icon::Alert, "failed"),
        SnapshotState::Deleting => ("snapshot-deleting", Icon::Trash, "destroying"),
    }
}

pub(crate) async fn fork(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Response, Failure> {
    let made = person.client.fork_snapshot(id, &ForkDesktop::default()).await?;
    Ok(person.done("snapshot-forked", made.first().map_or("", |desktop| &desktop.name)))
}

pub(crate) async fn ask_restore(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Markup, Failure> {
    let snapshot = person.client.snapshot(id).await?;
    let language = person.language;
    let title = language.say_with("snapshot-ask-restore", &[("name", &snapshot.desktop_name)]);
    let action = format!("/snapshots/{id}/restore");
    let dialog = Dialog::new(language, "restore-snapshot", title, action, "snapshot-restore");
    Ok(dialog.show(&html! { p { (language.say("snapshot-warn-restore")) } }))
}

pub(crate) async fn restore(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Response, Failure> {
    let desktop = person.client.restore_snapshot(id).await?;
    let undo = desktop.started_at.is_some().then_some(desktop.id);
    Ok(person.done_with_undo("snapshot-restored", &desktop.name, undo))
}

pub(crate) async fn ask(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Markup, Failure> {
    let snapshot = person.client.snapshot(id).await?;
    let language = person.language;
    let (title, action) =
        (("snapshot-ask-delete", snapshot.name.as_str()), format!("/snapshots/{id}/delete"));
    let dialog = Dialog::warning(language, "delete-snapshot", title, action, "snapshot-confirm-delete");
    Ok(dialog.show(&html! { p { (language.say("snapshot-warn-delete")) } }))
}

pub(crate) async fn delete(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Response, Failure> {
    let snapshot = person.client.snapshot(id).await?;
    person.client.delete_snapshot(id).await?;
    Ok(person.done("snapshot-deleted", &snapshot.name))
}
