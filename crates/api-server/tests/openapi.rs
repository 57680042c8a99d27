//! The committed description is the served one, and nothing in it escapes the table of operations.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

use std::collections::BTreeSet;
use std::path::Path;

use rolltop_api_server::{description, operations};
use rolltop_api_types::Access;
use serde_json::Value;

fn described() -> Value {
    serde_json::from_slice(&description()).unwrap()
}

#[test]
fn the_committed_description_is_not_stale() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../openapi/v1.json");
    let mut now = String::from_utf8(description()).unwrap();
    now.push('\n');
    if std::env::var_os("ROLLTOP_REWRITE_OPENAPI").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &now).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == now,
        "openapi/v1.json is stale: run ROLLTOP_REWRITE_OPENAPI=1 cargo test -p rolltop-api-server --test openapi"
    );
}

#[test]
fn the_table_and_the_description_hold_the_same_operations() {
    let in_table: BTreeSet<(String, String)> = operations()
        .into_iter()
        .map(|operation| (operation.method.as_str().to_lowercase(), operation.path.to_owned()))
        .collect();
    let mut in_description = BTreeSet::new();
    for (path, item) in described()["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            in_description.insert((method.clone(), path.clone()));
        }
    }
    assert_eq!(in_table, in_description);
}

#[test]
fn what_is_open_to_everybody_is_only_this() {
    let open: Vec<_> = operations()
        .into_iter()
        .filter(|operation| matches!(operation.access, Access::Open | Access::SignIn))
        .map(|operation| format!("{} {}", operation.method, operation.path))
        .collect();
    let expected = [
        "GET /healthz",
        "GET /v1/openapi.json",
        "POST /v1/session",
        "POST /v1/session/redeem",
        // A device has no credential yet: these lead to one, if a person allows it.
        "POST /v1/login/device",
        "POST /v1/login/device/token",
    ];
    assert_eq!(open, expected);
}

#[test]
fn every_operation_can_be_published_as_it_is() {
    let description = described();
    assert!(description["openapi"].as_str().unwrap().starts_with("3.1"));
    let mut names = BTreeSet::new();
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            let name = operation["operationId"].as_str().unwrap_or_default();
            assert!(!name.is_empty() && names.insert(name.to_owned()), "{what} has a name of its own");
            assert!(!operation["summary"].as_str().unwrap_or_default().is_empty(), "{what} has a summary");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{what} has a tag");
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses["default"]["content"]["application/problem+json"]["schema"]["$ref"].is_string(),
                "{what} says what its problems look like"
            );
        }
    }
}

/// What generators of clients stumble over: no server, bytes as lists of numbers, variants without a name.
#[test]
fn generators_can_read_it() {
    let description = described();
    assert_eq!(description["servers"][0]["url"], "/");
    let event = &description["components"]["schemas"]["ExecEvent"];
    assert!(event["oneOf"].as_array().unwrap().iter().all(|variant| variant["$ref"].is_string()), "{event}");
    assert_eq!(event["discriminator"]["mapping"]["stdout"], "#/components/schemas/ExecEventStdout");
    for (path, item) in description["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let contents =
                operation["responses"].as_object().unwrap().values().chain([&operation["requestBody"]]);
            for (kind, content) in contents.filter_map(|of| of["content"].as_object()).flatten() {
                let (schema, example) = (&content["schema"], &content["example"]);
                if kind == "text/event-stream" {
                    // Some read it as the schema of one event, some as that of the text.
                    assert!(schema["type"].is_null(), "{method} {path}: {schema}");
                } else if !kind.ends_with("json") {
                    assert_eq!(schema["type"], "string", "{method} {path}: {kind}");
                }
                if !kind.ends_with("json") {
                    assert!(example.is_null() || example.is_string(), "{method} {path}: its example fits it");
                }
            }
        }
    }
}

/// Every `$ref` leads somewhere.
#[test]
fn every_reference_leads_somewhere() {
    fn walk<'a>(value: &'a Value, found: &mut Vec<&'a str>) {
        match value {
            Value::Object(map) => {
                found.extend(map.get("$ref").and_then(Value::as_str));
                map.values().for_each(|value| walk(value, found));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    let description = described();
    let mut references = Vec::new();
    walk(&description, &mut references);
    assert!(!references.is_empty());
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(description.pointer(pointer).is_some(), "{reference} leads nowhere");
    }
}

#[test]
fn programs_find_the_codes_as_they_are_sent() {
    let sent: Vec<_> = rolltop_api_types::Code::ALL.iter().map(|code| code.as_str()).collect();
    assert_eq!(described()["components"]["schemas"]["Code"]["enum"], serde_json::json!(sent));
}
