//! The API's description, OpenAPI 3.1, made from what is declared and routed.

use std::collections::BTreeMap;

use rolltop_api_types::operation::{
    Content as Kind, Declaration, Operation as Declared, PartDescription, PathParts as _,
};
use rolltop_api_types::{Access, Code, Problem, problem_documentation, scope_documentation};
use utoipa::openapi::path::{HttpMethod, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    Discriminator, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, OpenApi, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{IntoParams as _, Modify, OpenApi as _, ToSchema};

use crate::operations::Operations;

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Rolltop",
        description = "Desktops of their own for AI agents and the people they work for.",
        license(name = "Apache-2.0", identifier = "Apache-2.0")
    ),
    servers((url = "/", description = "The Rolltop that serves this description.")),
    components(schemas(Problem, rolltop_api_types::Event, rolltop_api_types::StreamedEvent, rolltop_api_types::ExecEvent)),
    modifiers(&Credentials),
    tags(
        (name = "desktops", description = "Making, changing and destroying desktops."),
        (name = "snapshots", description = "Points in time of desktops, going back to them, and desktops made from them."),
        (name = "templates", description = "Templates of a workspace's own, made of its desktops."),
        (name = "inside", description = "Looking and going inside a running desktop. Each time is in its access log."),
        (name = "files", description = "Files inside a running desktop, as its user may touch them."),
        (name = "events", description = "What happens, as it happens."),
        (name = "host", description = "What desktops are made from, and what runs them."),
        (name = "account", description = "Who is asking, and signing in."),
        (name = "meta", description = "About the API itself.")
    )
)]
struct Frame;

const INTRODUCTION: &str = "\
Desktops of their own for AI agents and the people they work for: virtual machines that are there about a \
second after they are asked for.

**Credentials.** Send `Authorization: Bearer` with an API key (`rt_…`) or a session token. Each operation \
names the scope it needs; no scope implies another. What is not yours answers exactly as what does not exist.

**Limits.** `RateLimit-Policy` and `RateLimit` say what is left; after a 429, wait as long as `Retry-After` \
says. A JSON body has at most 192 KiB.

**Pages.** Give `next_cursor` back as `cursor`; it is absent on the last page.

**Times** are RFC 3339 in UTC. Answers may gain fields: ignore those you don't know. Requests with unknown \
fields are refused.

";

const PROBLEMS: &str = "\
**Errors** are RFC 9457 problem documents (`application/problem+json`). Act on `code`, whose meaning never \
changes:

";

/// The description of `/v1` as it is served, and committed in `openapi/v1.json`.
pub fn description() -> Vec<u8> {
    of(&crate::routes::served().1)
}

/// The description of these operations, as JSON.
pub(crate) fn of(operations: &Operations) -> Vec<u8> {
    let mut description = Frame::openapi();
    description.info.version = "1".to_owned();
    operations.describe(&mut description);
    introduce(&mut description, operations);
    name_variants(&mut description, "ExecEvent");
    merge(&mut description, "Desktop", "Choices");
    serde_json::to_vec_pretty(&description).unwrap_or_default()
}

/// Says what holds for all operations or several.
fn introduce(description: &mut OpenApi, operations: &Operations) {
    let repeatable: Vec<String> = operations
        .declarations()
        .filter(|declared| declared.idempotent.is_some())
        .map(|declared| format!("`{} {}`", declared.method, declared.path))
        .collect();
    description.info.description = Some(format!(
        "{INTRODUCTION}**Repeating.** With an `Idempotency-Key` these can be sent again, and what they do is done once: {}.\n\n\
         **Scopes**\n\n{}\n{PROBLEMS}{}",
        repeatable.join(", "),
        scope_documentation(),
        problem_documentation()
    ));
}

/// Adds a declared operation with the schemas that it needs.
pub(crate) fn describe<O: Declared>(description: &mut OpenApi) {
    let declared = O::DECLARATION;
    let mut operation = OperationBuilder::new()
        .tag(declared.tag)
        .summary(Some(declared.summary()))
        .operation_id(Some(declared.id()));
    for (name, part) in names_in(declared.path).zip(O::Path::described()) {
        operation = operation.parameter(path_part(name, part));
    }
    for parameter in O::Query::into_params(|| Some(ParameterIn::Query)) {
        operation = operation.parameter(parameter);
    }
    for header in declared.headers {
        let example = header.example.and_then(|example| serde_json::from_str(example).ok());
        operation = operation.parameter(header_parameter(header.name, header.description, example));
    }
    if let Some(once) = declared.idempotent {
        let text = format!("1 to 255 printable characters of your choice. {once}");
        operation = operation.parameter(header_parameter("Idempotency-Key", &text, Some("3f0d2c1e".into())));
    }
    let mut schemas = Vec::new();
    if let Some((media_type, content)) = content_of::<O::Body>(declared.body, None, &mut schemas) {
        let body = RequestBodyBuilder::new().content(media_type, content).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    for reply in declared.replies {
        let mut response = ResponseBuilder::new().description(reply.means);
        if let Some((media_type, content)) =
            content_of::<O::Reply>(reply.content, reply.example, &mut schemas)
        {
            response = response.content(media_type, content);
        }
        operation = operation.response(reply.status.to_string(), response);
    }
    for (status, said) in problems(&declared) {
        operation = operation.response(status.to_string(), problem_response(&said));
    }
    operation = operation.response("default", problem_response("Any other problem."));
    let text = [declared.description(), needed(declared.access)].join("\n\n");
    if !text.trim().is_empty() {
        operation = operation.description(Some(text.trim()));
    }
    if matches!(declared.access, Access::Open | Access::SignIn) {
        operation = operation.securities(Some([]));
    }
    let method = match declared.method {
        http::Method::POST => HttpMethod::Post,
        http::Method::PUT => HttpMethod::Put,
        http::Method::PATCH => HttpMethod::Patch,
        http::Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    };
    description.paths.add_path_operation(declared.path, vec![method], operation);
    description.components.get_or_insert_default().schemas.extend(schemas);
}

/// By status; what every operation of its kind answers is among them.
fn problems(declared: &Declaration) -> BTreeMap<u16, String> {
    let mut by_status: BTreeMap<u16, Vec<(Code, &str)>> = BTreeMap::new();
    for (code, when) in declared.errors {
        by_status.entry(code.status()).or_default().push((*code, when));
    }
    let always: &[Code] = match declared.access {
        Access::Open => &[],
        Access::SignIn => &[Code::RateLimited],
        Access::Credential => &[Code::Unauthenticated, Code::RateLimited],
        Access::Scopes(_) => &[Code::Unauthenticated, Code::MissingScope, Code::RateLimited],
    };
    for code in always {
        by_status.entry(code.status()).or_insert_with(|| vec![(*code, "")]);
    }
    by_status.into_iter().map(|(status, codes)| (status, said(&codes))).collect()
}

fn said(codes: &[(Code, &str)]) -> String {
    let goes_on = |when: &str| when.starts_with([',', ':']);
    let said = codes.iter().map(|(code, when)| match goes_on(when) || when.is_empty() {
        true => format!("`{}`{when}", code.as_str()),
        false => format!("`{}` {when}", code.as_str()),
    });
    let between = if codes.iter().any(|(_, when)| goes_on(when)) { "; " } else { ", " };
    said.collect::<Vec<_>>().join(between)
}

/// Which credential this takes, in a sentence; empty where it takes none.
fn needed(access: Access) -> String {
    let scopes = match access {
        Access::Open | Access::SignIn => return String::new(),
        Access::Credential => return "Needs any valid credential.".to_owned(),
        Access::Scopes(scopes) => scopes,
    };
    let names: Vec<String> = scopes.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
    match names.split_last() {
        Some((last, [])) => format!("Needs the scope {last}."),
        Some((last, others)) => format!("Needs the scopes {} and {last}.", others.join(", ")),
        None => String::new(),
    }
}

fn path_part(name: &str, part: PartDescription) -> ParameterBuilder {
    let (schema, example) = match part.least {
        Some(least) => {
            let number = ObjectBuilder::new()
                .schema_type(Type::Integer)
                .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int32)))
                .minimum(Some(least));
            (number, serde_json::from_str(part.example).unwrap_or_default())
        }
        None => (ObjectBuilder::new().schema_type(Type::String), part.example.into()),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Path)
        .required(Required::True)
        .description(Some(part.description))
        .schema(Some(schema))
        .example(Some(example))
}

/// What stands in braces.
fn names_in(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

/// Media type and schema of what is sent. Bytes are text to OpenAPI, not lists of numbers, and a stream is no object.
fn content_of<T: ToSchema>(
    content: Kind,
    example: Option<&str>,
    schemas: &mut Vec<(String, RefOr<Schema>)>,
) -> Option<(&'static str, Content)> {
    let (media_type, schema): (_, RefOr<Schema>) = match content {
        Kind::Nothing => return None,
        Kind::Json => {
            T::schemas(schemas);
            schemas.push((T::name().into_owned(), T::schema()));
            ("application/json", Ref::from_schema_name(T::name()).into())
        }
        Kind::Other(media_type) => {
            let object = ObjectBuilder::new();
            let object = match media_type {
                "application/json" => object,
                "text/plain" => object.schema_type(Type::String),
                // Without a type: some read the schema of a stream as that of each event, some as that of its text.
                "text/event-stream" => object.schema_type(SchemaType::AnyValue).description(Some(
                    "Events as the HTML standard writes them; each `data` is JSON, as `StreamedEvent` describes.",
                )),
                _ => {
                    let binary = SchemaFormat::KnownFormat(KnownFormat::Binary);
                    object.schema_type(Type::String).format(Some(binary))
                }
            };
            (media_type, object.into())
        }
    };
    let example = example.map(Into::into);
    Some((media_type, ContentBuilder::new().schema(Some(schema)).example(example).build()))
}

/// A header is a number where its example is one.
fn header_parameter(name: &str, about: &str, example: Option<serde_json::Value>) -> ParameterBuilder {
    let schema = match &example {
        Some(serde_json::Value::Number(_)) => ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::Integer, Type::Null]))
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64)))
            .minimum(Some(0)),
        _ => ObjectBuilder::new().schema_type(SchemaType::from_iter([Type::String, Type::Null])),
    };
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(about))
        .schema(Some(schema))
        .example(example)
}

/// Gives each variant of a tagged enum a schema of its own name, told apart by `type`: generators of clients make no
/// sense of one that has none.
fn name_variants(description: &mut OpenApi, name: &str) {
    let Some(components) = &mut description.components else { return };
    let Some(RefOr::T(Schema::OneOf(one_of))) = components.schemas.get_mut(name) else { return };
    let mut discriminator = Discriminator::new("type");
    let mut named = Vec::new();
    for item in &mut one_of.items {
        let written = serde_json::to_value(&*item).unwrap_or_default();
        let places = ["/properties/type/enum/0", "/allOf/1/properties/type/enum/0"];
        let Some(kind) = places.iter().find_map(|place| written.pointer(place)?.as_str()) else { continue };
        let (first, rest) = kind.split_at(1);
        let variant = format!("{name}{}{rest}", first.to_ascii_uppercase());
        let reference = Ref::from_schema_name(&variant);
        discriminator.mapping.insert(kind.to_owned(), reference.ref_location.clone());
        let mut schema = std::mem::replace(item, RefOr::Ref(reference));
        if let RefOr::T(Schema::AllOf(all_of)) = &mut schema {
            // What is said of the variant is not said of what it is made of.
            for part in &mut all_of.items {
                if let RefOr::Ref(part) = part {
                    part.description.clear();
                }
            }
        }
        named.push((variant, schema));
    }
    one_of.discriminator = Some(discriminator);
    components.schemas.extend(named);
}

/// What is a struct of its own for us alone stands in the schema that it is a part of.
fn merge(description: &mut OpenApi, name: &str, part: &str) {
    let Some(components) = &mut description.components else { return };
    let Some(RefOr::T(Schema::Object(part))) = components.schemas.remove(part) else { return };
    let Some(RefOr::T(whole)) = components.schemas.get_mut(name) else { return };
    let Schema::AllOf(all_of) = whole else { return };
    let own = all_of.items.drain(..).find_map(|item| match item {
        RefOr::T(Schema::Object(own)) => Some(own),
        _ => None,
    });
    let Some(mut own) = own else { return };
    own.description = all_of.description.take();
    own.properties.extend(part.properties);
    *whole = Schema::Object(own);
}

fn problem_response(description: &str) -> RefOr<utoipa::openapi::Response> {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build();
    ResponseBuilder::new()
        .description(description)
        .content(rolltop_api_types::PROBLEM_JSON, content)
        .build()
        .into()
}

struct Credentials;

impl Modify for Credentials {
    fn modify(&self, openapi: &mut OpenApi) {
        let mut scheme = Http::new(HttpAuthScheme::Bearer);
        scheme.description = Some("An API key (`rt_…`) or a session token.".to_owned());
        let components = openapi.components.get_or_insert_default();
        components.add_security_scheme("bearer", SecurityScheme::Http(scheme));
        openapi.security =
            Some(vec![utoipa::openapi::SecurityRequirement::new("bearer", Vec::<String>::new())]);
    }
}
