//! Copies of snapshots that are not on the host: asked for, listed with what was kept, fetched and deleted.

use axum::response::Response;
use maud::{Markup, html};
use rolltop_api_types::{CopyId, CopyState, SnapshotCopy};
use rolltop_model::SnapshotId;

use crate::access::{Named, SignedIn};
use crate::components::control::{Ask, Tone, menu, menu_button, menu_item, state_label};
use crate::components::dialog::Dialog;
use crate::components::table::{Column, MENUS, table};
use crate::components::{Icon, time};
use crate::failure::Failure;
use crate::language::Language;
use crate::view;

const COLUMNS: [Column; 6] = [
    ("column-name", None),
    ("column-of", Some("secondary")),
    ("column-state", None),
    ("column-disk", Some("secondary numeric")),
    ("column-taken", Some("useful")),
    MENUS,
];

/// Below what was kept, where there are any.
pub(crate) fn list(language: Language, copies: &[SnapshotCopy]) -> Markup {
    html! {
        @if !copies.is_empty() {
            h2.section-title { (language.say("copies")) }
            p.section-text { (language.say("copies-text")) }
            @if copies.iter().any(is_open) {
                div #copies-poll hidden hx-get="/snapshots" hx-trigger="every 2s" hx-target="#snapshots" hx-swap="outerMorph" {}
            }
            (table(language, "snapshot-table copies-table", &COLUMNS, &html! { @for copy in copies { (row(language, copy)) } }))
        }
    }
}

fn row(language: Language, copy: &SnapshotCopy) -> Markup {
    let state = match copy.state {
        CopyState::Waiting => ("copy-waiting", Icon::Timer, "pending"),
        CopyState::Copying => ("copy-copying", Icon::Loader, "booting"),
        CopyState::Done => ("copy-done", Icon::Done, "running"),
        CopyState::Fetching => ("copy-fetching", Icon::Loader, "booting"),
        CopyState::Failed => ("copy-failed", Icon::Alert, "failed"),
    };
    html! {
        tr id={ "copy-" (copy.id) } {
            td.name {
                bdi { (copy.name) }
                div.quiet.narrow-only { bdi { (copy.desktop_name) } }
                @if let Some(detail) = &copy.detail { div.quiet.why { (detail) } }
            }
            td.secondary { bdi { (copy.desktop_name) } }
            td { (state_label(language, state)) }
            td.secondary.numeric { @if let Some(bytes) = copy.bytes { (view::bytes(language, bytes)) } }
            td.useful { (time::ago(language, copy.taken_at)) }
            td.last { (actions(language, copy)) }
        }
    }
}

fn is_open(copy: &SnapshotCopy) -> bool {
    matches!(copy.state, CopyState::Waiting | CopyState::Copying | CopyState::Fetching)
}

fn actions(language: Language, copy: &SnapshotCopy) -> Markup {
    let id = format!("copy-actions-{}", copy.id);
    let path = |action: &str| format!("/copies/{}/{action}", copy.id);
    let fetch = (format!("{id}-fetch"), language.say("copy-fetch"), path("fetch"));
    let delete = (format!("{id}-delete"), language.say("action-delete"), path("delete"));
    let items = html! {
        @if copy.state == CopyState::Done {
            (menu_item(&fetch.0, Icon::Download, &fetch.1, false, &Ask::Do(fetch.2)))
            div role="separator" {}
        }
        (menu_item(&delete.0, Icon::Trash, &delete.1, true, &Ask::Dialog(delete.2)))
    };
    let name = language.say_with("copy-actions-of", &[("name", &copy.name)]);
    menu(&id, &menu_button(&id, Tone::Ghost, Icon::Dots, &name, None), true, &items)
}

pub(crate) async fn make(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Response, Failure> {
    let copy = person.client.copy_snapshot(id).await?;
    Ok(person.done("copy-made", &copy.name))
}

pub(crate) async fn fetch(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Response, Failure> {
    let copy = person.client.fetch_copy(CopyId(id)).await?;
    Ok(person.done("copy-fetch-begun", &copy.name))
}

pub(crate) async fn ask(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Markup, Failure> {
    let copy = find(&person, id).await?;
    let language = person.language;
    let (title, action) = (("copy-ask-delete", copy.name.as_str()), format!("/copies/{id}/delete"));
    let dialog = Dialog::warning(language, "delete-copy", title, action, "copy-confirm-delete");
    Ok(dialog.show(&html! { p { (language.say("copy-warn-delete")) } }))
}

pub(crate) async fn delete(person: SignedIn, Named(id): Named<SnapshotId>) -> Result<Response, Failure> {
    let copy = find(&person, id).await?;
    person.client.delete_copy(CopyId(id)).await?;
    Ok(person.done("copy-deleted", &copy.name))
}

async fn find(person: &SignedIn, id: SnapshotId) -> Result<SnapshotCopy, Failure> {
    let all = person.client.copies().await?.items;
    all.into_iter().find(|copy| copy.id == id).ok_or(Failure::NotFound)
}
