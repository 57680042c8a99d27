//! The dialog for a new desktop: one click for the defaults.

use axum::Form;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use maud::{Markup, html};
use rolltop_api_types::{ClientError, CreateDesktop, Template, TemplateSize};
use rolltop_model::Size;
use serde::Deserialize;
use uuid::Uuid;

use super::desktop_setup;
use crate::access::SignedIn;
use crate::components::control::{Field, Notice, field, notice};
use crate::components::size::choice;
use crate::components::{Icon, dialog, icon, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;

/// Names to suggest: things found on and around a desk.
const NAMES: [&str; 24] = [
    "inkwell",
    "blotter",
    "ledger",
    "quill",
    "lamp",
    "drawer",
    "almanac",
    "atlas",
    "abacus",
    "compass",
    "folio",
    "globe",
    "letter",
    "loupe",
    "notebook",
    "paperweight",
    "parcel",
    "pencil",
    "postcard",
    "ribbon",
    "sextant",
    "stamp",
    "tambour",
    "walnut",
];

#[derive(Deserialize, Clone)]
pub(crate) struct Answer {
    #[serde(default)]
    name: String,
    #[serde(default)]
    template: String,
    #[serde(default)]
    size: String,
    #[serde(flatten)]
    setup: desktop_setup::Answer,
    /// The same for every try of one dialog, so that a double click makes one desktop.
    #[serde(default)]
    key: String,
}

/// What is wrong, by field.
#[derive(Default)]
struct Problems {
    name: Option<String>,
    template: Option<String>,
    size: Option<String>,
    /// Of the setup, with the field's name.
    setup: Option<(String, String)>,
    all: Option<String>,
}

/// With the defaults; or as it was filled in so far, when another template has been chosen,
/// whose sizes may be baked or not.
pub(crate) async fn show(person: SignedIn, Query(answer): Query<Answer>) -> Result<Response, Failure> {
    if !person.fragment {
        return Ok(Redirect::to("/desktops?new=1").into_response());
    }
    let templates = offered(person.client.templates().await?);
    let chosen = templates.iter().find(|template| template.default).or(templates.first());
    let answer = if answer.template.is_empty() {
        Answer {
            name: suggestion(&person).await,
            template: chosen.map(|template| template.name.clone()).unwrap_or_default(),
            size: Size::default().as_str().to_owned(),
            setup: desktop_setup::Answer::default(),
            key: Uuid::new_v4().to_string(),
        }
    } else {
        answer
    };
    let body = body(person.language, &templates, &answer, &Problems::default());
    Ok(dialog::show(person.language, true, &form(&body, &words(person.language))).into_response())
}

pub(crate) async fn submit(person: SignedIn, Form(mut answer): Form<Answer>) -> Result<Response, Failure> {
    let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let desktop = CreateDesktop {
        name: given(&answer.name),
        template: given(&answer.template),
        size: given(&answer.size),
        screen: None,
        setup: answer.setup.wanted(),
    };
    let language = person.language;
    match person.client.create_desktop(&desktop, given(&answer.key).as_deref()).await {
        Ok(desktop) => {
            let text = language.say_with("created", &[("name", &desktop.name)]);
            Ok(([("hx-trigger", "rolltop:done")], toast::done(language, &text)).into_response())
        }
        Err(error) if error.problem().is_some() => {
            // A corrected answer is another request.
            answer.key = Uuid::new_v4().to_string();
            let templates = offered(person.client.templates().await?);
            let body = body(language, &templates, &answer, &problems(language, &error));
            let status = error.problem().and_then(|problem| StatusCode::from_u16(problem.status).ok());
            let form = dialog::form(language, &form(&body, &words(language)));
            Ok((status.unwrap_or(StatusCode::UNPROCESSABLE_ENTITY), form).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

/// The newest version of each name.
fn offered(templates: Vec<Template>) -> Vec<Template> {
    let mut offered: Vec<Template> = Vec::new();
    for template in templates {
        if !offered.iter().any(|known| known.name == template.name) {
            offered.push(template);
        }
    }
    offered
}

/// A name that no desktop has yet.
async fn suggestion(person: &SignedIn) -> String {
    let taken: Vec<String> = match person.client.all_desktops().await {
        Ok(desktops) => desktops.into_iter().map(|desktop| desktop.name).collect(),
        Err(_) => Vec::new(),
    };
    let start = usize::from(Uuid::new_v4().as_bytes().first().copied().unwrap_or(0));
    let turned = NAMES.iter().cycle().skip(start % NAMES.len()).take(NAMES.len());
    let numbered = turned.clone().flat_map(|name| (2..100).map(move |number| format!("{name}-{number}")));
    turned
        .map(|name| (*name).to_owned())
        .chain(numbered)
        .find(|name| !taken.contains(name))
        .unwrap_or_default()
}

fn problems(language: Language, error: &ClientError) -> Problems {
    let text = sentence(language, error);
    match error.problem().and_then(|problem| problem.errors.first()).map(|field| field.field.as_str()) {
        Some("name") => Problems { name: Some(text), ..Problems::default() },
        Some("template") => Problems { template: Some(text), ..Problems::default() },
        Some("size") => Problems { size: Some(text), ..Problems::default() },
        Some(field) if field.starts_with("setup.") => {
            let field = field.trim_start_matches("setup.").to_owned();
            Problems { setup: Some((field, text)), ..Problems::default() }
        }
        _ => Problems { all: Some(text), ..Problems::default() },
    }
}

fn words(language: Language) -> (String, String) {
    (language.say("new-desktop"), language.say("create"))
}

fn form<'a>(body: &'a Markup, (title, submit): &'a (String, String)) -> dialog::Form<'a> {
    dialog::Form { id: "new-desktop", title, action: "/desktops", body, submit, danger: false }
}

fn body(language: Language, templates: &[Template], answer: &Answer, problems: &Problems) -> Markup {
    let label = language.say("field-name");
    let hint = language.say("name-hint");
    let name = Field {
        hint: Some(&hint),
        problem: problems.name.as_deref(),
        autofocus: true,
        select: true,
        required: false,
        ..Field::text("new-name", "name", &label, &answer.name)
    };
    let sizes = templates.iter().find(|template| template.name == answer.template).or(templates.first());
    html! {
        @if let Some(text) = &problems.all { (notice(Notice::Error, &html! { (text) })) }
        input type="hidden" name="key" value=(answer.key);
        (field(&name))
        fieldset.choice-group hx-get="/desktops/new" hx-trigger="change" hx-include="closest form" hx-target="#sizes"
            hx-select="#sizes" hx-swap="outerHTML" {
            legend { (language.say("column-template")) }
            div.choices data-columns=[(templates.len() == 1).then_some("1")] {
                @for template in templates { (template_choice(template, template.name == answer.template)) }
            }
            @if templates.is_empty() { (notice(Notice::Warning, &html! { (language.say("no-templates")) })) }
            @if let Some(text) = &problems.template { p.problem role="alert" { (icon(Icon::Alert)) span { (text) } } }
        }
        fieldset.choice-group #sizes {
            legend { (language.say("column-size")) }
            div.choices {
                @for size in sizes.map(|template| template.sizes.as_slice()).unwrap_or_default() {
                    (size_choice(language, size, size.size.as_str() == answer.size))
                }
            }
            @if let Some(text) = &problems.size { p.problem role="alert" { (icon(Icon::Alert)) span { (text) } } }
        }
        details.disclosure open[answer.setup.wanted().is_some() || problems.setup.is_some()] {
            summary { (icon(Icon::Chevron)) (language.say("setup-title")) }
            div.disclosed {
                (desktop_setup::fields(language, &answer.setup, problems.setup.as_ref().map(|(field, text)| (field.as_str(), text.as_str()))))
                p.quiet { (language.say("setup-text")) }
            }
        }
    }
}

fn template_choice(template: &Template, chosen: bool) -> Markup {
    html! {
        label.choice {
            input type="radio" name="template" id={ "template-" (template.name) } value=(template.name) checked[chosen];
            span.title { (template.title) }
            span.detail { (template.description) }
        }
    }
}

fn size_choice(language: Language, size: &TemplateSize, chosen: bool) -> Markup {
    let more = html! {
        span.detail { (language.say_with("size-disk", &[("disk", &size.disk_gib.to_string())])) }
        span.speed {
            (icon(Icon::Timer))
            (language.say(if size.baked { "speed-fork" } else { "speed-boot" }))
        }
    };
    choice(language, &format!("size-{}", size.size), size.size, (size.vcpus, size.memory_mib), chosen, &more)
}
