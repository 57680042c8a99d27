//! What is done with a desktop, and the dialogs that come first where something would be
//! lost. Each says what will be gone.

use axum::Form;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use rolltop_api_types::{ClientError, CreateSnapshot, Desktop, ForkDesktop, ListSnapshots, UpdateDesktop};
use rolltop_model::DesktopId;
use serde::Deserialize;

use crate::access::{Named, SignedIn};
use crate::components::control::{Field, Tone, checkbox, field};
use crate::components::dialog::Dialog;
use crate::components::toast;
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::view::{self, Action};

#[derive(Deserialize, Default)]
pub(crate) struct Input {
    #[serde(default)]
    pub name: String,
    /// Only sent where it is checked.
    pub for_good: Option<String>,
}

/// What a form's field holds, if it holds anything.
pub(crate) fn given(text: &str) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

pub(crate) async fn ask(
    person: SignedIn,
    Named((id, action)): Named<(DesktopId, Action)>,
) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id).await?;
    if !action.asks_first() {
        return Err(Failure::NotFound);
    }
    let name = if action == Action::Rename { &desktop.name } else { "" };
    let body = body(person.language, &desktop, action, name, &Fault::default());
    Ok(dialog(person.language, &desktop, action).show(&body))
}

pub(crate) async fn submit(
    person: SignedIn,
    Named((id, action)): Named<(DesktopId, Action)>,
    Form(answer): Form<Input>,
) -> Result<Response, Failure> {
    let language = person.language;
    match perform(&person, id, action, &answer).await {
        Ok(desktop) => {
            let is_kept = answer.for_good.is_none() && view::lacks(&desktop, "layers").is_none();
            let undo = (action.can_be_undone() && is_kept).then_some(id);
            Ok(person.done_with_undo(&format!("done-{}", action.as_str()), &desktop.name, undo))
        }
        Err(error) if matches!(action, Action::Rename | Action::Snapshot) => {
            let fault = Fault::of_answer(language, error)?;
            let desktop = person.client.desktop(id).await?;
            let body = body(language, &desktop, action, &answer.name, &fault);
            Ok(dialog(language, &desktop, action).refused(fault.status, &body))
        }
        Err(error) => Err(error.into()),
    }
}

/// Says that it was deleted, with the way back if there is one, to whoever was on its page. Once: the address
/// that asked for it is taken back, so that a reload does not say it again.
pub(crate) async fn gone(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Response, Failure> {
    let kept = person.client.snapshots(&ListSnapshots { desktop: Some(id) }).await?;
    let Some(undo) = kept.iter().find(|snapshot| snapshot.desktop_is_gone && snapshot.kept_until.is_some())
    else {
        return Ok(Markup::default().into_response());
    };
    let text = person.language.say_with("desktop-gone", &[("name", &undo.desktop_name)]);
    Ok(([("hx-replace-url", "/desktops")], toast::done(person.language, &text, Some(id))).into_response())
}

/// Brings back what it was before the last thing that was done with it.
pub(crate) async fn undo(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Response, Failure> {
    let desktop = person.client.undo_desktop(id).await?;
    Ok(person.done("done-undo", &desktop.name))
}

#[derive(Deserialize)]
pub(crate) struct Autostart {
    /// Only sent where it is checked.
    autostart: Option<String>,
}

/// Whether it starts again after the host was restarted.
pub(crate) async fn autostart(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Form(answer): Form<Autostart>,
) -> Result<Response, Failure> {
    let change = UpdateDesktop { autostart: Some(answer.autostart.is_some()), ..UpdateDesktop::default() };
    person.client.update_desktop(id, &change).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn perform(
    person: &SignedIn,
    id: DesktopId,
    action: Action,
    answer: &Input,
) -> Result<Desktop, ClientError> {
    let client = &person.client;
    match action {
        Action::Start => client.start_desktop(id).await,
        Action::Stop => client.stop_desktop(id).await,
        Action::Suspend => client.suspend_desktop(id).await,
        Action::Resume => client.resume_desktop(id).await,
        Action::Fork => {
            let made = client.fork_desktop(id, &ForkDesktop::default()).await?;
            made.into_iter().next().ok_or(ClientError::Unexpected { status: 202 })
        }
        Action::Snapshot => {
            client.take_snapshot(id, &CreateSnapshot { name: given(&answer.name) }).await?;
            client.desktop(id).await
        }
        Action::Restart => client.restart_desktop(id).await,
        Action::EndProcesses => client.end_processes(id).await,
        Action::Retry => client.retry_desktop(id).await,
        Action::Rename => client.update_desktop(id, &UpdateDesktop::rename(answer.name.trim())).await,
        Action::Delete if answer.for_good.is_some() => client.destroy_desktop(id).await,
        Action::Delete => client.delete_desktop(id).await,
    }
}

fn dialog(language: Language, desktop: &Desktop, action: Action) -> Dialog {
    let name = action.as_str();
    let title = language.say_with(&format!("ask-{name}"), &[("name", &desktop.name)]);
    let path = format!("/desktops/{}/{name}", desktop.id);
    let danger = matches!(action, Action::Delete | Action::EndProcesses);
    let tone = if danger { Tone::Danger } else { Tone::Primary };
    Dialog { tone, ..Dialog::new(language, "ask", title, path, &format!("confirm-{name}")) }
}

/// `name` is what was typed.
fn body(language: Language, desktop: &Desktop, action: Action, name: &str, fault: &Fault) -> Markup {
    let (id, hint) = match action {
        Action::Rename => ("rename-name", "rename-hint"),
        Action::Snapshot => ("snapshot-name", "snapshot-name-hint"),
        _ => return warning(language, desktop, action),
    };
    let is_new = action == Action::Snapshot;
    let name = Field {
        hint: Some(hint),
        problem: fault.elsewhere(&[]),
        autofocus: true,
        select: !is_new,
        required: !is_new,
        ..Field::text(id, "name", "field-name", name)
    };
    html! {
        @if is_new { p { (language.say("warn-snapshot")) } }
        (field(language, &name))
    }
}

/// What will be gone, and what will not.
fn warning(language: Language, desktop: &Desktop, action: Action) -> Markup {
    let is_kept = view::lacks(desktop, "layers").is_none();
    if action != Action::Delete {
        let what = if is_kept || !action.can_be_undone() { "" } else { "-for-good" };
        return html! { p { (language.say(&format!("warn-{}{what}", action.as_str()))) } };
    }
    let disk = desktop.disk_bytes.map_or_else(
        || language.say("warn-delete-disk"),
        |bytes| language.say_with("warn-delete-disk-of", &[("amount", &view::bytes(language, bytes))]),
    );
    html! {
        p { (language.say("warn-delete")) }
        ul.losses {
            li { (disk) }
            li { (language.say("warn-delete-programs")) }
        }
        @if is_kept {
            p { (language.say("warn-delete-kept")) }
            (for_good(language))
        }
    }
}

/// Whether nothing is to be kept.
pub(crate) fn for_good(language: Language) -> Markup {
    checkbox(language, "for-good", "for_good", false, "delete-for-good")
}
