//! The API's reference: an overview, a page for each group of operations, and one of all types.

use axum::extract::Path;
use maud::{Markup, html};

use crate::access::Reader;
use crate::docs::{Answer, Body, Field, Heading, Named, Operation, Shape, Wording, code, reference};
use crate::failure::Failure;
use crate::language::Language;
use crate::pages::docs::{Sheet, show_sheet, wording};

/// The page of all types has no operations.
const TYPES: &str = "types";

pub(crate) async fn index(reader: Reader) -> Markup {
    let language = reader.language();
    let reference = reference();
    let title = Language::English.say("docs-api");
    let body = html! {
        (reference.introduction.html(&wording(language)))
        @for tag in &reference.tags {
            h2 id=(tag.name) { a href={ "/docs/api/" (tag.name) } { (capital(&tag.name)) } }
            (tag.about.html(&wording(language)))
            ul.docs-operations {
                @for operation in &tag.operations {
                    li { a href={ "/docs/api/" (tag.name) "#" (operation.id) } { (signature(operation)) span { (operation.summary) } } }
                }
            }
        }
        p { a href="/docs/api/types" { span lang=(language.code()) { (language.say("docs-types")) } } }
    };
    let headings: Vec<Heading> = reference
        .tags
        .iter()
        .map(|tag| Heading { id: tag.name.clone(), title: capital(&tag.name), minor: false })
        .collect();
    sheet(&reader, &title, "api", &body, &headings)
}

pub(crate) async fn group(reader: Reader, Path(name): Path<String>) -> Result<Markup, Failure> {
    if name == TYPES {
        return Ok(types(&reader));
    }
    let tag = reference().tag(&name).ok_or(Failure::NotFound)?;
    let language = reader.language();
    let body = html! {
        (tag.about.html(&wording(language)))
        @for (number, operation) in tag.operations.iter().enumerate() { (operation_section(language, number + 1, operation)) }
    };
    let headings: Vec<Heading> = tag
        .operations
        .iter()
        .map(|operation| Heading { id: operation.id.clone(), title: operation.summary.clone(), minor: false })
        .collect();
    Ok(sheet(&reader, &capital(&tag.name), "api", &body, &headings))
}

/// A group's name as a heading.
fn capital(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

fn sheet(reader: &Reader, title: &str, here: &str, body: &Markup, headings: &[Heading]) -> Markup {
    let sheet = Sheet { title, written_in: Language::English, here, query: "", body, headings, foot: None };
    show_sheet(reader, &sheet)
}

fn signature(operation: &Operation) -> Markup {
    html! { code.docs-signature { b { (operation.method) } " " (operation.path) } }
}

fn operation_section(language: Language, number: usize, operation: &Operation) -> Markup {
    let words = wording(language);
    html! {
        section.docs-operation aria-labelledby=(operation.id) {
            h2 id=(operation.id) { (operation.summary) }
            p { (signature(operation)) }
            @if let Some(needs) = &operation.needs { div.docs-needs { (markdown(needs, &words)) } }
            (operation.about.html(&words))
            @if !operation.parameters.is_empty() {
                (label(language, "docs-parameters"))
                (fields(language, &words, &operation.parameters))
            }
            @if let Some(body) = &operation.body {
                (label(language, "docs-body"))
                p { (body_line(body)) }
            }
            (label(language, "docs-answers"))
            (answers(&words, &operation.answers))
            @if let Some(example) = &operation.example {
                (label(language, "docs-example"))
                (code(example, number, &words))
            }
        }
    }
}

fn markdown(text: &str, words: &Wording) -> Markup {
    crate::docs::Page::read(text).html(words)
}

fn label(language: Language, key: &str) -> Markup {
    html! { h3.docs-label lang=(language.code()) { (language.say(key)) } }
}

fn fields(language: Language, words: &Wording, fields: &[Field]) -> Markup {
    html! {
        div.docs-table tabindex="0" role="group" aria-label=(words.table) {
            table {
                tbody {
                    @for field in fields {
                        tr {
                            td {
                                code { (field.name) }
                                div.quiet { (shape(&field.shape)) @if !field.place.is_empty() { ", " (field.place) } @if !field.required { ", " span lang=(language.code()) { (language.say("docs-optional")) } } }
                            }
                            td { (field.about.html(words)) }
                        }
                    }
                }
            }
        }
    }
}

fn answers(words: &Wording, answers: &[Answer]) -> Markup {
    html! {
        div.docs-table tabindex="0" role="group" aria-label=(words.table) {
            table {
                tbody {
                    @for answer in answers {
                        tr {
                            td { code { (answer.status) } }
                            td { (answer.about.html(words)) @if let Some(body) = &answer.body { div.quiet { (body_line(body)) } } }
                        }
                    }
                }
            }
        }
    }
}

fn body_line(body: &Body) -> Markup {
    html! { (shape(&body.shape)) @if body.media != "application/json" { " " code { (body.media) } } }
}

fn shape(shape: &Shape) -> Markup {
    match shape {
        Shape::Plain(name) => html! { (name) },
        Shape::OneOf(words) => {
            html! { @for (at, word) in words.iter().enumerate() { @if at > 0 { " · " } code { (word) } } }
        }
        Shape::Named(name) => html! { a href={ "/docs/api/" (TYPES) "#" (name) } { (name) } },
        Shape::ListOf(inner) => html! { (self::shape(inner)) "[]" },
        Shape::Bytes => html! { "bytes" },
    }
}

fn types(reader: &Reader) -> Markup {
    let language = reader.language();
    let words = wording(language);
    let body = html! { @for named in &reference().types { (type_section(language, &words, named)) } };
    let headings: Vec<Heading> = reference()
        .types
        .iter()
        .map(|named| Heading { id: named.name.clone(), title: named.name.clone(), minor: false })
        .collect();
    sheet(reader, &Language::English.say("docs-types"), "api", &body, &headings)
}

fn type_section(language: Language, words: &Wording, named: &Named) -> Markup {
    html! {
        section.docs-operation aria-labelledby=(named.name) {
            h2 id=(named.name) { (named.name) }
            (named.about.html(words))
            @if !named.values.is_empty() { p { (shape(&Shape::OneOf(named.values.clone()))) } }
            @if !named.fields.is_empty() { (fields(language, words, &named.fields)) }
        }
    }
}
