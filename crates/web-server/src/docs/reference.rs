//! The API's reference, read from the committed description (`openapi/v1.json`): operations by tag,
//! with what a reader has to know of each, and a call that could be typed.

mod example;

use std::sync::LazyLock;

use serde_json::Value;

use super::page::Page;

static DESCRIPTION: &str = include_str!("../../../../openapi/v1.json");
static REFERENCE: LazyLock<Reference> =
    LazyLock::new(|| Reference::read(&serde_json::from_str(DESCRIPTION).unwrap_or_default()));

pub(crate) struct Reference {
    pub introduction: Page,
    pub tags: Vec<Tag>,
    pub types: Vec<Named>,
}

pub(crate) struct Tag {
    pub name: String,
    pub about: Page,
    pub operations: Vec<Operation>,
}

pub(crate) struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    pub summary: String,
    pub about: Page,
    /// What a credential must be able to do, as the description says it.
    pub needs: Option<String>,
    pub parameters: Vec<Field>,
    pub body: Option<Body>,
    pub answers: Vec<Answer>,
    /// A call in a shell; absent for a WebSocket.
    pub example: Option<String>,
}

/// A parameter, or a field of a type.
pub(crate) struct Field {
    pub name: String,
    /// `path`, `query`, `header`; empty for a field of a type.
    pub place: String,
    pub required: bool,
    pub shape: Shape,
    pub about: Page,
}

pub(crate) struct Body {
    pub media: String,
    pub shape: Shape,
}

pub(crate) struct Answer {
    pub status: String,
    pub about: Page,
    pub body: Option<Body>,
}

/// A type with a name, and its fields or values.
pub(crate) struct Named {
    pub name: String,
    pub about: Page,
    pub fields: Vec<Field>,
    pub values: Vec<String>,
}

/// What something is, as far as one line says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shape {
    /// A type of JSON, or of the header, by its name.
    Plain(String),
    /// One of a few words.
    OneOf(Vec<String>),
    Named(String),
    ListOf(Box<Shape>),
    Bytes,
}

/// The reference, read once.
pub(crate) fn reference() -> &'static Reference {
    &REFERENCE
}

impl Reference {
    fn read(description: &Value) -> Self {
        let introduction = markdown(description.pointer("/info/description"));
        let mut tags: Vec<Tag> = list(description.get("tags"))
            .map(|tag| Tag {
                name: text(tag.get("name")),
                about: markdown(tag.get("description")),
                operations: Vec::new(),
            })
            .collect();
        for (path, methods) in entries(description.get("paths")) {
            for (method, operation) in entries(Some(methods)) {
                let tag = text(operation.pointer("/tags/0"));
                if let Some(tag) = tags.iter_mut().find(|known| known.name == tag) {
                    tag.operations.push(read_operation(description, path, method, operation));
                }
            }
        }
        tags.retain(|tag| !tag.operations.is_empty());
        let types = entries(description.pointer("/components/schemas"))
            .map(|(name, schema)| named(name, schema))
            .collect();
        Self { introduction, tags, types }
    }

    pub(crate) fn tag(&self, name: &str) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.name == name)
    }
}

fn read_operation(all: &Value, path: &str, method: &str, operation: &Value) -> Operation {
    let (about, needs) = split_needs(&text(operation.get("description")));
    let parameters = list(operation.get("parameters")).map(parameter).collect();
    let answers = entries(operation.get("responses"))
        .map(|(status, answer)| Answer {
            status: status.to_owned(),
            about: markdown(answer.get("description")),
            // A problem's body is the same everywhere and said once.
            body: body(answer).filter(|body| body.media != "application/problem+json"),
        })
        .collect();
    Operation {
        id: text(operation.get("operationId")),
        method: method.to_uppercase(),
        path: path.to_owned(),
        summary: text(operation.get("summary")),
        about: Page::read(&about),
        needs,
        parameters,
        body: operation.get("requestBody").and_then(body),
        answers,
        example: example::call(all, path, method, operation),
    }
}

/// Each description ends with what the operation needs.
fn split_needs(description: &str) -> (String, Option<String>) {
    match description.rsplit_once("\n\n").unwrap_or(("", description)) {
        (before, needs) if needs.starts_with("Needs ") => (before.to_owned(), Some(needs.to_owned())),
        _ => (description.to_owned(), None),
    }
}

fn parameter(parameter: &Value) -> Field {
    Field {
        name: text(parameter.get("name")),
        place: text(parameter.get("in")),
        required: parameter.get("required").and_then(Value::as_bool).unwrap_or(false),
        shape: shape(parameter.get("schema").unwrap_or(&Value::Null)),
        about: markdown(parameter.get("description")),
    }
}

fn body(holder: &Value) -> Option<Body> {
    let (media, content) = entries(holder.get("content")).next()?;
    let schema = content.get("schema").unwrap_or(&Value::Null);
    let is_text = media == "application/json" || media.starts_with("text/");
    let shape = if is_text { shape(schema) } else { Shape::Bytes };
    Some(Body { media: media.to_owned(), shape })
}

fn named(name: &str, schema: &Value) -> Named {
    let required: Vec<String> = list(schema.get("required")).map(|name| text(Some(name))).collect();
    let fields = entries(schema.get("properties"))
        .map(|(name, field)| Field {
            name: name.to_owned(),
            place: String::new(),
            required: required.iter().any(|required| required == name),
            shape: shape(field),
            about: markdown(field.get("description")),
        })
        .collect();
    let values = list(schema.get("enum")).map(|value| text(Some(value))).collect();
    Named { name: name.to_owned(), about: markdown(schema.get("description")), fields, values }
}

fn shape(schema: &Value) -> Shape {
    if let Some(name) = reference_name(schema) {
        return Shape::Named(name.to_owned());
    }
    let alternatives = ["oneOf", "anyOf", "allOf"].into_iter().flat_map(|key| list(schema.get(key)));
    if let Some(first) = alternatives.into_iter().find(|one| one.get("type") != Some(&Value::from("null"))) {
        return shape(first);
    }
    let words: Vec<String> = list(schema.get("enum")).map(|word| text(Some(word))).collect();
    if !words.is_empty() {
        return Shape::OneOf(words);
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.iter().map(|kind| text(Some(kind))).find(|kind| kind != "null"),
        other => other.map(|kind| text(Some(kind))),
    };
    match kind.as_deref() {
        Some("array") => Shape::ListOf(Box::new(shape(schema.get("items").unwrap_or(&Value::Null)))),
        Some(kind) => Shape::Plain(match schema.get("format").and_then(Value::as_str) {
            Some("date-time") => "time".to_owned(),
            _ => kind.to_owned(),
        }),
        None => Shape::Plain("any".to_owned()),
    }
}

fn reference_name(schema: &Value) -> Option<&str> {
    schema.get("$ref")?.as_str()?.strip_prefix("#/components/schemas/")
}

fn text(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Null) | None => String::new(),
        Some(other) => other.to_string(),
    }
}

fn markdown(value: Option<&Value>) -> Page {
    Page::read(&text(value))
}

fn list(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all() -> impl Iterator<Item = &'static Operation> {
        reference().tags.iter().flat_map(|tag| &tag.operations)
    }

    #[test]
    fn every_operation_of_the_description_is_there_with_what_it_needs() {
        let description: Value = serde_json::from_str(DESCRIPTION).unwrap();
        let written =
            entries(description.get("paths")).flat_map(|(_, methods)| entries(Some(methods))).count();
        assert_eq!(all().count(), written, "an operation has no tag, or one that is not described");
        for operation in all() {
            assert!(!operation.summary.is_empty() && !operation.answers.is_empty(), "{}", operation.path);
            let open = ["/healthz", "/v1/openapi.json", "/v1/session", "/v1/login"]
                .iter()
                .any(|path| operation.path.starts_with(path));
            assert!(
                open || operation.needs.is_some(),
                "{} {} needs nothing?",
                operation.method,
                operation.path
            );
        }
    }

    #[test]
    fn types_that_are_named_are_there() {
        fn name(shape: &Shape) -> Option<&str> {
            match shape {
                Shape::Named(name) => Some(name),
                Shape::ListOf(inner) => name(inner),
                Shape::Plain(_) | Shape::OneOf(_) | Shape::Bytes => None,
            }
        }
        let bodies = all().flat_map(|operation| {
            operation.body.iter().chain(operation.answers.iter().filter_map(|answer| answer.body.as_ref()))
        });
        let fields = reference().types.iter().flat_map(|named| &named.fields).map(|field| &field.shape);
        let mut seen = 0;
        for named in bodies.map(|body| &body.shape).chain(fields).filter_map(name) {
            assert!(reference().types.iter().any(|known| known.name == named), "{named}");
            seen += 1;
        }
        assert!(seen > 30, "{seen}");
    }

    #[test]
    fn descriptions_hold_no_markup() {
        for operation in all() {
            assert_eq!(operation.about.refused(), Vec::<String>::new(), "{}", operation.path);
        }
        assert_eq!(reference().introduction.refused(), Vec::<String>::new());
    }

    #[test]
    fn shapes_are_read_from_schemas() {
        let of = |json: &str| shape(&serde_json::from_str(json).unwrap());
        assert_eq!(of(r#"{"type":["string","null"],"format":"date-time"}"#), Shape::Plain("time".into()));
        assert_eq!(
            of(r##"{"oneOf":[{"type":"null"},{"$ref":"#/components/schemas/A"}]}"##),
            Shape::Named("A".into())
        );
        let list = Shape::ListOf(Box::new(Shape::Plain("integer".into())));
        assert_eq!(of(r#"{"type":["array","null"],"items":{"type":"integer"}}"#), list);
        assert_eq!(of(r#"{"type":"string","enum":["s","m"]}"#), Shape::OneOf(vec!["s".into(), "m".into()]));
        assert_eq!(of("{}"), Shape::Plain("any".into()));
    }
}
