//! The dialog for a new desktop: one click for the defaults.

use axum::Form;
use axum::extract::Query;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use rolltop_api_types::{CreateDesktop, Template, TemplateSize};
use rolltop_model::Size;
use serde::Deserialize;
use uuid::Uuid;

use crate::access::SignedIn;
use crate::components::control::{Field, Notice, field, notice, problem, trouble};
use crate::components::dialog::Dialog;
use crate::components::size::choice;
use crate::components::{Icon, icon};
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::pages::desktops::actions::given;
use crate::pages::desktops::{choices, setup};

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
pub(crate) struct Input {
    #[serde(default)]
    name: String,
    #[serde(default)]
    template: String,
    #[serde(default)]
    size: String,
    #[serde(flatten)]
    choices: choices::Input,
    #[serde(flatten)]
    setup: setup::Input,
    /// The same for every try of one dialog, so that a double click makes one desktop.
    #[serde(default)]
    key: String,
}

/// With the defaults; or as it was filled in so far, when another template has been chosen,
/// whose sizes may be baked or not.
pub(crate) async fn show(person: SignedIn, Query(answer): Query<Input>) -> Result<Response, Failure> {
    if !person.fragment {
        return Ok(Redirect::to("/desktops?new=1").into_response());
    }
    let templates = offered(person.client.templates().await?);
    let chosen = templates.iter().find(|template| template.default).or(templates.first());
    let answer = if answer.template.is_empty() {
        Input {
            name: suggestion(&person).await,
            template: chosen.map(|template| template.name.clone()).unwrap_or_default(),
            size: Size::default().as_str().to_owned(),
            choices: choices::Input::default(),
            setup: setup::Input::default(),
            key: Uuid::new_v4().to_string(),
        }
    } else {
        answer
    };
    let body = body(person.language, &templates, &answer, &Fault::default());
    Ok(dialog(person.language).show(&body).into_response())
}

pub(crate) async fn submit(person: SignedIn, Form(mut answer): Form<Input>) -> Result<Response, Failure> {
    let desktop = CreateDesktop {
        name: given(&answer.name),
        template: given(&answer.template),
        size: given(&answer.size),
        setup: answer.setup.wanted(),
        ..answer.choices.wanted()
    };
    let language = person.language;
    match person.client.create_desktop(&desktop, given(&answer.key).as_deref()).await {
        Ok(desktop) => Ok(person.done("created", &desktop.name)),
        Err(error) => {
            let fault = Fault::of(language, error, &[])?;
            // A corrected answer is another request.
            answer.key = Uuid::new_v4().to_string();
            let templates = offered(person.client.templates().await?);
            Ok(dialog(language).refused(fault.status, &body(language, &templates, &answer, &fault)))
        }
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

fn dialog(language: Language) -> Dialog {
    let title = language.say("new-desktop");
    Dialog::new(language, "new-desktop", title, "/desktops".to_owned(), "create").wide()
}

fn body(language: Language, templates: &[Template], answer: &Input, fault: &Fault) -> Markup {
    let name = Field {
        hint: Some("name-hint"),
        problem: fault.at("name"),
        autofocus: true,
        select: true,
        required: false,
        ..Field::text("new-name", "name", "field-name", &answer.name)
    };
    let mut fields = [&["name", "template", "size"][..], &choices::FIELDS].concat();
    let beside_setup = fault.elsewhere(&fields);
    fields.extend(["setup.repository", "setup.branch", "setup.script"]);
    let elsewhere = fault.elsewhere(&fields);
    let is_chosen = answer.choices.wanted() != CreateDesktop::default();
    let sizes = templates.iter().find(|template| template.name == answer.template).or(templates.first());
    html! {
        (trouble(elsewhere))
        input type="hidden" name="key" value=(answer.key);
        (field(language, &name))
        fieldset.choice-group hx-get="/desktops/new" hx-trigger="change" hx-include="closest form" hx-target="#sizes"
            hx-select="#sizes" hx-swap="outerHTML" {
            legend { (language.say("column-template")) }
            div.choices data-columns=[(templates.len() == 1).then_some("1")] {
                @for template in templates { (template_choice(template, template.name == answer.template)) }
            }
            @if templates.is_empty() { (notice(Notice::Warning, &html! { (language.say("no-templates")) })) }
            (problem(fault.at("template")))
        }
        fieldset.choice-group #sizes {
            legend { (language.say("column-size")) }
            div.choices {
                @for size in sizes.map(|template| template.sizes.as_slice()).unwrap_or_default() {
                    (size_choice(language, size, size.size.as_str() == answer.size))
                }
            }
            (problem(fault.at("size")))
        }
        details.disclosure open[is_chosen] {
            summary { (icon(Icon::Chevron)) (language.say("choices-title")) }
            div.disclosed { (choices::fields(language, "new", &answer.choices, fault)) }
        }
        details.disclosure open[answer.setup.wanted().is_some() || beside_setup.is_some() && elsewhere.is_none()] {
            summary { (icon(Icon::Chevron)) (language.say("setup-title")) }
            div.disclosed {
                (setup::fields(language, &answer.setup, fault, "setup."))
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
