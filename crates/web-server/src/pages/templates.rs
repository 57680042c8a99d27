//! Templates of the workspace's own: made of a desktop, listed with what was kept, deleted.

use axum::extract::{Path, RawForm, RawQuery};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{Desktop, Logins, SaveTemplate, SavedTemplate, SavedTemplateState, TemplateVersion};

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

/// Which tools' log-ins a template of it will not have, in its dialog: a look into the desktop, which may take a moment.
pub(crate) async fn logins(
    person: SignedIn,
    Path(path): Path<String>,
    RawQuery(kept): RawQuery,
) -> Result<Markup, Failure> {
    let language = person.language;
    let kept = Answer::read(kept.unwrap_or_default().as_bytes());
    let found = match person.client.logins(id(&path)?).await {
        Ok(found) => found,
        Err(error) if error.problem().is_some() => {
            return Ok(html! { p.quiet { (language.say("template-logins-unseen")) } });
        }
        Err(error) => return Err(error.into()),
    };
    Ok(html! {
        @if found.is_empty() {
            p.quiet { (language.say("template-logins-none")) }
        } @else {
            fieldset.kept-logins {
                legend { (language.say("template-logins")) }
                p.quiet { (language.say("template-logins-text")) }
                @for tool in &found { (login(language, tool, kept.keep.contains(&tool.id))) }
            }
        }
    })
}

fn login(language: Language, tool: &Logins, kept: bool) -> Markup {
    // Those that are a product's are called as it is; the others have a name in each language.
    let title = language.maybe(&format!("login-{}", tool.id)).unwrap_or_else(|| tool.title.clone());
    html! {
        label.tick {
            input type="checkbox" name="keep" value=(tool.id) checked[kept];
            span { (title) @for path in &tool.paths { " " code { (path) } } }
        }
    }
}

/// The template as the dialog has it.
#[derive(Debug, Default)]
struct Answer {
    name: String,
    title: String,
    description: String,
    /// Tools whose log-ins stay.
    keep: Vec<String>,
}

impl Answer {
    /// A form has one pair per ticked tool, which serde's forms can't gather.
    fn read(form: &[u8]) -> Self {
        let mut answer = Self::default();
        for (name, value) in form_urlencoded::parse(form) {
            match name.as_ref() {
                "name" => answer.name = value.trim().to_owned(),
                "title" => answer.title = value.trim().to_owned(),
                "description" => answer.description = value.trim().to_owned(),
                "keep" => answer.keep.push(value.into_owned()),
                _ => {}
            }
        }
        answer
    }
}

pub(crate) async fn edit(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id(&path)?).await?;
    let body = body(person.language, &desktop, &Answer::default(), None);
    Ok(dialog(&path_of(&desktop)).show(person.language, &body))
}

pub(crate) async fn save(
    person: SignedIn,
    Path(path): Path<String>,
    RawForm(form): RawForm,
) -> Result<Response, Failure> {
    let language = person.language;
    let desktop = person.client.desktop(id(&path)?).await?;
    let answer = Answer::read(&form);
    let given = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let wanted = SaveTemplate {
        name: answer.name.clone(),
        title: given(&answer.title),
        description: given(&answer.description),
        keep: answer.keep.clone(),
    };
    match person.client.save_template(desktop.id, &wanted).await {
        Ok(saved) => {
            let text = language.say_with("template-saving", &[("name", &saved.name)]);
            Ok(([("hx-trigger", "rolltop:done")], toast::done(language, &text)).into_response())
        }
        Err(error) if error.problem().is_some_and(|problem| problem.status < 500) => {
            let body = body(language, &desktop, &answer, Some(&sentence(language, &error)));
            Ok(dialog(&path_of(&desktop)).refused(language, &body))
        }
        Err(error) => Err(error.into()),
    }
}

fn dialog(action: &str) -> dialog::Settings<'_> {
    dialog::Settings { id: "save-template", title: "template-title", action }
}

fn body(language: Language, desktop: &Desktop, answer: &Answer, problem: Option<&str>) -> Markup {
    let (name, title) = (language.say("field-name"), language.say("template-field-title"));
    let (hint, description) =
        (language.say("template-name-hint"), language.say("template-field-description"));
    let kept = answer.keep.iter().map(|id| ("keep", id));
    let kept = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    html! {
        @if let Some(text) = problem { (notice(Notice::Error, &html! { (text) })) }
        (field(&Field { hint: Some(&hint), required: true, autofocus: true, ..Field::text("template-name", "name", &name, &answer.name) }))
        (field(&Field { required: false, ..Field::text("template-title", "title", &title, &answer.title) }))
        (field(&Field { required: false, ..Field::text("template-description", "description", &description, &answer.description) }))
        p.quiet { (language.say("template-text")) }
        div hx-get={ (path_of(desktop)) "/logins?" (kept) } hx-trigger="load" hx-swap="outerHTML" hx-target="this" {
            p.quiet { (language.say("template-logins-looking")) }
        }
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
                            th.useful scope="col" { (language.say("column-made")) }
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
            td.useful { (time::ago(language, saved.created_at)) }
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
    person.client.delete_template(TemplateVersion(saved.version)).await?;
    let text = person.language.say_with("template-deleted", &[("name", &saved.title)]);
    Ok(([("hx-trigger", "rolltop:done")], toast::done(person.language, &text)).into_response())
}

async fn find(person: &SignedIn, version: &str) -> Result<SavedTemplate, Failure> {
    let own = person.client.saved_templates().await?;
    own.into_iter().find(|saved| saved.version == version).ok_or(Failure::NotFound)
}
