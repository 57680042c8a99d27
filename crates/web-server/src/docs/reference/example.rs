//! A call of an operation with curl, made of the examples in the description.

use serde_json::{Map, Value};

use super::{entries, list, reference_name, text};

/// How deep examples of types in types go.
const DEPTH: usize = 4;

/// `None` for a WebSocket, which curl does not speak well enough.
pub(super) fn call(all: &Value, path: &str, method: &str, operation: &Value) -> Option<String> {
    if operation.pointer("/responses/101").is_some() {
        return None;
    }
    let mut lines = Vec::new();
    let streams = operation.pointer("/responses/200/content/text~1event-stream").is_some();
    let mut first = format!("curl -sS{}", if streams { "N" } else { "" });
    let open = operation.get("security").and_then(Value::as_array).is_some_and(Vec::is_empty);
    if !open {
        first.push_str(" -H \"Authorization: Bearer $KEY\"");
    }
    let body = operation.pointer("/requestBody/content").and_then(|content| entries(Some(content)).next());
    // What curl does by itself for a body that it is given.
    let implied = match body {
        None => "get",
        Some(("application/json", _)) => "post",
        Some(_) => "put",
    };
    if method != implied {
        first.push_str(&format!(" -X {}", method.to_uppercase()));
    }
    lines.push(first);
    if let Some((media, content)) = body {
        if media == "application/json" {
            let example = of_schema(all, content.get("schema").unwrap_or(&Value::Null), DEPTH);
            lines.push(format!("-H 'Content-Type: application/json' -d {}", quoted(&example.to_string())));
        } else {
            lines.push("-T FILE".to_owned());
        }
    }
    lines.push(quoted(&format!("https://HOST:8443{}", address(path, operation))));
    Some(lines.join(" \\\n  "))
}

/// The path with its parameters' examples, and the query parameters that must be there.
fn address(path: &str, operation: &Value) -> String {
    let mut address = path.to_owned();
    let mut query = Vec::new();
    for parameter in list(operation.get("parameters")) {
        let (name, place) = (text(parameter.get("name")), text(parameter.get("in")));
        let example = text(parameter.get("example"));
        match place.as_str() {
            "path" => address = address.replace(&format!("{{{name}}}"), &example),
            "query" if parameter.get("required") == Some(&Value::Bool(true)) => {
                query.push(format!("{name}={}", example.replace('&', "%26")));
            }
            _ => {}
        }
    }
    if query.is_empty() { address } else { format!("{address}?{}", query.join("&")) }
}

/// What a value of this schema may look like, with the fields that must be there and those that have
/// an example.
fn of_schema(all: &Value, schema: &Value, depth: usize) -> Value {
    if let Some(name) = reference_name(schema) {
        let named = all.pointer(&format!("/components/schemas/{name}")).unwrap_or(&Value::Null);
        return if depth == 0 { Value::Null } else { of_schema(all, named, depth - 1) };
    }
    if let Some(example) = schema.get("example").or_else(|| schema.get("examples")?.get(0)) {
        return example.clone();
    }
    if let Some(first) = schema.get("enum").and_then(|values| values.get(0)) {
        return first.clone();
    }
    if schema.get("properties").is_some() {
        let required: Vec<String> = list(schema.get("required")).map(|name| text(Some(name))).collect();
        let fields = entries(schema.get("properties"))
            .filter(|(name, field)| required.iter().any(|r| r == name) || field.get("example").is_some());
        return Value::Object(
            fields
                .map(|(name, field)| (name.to_owned(), of_schema(all, field, depth)))
                .collect::<Map<_, _>>(),
        );
    }
    let kind = match schema.get("type") {
        Some(Value::Array(kinds)) => kinds.first().and_then(Value::as_str),
        other => other.and_then(Value::as_str),
    };
    match kind {
        Some("integer" | "number") => Value::from(1),
        Some("boolean") => Value::Bool(true),
        Some("array") => {
            let items = schema.get("items").unwrap_or(&Value::Null);
            if depth == 0 {
                Value::Array(Vec::new())
            } else {
                Value::Array(vec![of_schema(all, items, depth - 1)])
            }
        }
        _ => Value::from("…"),
    }
}

/// As one word for a shell.
fn quoted(word: &str) -> String {
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(id: &str) -> String {
        let all: Value = serde_json::from_str(super::super::DESCRIPTION).unwrap();
        for (path, methods) in entries(all.get("paths")) {
            for (method, operation) in entries(Some(methods)) {
                if text(operation.get("operationId")) == id {
                    return call(&all, path, method, operation).unwrap_or_default();
                }
            }
        }
        panic!("no operation {id}");
    }

    #[test]
    fn calls_are_what_one_would_type() {
        assert_eq!(
            of("getDesktop"),
            "curl -sS -H \"Authorization: Bearer $KEY\" \\\n  'https://HOST:8443/v1/desktops/dsk_01k9abc2def3ghj4kmn5pqrs6t'"
        );
        let create = of("createDesktop");
        assert!(
            create.contains(r#"-d '{"labels":{"team":"research"},"name":"research","note":"Nightly tests; ask Ann before deleting it.","screen":"1280x800","size":"s","template":"desk"}'"#),
            "{create}"
        );
        assert!(!create.contains("-X"), "{create}");
        assert!(of("updateDesktop").contains("-X PATCH"));
        assert!(of("saveFile").contains("-T FILE") && !of("saveFile").contains("-X"));
        assert!(of("followEvents").starts_with("curl -sSN "));
        assert!(!of("healthz").contains("$KEY"));
        assert_eq!(of("openScreen"), "", "a WebSocket");
        assert!(of("listFiles").contains("?path=/home/desk"), "{}", of("listFiles"));
    }
}
