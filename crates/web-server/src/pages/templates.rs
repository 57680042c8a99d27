//! Templates of the workspace's own: made of a desktop, listed with what was kept, deleted.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{Desktop, SaveTemplate, SavedTemplate, SavedTemplateState};
use serde::Deserialize;

use super::actions::id;
use crate::access::SignedIn;
use crate::components::control::{Ask, Field, Notice, Tone, button, field, notice};
use crate::components::{Icon, dialog, icon_with, time, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;

/// In a desktop's settings.
pub(super) fn opener(language: Language, desktop: &Desktop) -> Markup {
    button(
        Tone::Plain,
        true,
        Some(Icon::Template),
        &language.say("template-save"),
        &Ask::Dialog(&path_of(desktop)),
    )
}

fn path_of(desktop: &Desktop) -> String {
    format!("/desktops/{}/template", desktop.id)
}

/// The template as the dialog has it.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    name: String,
    #[serde(default)]
    title: String,
    #[serde(default)]
    description: String,
}

pub(crate) async fn edit(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id(&path)?).await?;
    let body = body(person.language, &Answer::default(), None);
    Ok(dialog(&path_of(&desktop)).show(person.language, &body))
}

pub(crate) async fn save(
    person: SignedIn,
    Path(path): Path<String>,
    Form(answer): Form<Answer>,
) -> Result<Response, Failure> {
    let language = person.language;
    let desktop = person.client.desktop(id(&path)?).await?;
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let wanted = SaveTemplate {
        name: answer.name.trim().to_owned(),
        title: given(&answer.title),
        description: given(&answer.description),
    };
    match person.client.save_template(desktop.id, &wanted).await {
        Ok(saved) => {
            let text = language.say_with("template-saving", &[("name", &saved.name)]);
            Ok(([("hx-trigger", "rolltop:done")], toast::done(language, &text)).into_response())
        }
        Err(error) if error.problem().is_some_and(|problem| problem.status < 500) => {
            let body = body(language, &answer, Some(&sentence(language, &error)));
            Ok(dialog(&path_of(&desktop)).refused(language, &body))
        }
        Err(error) => Err(error.into()),
    }
}

fn dialog(action: &str) -> dialog::Settings<'_> {
    dialog::Settings { id: "save-template", title: "template-title", action }
}

fn body(language: Language, answer: &Answer, problem: Option<&str>) -> Markup {
    let (name, title) = (language.say("field-name"), language.say("template-field-title"));
    let (hint, description) =
        (language.say("template-name-hint"), language.say("template-field-description"));
    html! {
        @if let Some(text) = problem { (notice(Notice::Error, &html! { (text) })) }
        (field(&Field { hint: Some(&hint), required: true, autofocus: true, ..Field::text("template-name", "name", &name, &answer.name) }))
        (field(&Field { required: false, ..Field::text("template-title", "title", &title, &answer.title) }))
        (field(&Field { required: false, ..Field::text("template-description", "description", &description, &answer.description) }))
        p.quiet { (language.say("template-text")) }
    }
}

/// Below what was kept, where there are any.
pub(super) fn list(language: Language, saved: &[SavedTemplate]) -> Markup {
    html! {
        @if !saved.is_empty() {
            h2.section-title { (language.say("template-own")) }
            div.table-frame {
                table.desktop-table.snapshot-table.template-own-table {
                    thead {
                        tr {
                            th scope="col" { (language.say("column-name")) }
                            th.secondary scope="col" { (language.say("column-of")) }
                            th scope="col" { (language.say("column-state")) }
                            th.secondary scope="col" { (language.say("column-made")) }
                            th.last scope="col" { span.visually-hidden { (language.say("column-actions")) } }
                        }
                    }
                    tbody { @for template in saved { (row(language, template)) } }
                }
            }
        }
    }
}

fn row(language: Language, saved: &SavedTemplate) -> Markup {
    let (word, picture, colour) = match saved.state {
        SavedTemplateState::Saving => ("template-is-saving", Icon::Loader, "booting"),
        SavedTemplateState::Ready => ("snapshot-ready", Icon::Done, "running"),
        SavedTemplateState::Failed => ("template-failed", Icon::Alert, "failed"),
    };
    let delete = language.say("action-delete");
    let path = format!("/templates/{}/delete", saved.version);
    html! {
        tr id={ "template-" (saved.version) } {
            td.name {
                bdi { (saved.title) }
                div.quiet.mono { (saved.version) }
                @if !saved.description.is_empty() { div.quiet { bdi { (saved.description) } } }
                @if let Some(detail) = &saved.detail { div.quiet.why { (detail) } }
            }
            td.secondary { bdi { (saved.desktop_name) } }
            td {
                span.state data-state=(colour) {
                    (icon_with(picture, saved.state == SavedTemplateState::Saving, false))
                    (language.say(word))
                }
            }
            td.secondary { (time::ago(language, saved.created_at)) }
            td.last {
                (button(Tone::Ghost, true, Some(Icon::Trash), &delete, &Ask::Dialog(&path)))
            }
        }
    }
}

pub(crate) async fn ask(person: SignedIn, Path(version): Path<String>) -> Result<Markup, Failure> {
    let saved = find(&person, &version).await?;
    let language = person.language;
    let body = html! { p { (language.say("template-warn-delete")) } };
    let action = format!("/templates/{}/delete", saved.version);
    let (id, name) = ("delete-template", &saved.title);
    let warning = dialog::Warning {
        id,
        title: "template-delete",
        name,
        action: &action,
        submit: "template-confirm-delete",
    };
    Ok(warning.show(language, &body))
}

pub(crate) async fn delete(person: SignedIn, Path(version): Path<String>) -> Result<Response, Failure> {
    let saved = find(&person, &version).await?;
    person.client.delete_template(&saved.version).await?;
    let text = person.language.say_with("template-deleted", &[("name", &saved.title)]);
    Ok(([("hx-trigger", "rolltop:done")], toast::done(person.language, &text)).into_response())
}

async fn find(person: &SignedIn, version: &str) -> Result<SavedTemplate, Failure> {
    let own = person.client.saved_templates().await?;
    own.into_iter().find(|saved| saved.version == version).ok_or(Failure::NotFound)
}
