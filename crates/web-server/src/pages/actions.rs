//! What is done with a desktop, and the dialogs that come first where something would be
//! lost. Each says what will be gone.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use maud::{Markup, html};
use rolltop_api_types::{ClientError, CreateSnapshot, Desktop, ForkDesktop, ListSnapshots, UpdateDesktop};
use rolltop_model::DesktopId;
use serde::Deserialize;

use crate::access::SignedIn;
use crate::components::control::{Field, field};
use crate::components::{dialog, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;
use crate::view::{self, Action};

#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    name: String,
    /// Only sent where it is checked.
    for_good: Option<String>,
}

/// The id in a path. What is no id is not there.
pub(crate) fn id(text: &str) -> Result<DesktopId, Failure> {
    text.parse().map_err(|_| Failure::NotFound)
}

pub(crate) async fn ask(
    person: SignedIn,
    Path((id, what)): Path<(String, String)>,
) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(self::id(&id)?).await?;
    let action = Action::from_str(&what).filter(|action| action.asks_first()).ok_or(Failure::NotFound)?;
    let body = match action {
        Action::Rename => rename_body(person.language, &desktop.name, None),
        Action::Snapshot => snapshot_body(person.language, "", None),
        _ => warning(person.language, &desktop, action),
    };
    Ok(dialog::show(
        person.language,
        false,
        &form(&Words::new(person.language, &desktop, action), action, &body),
    ))
}

pub(crate) async fn submit(
    person: SignedIn,
    Path((id, action)): Path<(String, String)>,
    Form(answer): Form<Answer>,
) -> Result<Response, Failure> {
    let id = self::id(&id)?;
    let action = Action::from_str(&action).ok_or(Failure::NotFound)?;
    let language = person.language;
    match perform(&person, id, action, &answer).await {
        Ok(desktop) => {
            let text = language.say_with(&format!("done-{}", action.as_str()), &[("name", &desktop.name)]);
            let is_kept = answer.for_good.is_none() && view::lacks(&desktop, "layers").is_none();
            let undo = (action.can_be_undone() && is_kept).then_some(id);
            let toast = toast::done_with_undo(language, &text, undo);
            Ok(([("hx-trigger", "rolltop:done")], toast).into_response())
        }
        Err(error)
            if matches!(action, Action::Rename | Action::Snapshot)
                && error
                    .problem()
                    .is_some_and(|problem| !problem.errors.is_empty() || problem.status == 409) =>
        {
            let desktop = person.client.desktop(id).await?;
            let text = sentence(language, &error);
            let body = match action {
                Action::Snapshot => snapshot_body(language, &answer.name, Some(&text)),
                _ => rename_body(language, &answer.name, Some(&text)),
            };
            let status = error.problem().and_then(|problem| StatusCode::from_u16(problem.status).ok());
            let form = dialog::form(language, &form(&Words::new(language, &desktop, action), action, &body));
            Ok((status.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), form).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// Says that it was deleted, with the way back if there is one, to whoever was on its page. Once: the address
/// that asked for it is taken back, so that a reload does not say it again.
pub(crate) async fn gone(person: SignedIn, Path(path): Path<String>) -> Result<Response, Failure> {
    let id = id(&path)?;
    let kept = person.client.snapshots(&ListSnapshots { desktop: Some(id) }).await?;
    let Some(undo) = kept.iter().find(|snapshot| snapshot.desktop_is_gone && snapshot.kept_until.is_some())
    else {
        return Ok(Markup::default().into_response());
    };
    let text = person.language.say_with("desktop-gone", &[("name", &undo.desktop_name)]);
    Ok(([("hx-replace-url", "/desktops")], toast::done_with_undo(person.language, &text, Some(id)))
        .into_response())
}

/// Brings back what it was before the last thing that was done with it.
pub(crate) async fn undo(person: SignedIn, Path(id): Path<String>) -> Result<Response, Failure> {
    let desktop = person.client.undo_desktop(self::id(&id)?).await?;
    let text = person.language.say_with("done-undo", &[("name", &desktop.name)]);
    Ok(([("hx-trigger", "rolltop:done")], toast::done(person.language, &text)).into_response())
}

#[derive(Deserialize)]
pub(crate) struct Autostart {
    /// Only sent where it is checked.
    autostart: Option<String>,
}

/// Whether it starts again after the host was restarted.
pub(crate) async fn autostart(
    person: SignedIn,
    Path(path): Path<String>,
    Form(answer): Form<Autostart>,
) -> Result<Response, Failure> {
    let change = UpdateDesktop { autostart: Some(answer.autostart.is_some()), ..UpdateDesktop::default() };
    person.client.update_desktop(id(&path)?, &change).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

#[derive(Deserialize)]
pub(crate) struct ScreenSize {
    screen: String,
}

/// The size that its screen keeps, or that it follows whoever drives.
pub(crate) async fn screen(
    person: SignedIn,
    Path(path): Path<String>,
    Form(answer): Form<ScreenSize>,
) -> Result<Response, Failure> {
    let change = UpdateDesktop { screen: Some(answer.screen), ..UpdateDesktop::default() };
    person.client.update_desktop(id(&path)?, &change).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn perform(
    person: &SignedIn,
    id: DesktopId,
    action: Action,
    answer: &Answer,
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
            let name = Some(answer.name.trim().to_owned()).filter(|name| !name.is_empty());
            client.take_snapshot(id, &CreateSnapshot { name }).await?;
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

/// The dialog's own texts, kept while it is drawn.
struct Words {
    title: String,
    submit: String,
    path: String,
}

impl Words {
    fn new(language: Language, desktop: &Desktop, action: Action) -> Self {
        Self {
            title: language.say_with(&format!("ask-{}", action.as_str()), &[("name", &desktop.name)]),
            submit: language.say(&format!("confirm-{}", action.as_str())),
            path: format!("/desktops/{}/{}", desktop.id, action.as_str()),
        }
    }
}

fn form<'a>(words: &'a Words, action: Action, body: &'a Markup) -> dialog::Form<'a> {
    let danger = matches!(action, Action::Delete | Action::EndProcesses);
    dialog::Form { id: "ask", title: &words.title, action: &words.path, body, submit: &words.submit, danger }
}

fn rename_body(language: Language, name: &str, problem: Option<&str>) -> Markup {
    let label = language.say("field-name");
    let hint = language.say("rename-hint");
    field(&Field {
        hint: Some(&hint),
        problem,
        autofocus: true,
        select: true,
        ..Field::text("rename-name", "name", &label, name)
    })
}

fn snapshot_body(language: Language, name: &str, problem: Option<&str>) -> Markup {
    let (label, hint) = (language.say("field-name"), language.say("snapshot-name-hint"));
    let name = Field {
        hint: Some(&hint),
        problem,
        autofocus: true,
        required: false,
        ..Field::text("snapshot-name", "name", &label, name)
    };
    html! { p { (language.say("warn-snapshot")) } (field(&name)) }
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
pub(super) fn for_good(language: Language) -> Markup {
    html! {
        label.choice-line {
            input type="checkbox" name="for_good" value="yes";
            span { (language.say("delete-for-good")) }
        }
    }
}
