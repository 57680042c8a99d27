//! The API's description, OpenAPI 3.1, made from the routes themselves.

use std::collections::BTreeMap;

use http::StatusCode;
use rolltop_api_types::operation::{Operation as Declared, PathParts as _};
use rolltop_api_types::{Code, Problem, problem_documentation, scope_documentation};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathItem, PathsBuilder,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{
    Discriminator, KnownFormat, ObjectBuilder, Schema, SchemaFormat, SchemaType, Type,
};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityScheme};
use utoipa::openapi::{Content, ContentBuilder, OpenApi, Paths, Ref, RefOr, Required, ResponseBuilder};
use utoipa::{IntoParams as _, Modify, OpenApi as _, ToSchema};

use crate::operations::{Access, access};

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

**Repeating.** `POST /v1/desktops` with an `Idempotency-Key` can be sent again and makes one desktop.

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
    rendered(&crate::routes::described().1)
}

/// What stands around the routes.
pub(crate) fn frame() -> OpenApi {
    let mut frame = Frame::openapi();
    frame.info.description = Some(format!(
        "{INTRODUCTION}**Scopes**\n\n{}\n{PROBLEMS}{}",
        scope_documentation(),
        problem_documentation()
    ));
    frame.info.version = "1".to_owned();
    frame
}

/// A declared operation with the schemas that it needs.
pub(crate) fn described<O: Declared>() -> (Vec<(String, RefOr<Schema>)>, Paths) {
    let declared = O::DECLARATION;
    let mut operation = OperationBuilder::new()
        .tag(declared.tag)
        .summary(Some(declared.summary()))
        .operation_id(Some(declared.id()));
    let description = declared.description();
    if !description.is_empty() {
        operation = operation.description(Some(description));
    }
    for (name, part) in names_in(declared.path).zip(O::Path::described()) {
        operation = operation.parameter(
            ParameterBuilder::new()
                .name(name)
                .parameter_in(ParameterIn::Path)
                .required(Required::True)
                .description(Some(part.description))
                .schema(Some(ObjectBuilder::new().schema_type(Type::String)))
                .example(Some(part.example.into())),
        );
    }
    for parameter in O::Query::into_params(|| Some(ParameterIn::Query)) {
        operation = operation.parameter(parameter);
    }
    if let Some(once) = declared.idempotent {
        operation = operation.parameter(idempotency_key(once));
    }
    let mut schemas = Vec::new();
    if declared.has_body {
        let content = content_of::<O::Body>(&mut schemas);
        let body =
            RequestBodyBuilder::new().content("application/json", content).required(Some(Required::True));
        operation = operation.request_body(Some(body.build()));
    }
    let mut success = ResponseBuilder::new().description(declared.means);
    if declared.status != StatusCode::NO_CONTENT.as_u16() {
        success = success.content("application/json", content_of::<O::Reply>(&mut schemas));
    }
    operation = operation.response(declared.status.to_string(), success);
    let mut errors: BTreeMap<u16, Vec<String>> = BTreeMap::new();
    for (code, when) in declared.errors {
        let said = format!("`{}` {when}", code.as_str());
        errors.entry(code.status()).or_default().push(said.trim_end().to_owned());
    }
    for (status, said) in errors {
        let response = problem_response(&said.join(", "));
        operation = operation.response(status.to_string(), response);
    }
    let method = match declared.method {
        http::Method::POST => HttpMethod::Post,
        http::Method::PUT => HttpMethod::Put,
        http::Method::PATCH => HttpMethod::Patch,
        http::Method::DELETE => HttpMethod::Delete,
        _ => HttpMethod::Get,
    };
    let paths = PathsBuilder::new().path(declared.path, PathItem::new(method, operation)).build();
    (schemas, paths)
}

/// What stands in braces.
fn names_in(path: &'static str) -> impl Iterator<Item = &'static str> {
    path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
}

fn content_of<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) -> Content {
    T::schemas(schemas);
    schemas.push((T::name().into_owned(), T::schema()));
    ContentBuilder::new().schema(Some(Ref::from_schema_name(T::name()))).build()
}

fn idempotency_key(once: &str) -> Parameter {
    let text = SchemaType::from_iter([Type::String, Type::Null]);
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(format!("1 to 255 printable characters of your choice. {once}")))
        .schema(Some(ObjectBuilder::new().schema_type(text)))
        .example(Some("3f0d2c1e".into()))
        .build()
}

/// The served document: every operation with its scope and its problems.
pub(crate) fn rendered(description: &OpenApi) -> Vec<u8> {
    let mut description = description.clone();
    name_variants(&mut description, "ExecEvent");
    for (path, item) in &mut description.paths.paths {
        let operations = [
            (http::Method::GET, &mut item.get),
            (http::Method::POST, &mut item.post),
            (http::Method::PUT, &mut item.put),
            (http::Method::PATCH, &mut item.patch),
            (http::Method::DELETE, &mut item.delete),
        ];
        for (method, operation) in operations {
            if let (Some(operation), Some(access)) = (operation, access(&method, path)) {
                complete(operation, access);
            }
        }
    }
    serde_json::to_vec_pretty(&description).unwrap_or_default()
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

/// Bytes are text to OpenAPI, not lists of numbers, and a stream is no object.
fn as_sent<'a>(contents: impl IntoIterator<Item = (&'a String, &'a mut RefOr<Content>)>) {
    for (kind, content) in contents {
        let RefOr::T(content) = content else { continue };
        let text = ObjectBuilder::new().schema_type(Type::String);
        let schema = match kind.as_str() {
            kind if kind.ends_with("json") || kind == "text/plain" => continue,
            // Without a type: some read the schema of a stream as that of each event, some as that of its text.
            "text/event-stream" => ObjectBuilder::new().schema_type(SchemaType::AnyValue).description(Some(
                "Events as the HTML standard writes them; each `data` is JSON, as `StreamedEvent` describes.",
            )),
            _ => text.format(Some(SchemaFormat::KnownFormat(KnownFormat::Binary))),
        };
        content.schema = Some(schema.into());
    }
}

fn complete(operation: &mut Operation, access: Access) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        as_sent(&mut body.content);
    }
    for response in operation.responses.responses.values_mut() {
        if let RefOr::T(response) = response {
            as_sent(&mut response.content);
        }
    }
    let (scope, codes): (Option<String>, &[Code]) = match access {
        Access::Open => {
            operation.security = Some(Vec::new());
            (None, &[])
        }
        Access::SignIn => {
            operation.security = Some(Vec::new());
            (None, &[Code::RateLimited])
        }
        Access::Credential => {
            (Some("Needs any valid credential.".into()), &[Code::Unauthenticated, Code::RateLimited])
        }
        Access::Scopes(scopes) => {
            let names: Vec<String> = scopes.iter().map(|scope| format!("`{}`", scope.as_str())).collect();
            let needed = match names.split_last() {
                Some((last, [])) => format!("Needs the scope {last}."),
                Some((last, others)) => format!("Needs the scopes {} and {last}.", others.join(", ")),
                None => String::new(),
            };
            (Some(needed), &[Code::Unauthenticated, Code::MissingScope, Code::RateLimited])
        }
    };
    if let Some(scope) = scope {
        let text = operation.description.take().unwrap_or_default();
        operation.description = Some(format!("{text}\n\n{scope}").trim().to_owned());
    }
    for code in codes {
        let status = code.status().to_string();
        operation
            .responses
            .responses
            .entry(status)
            .or_insert_with(|| problem_response(&format!("`{}`", code.as_str())));
    }
    let default = problem_response("Any other problem.");
    operation.responses.responses.entry("default".to_owned()).or_insert(default);
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
