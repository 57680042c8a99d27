//! Templates of the workspace's own: made of a desktop, listed with what was kept, deleted.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, RawForm, RawQuery};
use axum::response::Response;
use axum::routing::get;
use maud::{Markup, html};
use rolltop_api_types::{Desktop, Logins, SaveTemplate, SavedTemplate, SavedTemplateState, TemplateVersion};
use rolltop_model::DesktopId;

use crate::access::{Named, SignedIn};
use crate::app::App;
use crate::components::control::{Field, Tone, field, state_label, trouble};
use crate::components::dialog::{self, Dialog};
use crate::components::table::{Column, MENUS, table};
use crate::components::{Icon, time};
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::pages::desktops::actions::given;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/desktops/{id}/template", get(edit).post(save))
        .route("/desktops/{id}/template/logins", get(logins))
        .route("/templates/{version}/delete", get(ask).post(delete))
}

const COLUMNS: [Column; 5] = [
    ("column-name", None),
    ("column-of", Some("secondary")),
    ("column-state", None),
    ("column-made", Some("useful")),
    MENUS,
];

/// In a desktop's settings.
pub(crate) fn opener(language: Language, desktop: &Desktop) -> Markup {
    let label = language.say("template-save");
    dialog::opener(Tone::Plain, true, Some(Icon::Template), &label, path_of(desktop))
}

fn path_of(desktop: &Desktop) -> String {
    format!("/desktops/{}/template", desktop.id)
}

/// Which tools' log-ins a template of it will not have, in its dialog: a look into the desktop, which may take a moment.
pub(crate) async fn logins(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    RawQuery(kept): RawQuery,
) -> Result<Markup, Failure> {
    let language = person.language;
    let kept = Input::read(kept.unwrap_or_default().as_bytes());
    let found = match person.client.logins(id).await {
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
struct Input {
    name: String,
    title: String,
    description: String,
    /// Tools whose log-ins stay.
    keep: Vec<String>,
}

impl Input {
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

pub(crate) async fn edit(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let desktop = person.client.desktop(id).await?;
    let body = body(person.language, &desktop, &Input::default(), &Fault::default());
    Ok(dialog(person.language, &desktop).show(&body))
}

pub(crate) async fn save(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    RawForm(form): RawForm,
) -> Result<Response, Failure> {
    let language = person.language;
    let desktop = person.client.desktop(id).await?;
    let answer = Input::read(&form);
    let wanted = SaveTemplate {
        name: answer.name.clone(),
        title: given(&answer.title),
        description: given(&answer.description),
        keep: answer.keep.clone(),
    };
    match person.client.save_template(id, &wanted).await {
        Ok(saved) => Ok(person.done("template-saving", &saved.name)),
        Err(error) => {
            let fault = Fault::of(language, error, &[])?;
            let body = body(language, &desktop, &answer, &fault);
            Ok(dialog(language, &desktop).refused(fault.status, &body))
        }
    }
}

fn dialog(language: Language, desktop: &Desktop) -> Dialog {
    Dialog::settings(language, "save-template", "template-title", path_of(desktop))
}

fn body(language: Language, desktop: &Desktop, answer: &Input, fault: &Fault) -> Markup {
    let optional = |id, name, label, value| Field { required: false, ..Field::text(id, name, label, value) };
    let name = Field {
        hint: Some("template-name-hint"),
        autofocus: true,
        ..Field::text("template-name", "name", "field-name", &answer.name)
    };
    let title = optional("template-title", "title", "template-field-title", &answer.title);
    let description =
        optional("template-description", "description", "template-field-description", &answer.description);
    let kept = answer.keep.iter().map(|id| ("keep", id));
    let kept = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept).finish();
    html! {
        (trouble(fault.elsewhere(&[])))
        @for one in [name, title, description] { (field(language, &one)) }
        p.quiet { (language.say("template-text")) }
        div hx-get={ (path_of(desktop)) "/logins?" (kept) } hx-trigger="load" hx-swap="outerHTML" hx-target="this" {
            p.quiet { (language.say("template-logins-looking")) }
        }
    }
}

/// Below what was kept, where there are any.
pub(crate) fn list(language: Language, saved: &[SavedTemplate]) -> Markup {
    html! {
        @if !saved.is_empty() {
            h2.section-title { (language.say("template-own")) }
            (table(language, "snapshot-table template-own-table", &COLUMNS, &html! { @for template in saved { (row(language, template)) } }))
        }
    }
}

fn row(language: Language, saved: &SavedTemplate) -> Markup {
    let state = match saved.state {
        SavedTemplateState::Saving => ("template-is-saving", Icon::Loader, "booting"),
        SavedTemplateState::Ready => ("snapshot-ready", Icon::Done, "running"),
        SavedTemplateState::Failed => ("template-failed", Icon::Alert, "failed"),
    };
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
            td { (state_label(language, state)) }
            td.useful { (time::ago(language, saved.created_at)) }
            td.last { (dialog::opener(Tone::Ghost, true, Some(Icon::Trash), &language.say("action-delete"), path)) }
        }
    }
}

pub(crate) async fn ask(person: SignedIn, Path(version): Path<String>) -> Result<Markup, Failure> {
    let saved = find(&person, &version).await?;
    let language = person.language;
    let (title, action) = (("template-delete", saved.title.as_str()), format!("/templates/{version}/delete"));
    let dialog = Dialog::warning(language, "delete-template", title, action, "template-confirm-delete");
    Ok(dialog.show(&html! { p { (language.say("template-warn-delete")) } }))
}

pub(crate) async fn delete(person: SignedIn, Path(version): Path<String>) -> Result<Response, Failure> {
    let saved = find(&person, &version).await?;
    person.client.delete_template(TemplateVersion(version)).await?;
    Ok(person.done("template-deleted", &saved.title))
}

async fn find(person: &SignedIn, version: &str) -> Result<SavedTemplate, Failure> {
    let own = person.client.saved_templates().await?;
    own.into_iter().find(|saved| saved.version == version).ok_or(Failure::NotFound)
}
