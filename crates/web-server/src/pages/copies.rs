//! Copies of snapshots that are not on the host: asked for, listed with what was kept, fetched and deleted.

use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{CopyId, CopyState, SnapshotCopy};
use rolltop_model::SnapshotId;

use crate::access::SignedIn;
use crate::components::control::{Ask, Tone, menu, menu_button, menu_item};
use crate::components::{Icon, dialog, icon_with, time, toast};
use crate::failure::Failure;
use crate::language::Language;
use crate::view;

/// Below what was kept, where there are any.
pub(super) fn list(language: Language, copies: &[SnapshotCopy]) -> Markup {
    html! {
        @if !copies.is_empty() {
            h2.section-title { (language.say("copies")) }
            p.section-text { (language.say("copies-text")) }
            @if copies.iter().any(is_open) {
                div #copies-poll hidden hx-get="/snapshots" hx-trigger="every 2s" hx-target="#snapshots" hx-swap="outerMorph" {}
            }
            div.table-frame {
                table.desktop-table.snapshot-table.copies-table {
                    thead {
                        tr {
                            th scope="col" { (language.say("column-name")) }
                            th.secondary scope="col" { (language.say("column-of")) }
                            th scope="col" { (language.say("column-state")) }
                            th.secondary.numeric scope="col" { (language.say("column-disk")) }
                            th.useful scope="col" { (language.say("column-taken")) }
                            th.last scope="col" { span.visually-hidden { (language.say("column-actions")) } }
                        }
                    }
                    tbody { @for copy in copies { (row(language, copy)) } }
                }
            }
        }
    }
}

fn row(language: Language, copy: &SnapshotCopy) -> Markup {
    let (word, picture, colour) = match copy.state {
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
            td {
                span.state data-state=(colour) {
                    (icon_with(picture, matches!(copy.state, CopyState::Copying | CopyState::Fetching), false))
                    (language.say(word))
                }
            }
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
            (menu_item(&fetch.0, Icon::Download, &fetch.1, false, &Ask::Do(&fetch.2)))
            div role="separator" {}
        }
        (menu_item(&delete.0, Icon::Trash, &delete.1, true, &Ask::Dialog(&delete.2)))
    };
    let name = language.say_with("copy-actions-of", &[("name", &copy.name)]);
    menu(&id, &menu_button(&id, Tone::Ghost, Icon::Dots, &name, None), true, &items)
}

fn id(text: &str) -> Result<SnapshotId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

fn done(language: Language, text: &str) -> Response {
    ([("hx-trigger", "rolltop:done")], toast::done(language, text)).into_response()
}

pub(crate) async fn make(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let copy = person.client.copy_snapshot(self::id(&id)?).await?;
    Ok(done(person.language, &person.language.say_with("copy-made", &[("name", &copy.name)])))
}

pub(crate) async fn fetch(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let copy = person.client.fetch_copy(CopyId(self::id(&id)?)).await?;
    Ok(done(person.language, &person.language.say_with("copy-fetch-begun", &[("name", &copy.name)])))
}

pub(crate) async fn ask(person: SignedIn, Path(id): Path<String>) -> Result<Markup, Failure> {
    let copy = find(&person, &id).await?;
    let language = person.language;
    let body = html! { p { (language.say("copy-warn-delete")) } };
    let action = format!("/copies/{}/delete", copy.id);
    let (id, name) = ("delete-copy", &copy.name);
    let warning = dialog::Warning {
        id,
        title: "copy-ask-delete",
        name,
        action: &action,
        submit: "copy-confirm-delete",
    };
    Ok(warning.show(language, &body))
}

pub(crate) async fn delete(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let copy = find(&person, &id).await?;
    person.client.delete_copy(CopyId(copy.id)).await?;
    Ok(done(person.language, &person.language.say_with("copy-deleted", &[("name", &copy.name)])))
}

async fn find(person: &SignedIn, id: &str) -> Result<SnapshotCopy, Failure> {
    let id = self::id(id)?;
    let all = person.client.copies().await?.items;
    all.into_iter().find(|copy| copy.id == id).ok_or(Failure::NotFound)
}
