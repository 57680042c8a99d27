//! Bad input: a problem document with a stable code and one helpful sentence, and nothing made.

use insta::assert_snapshot;
use reqwest::Method;
use rolltop_control::ControlConfig;
use rolltop_testing::Platform;
use secrecy::ExposeSecret as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use rolltop_api_server::ApiConfig;

use crate::told::told;

async fn create(platform: &Platform, body: &Value) -> String {
    told(platform.raw(Method::POST, "/v1/desktops").json(body)).await
}

async fn assert_nothing_was_made(platform: &Platform) {
    assert!(platform.client.all_desktops().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_unknown_size_or_template() {
    let platform = Platform::start().await;
    assert_snapshot!(create(&platform, &json!({"size": "xxl"})).await, @r#"
    422 application/problem+json
    {
      "code": "unknown_size",
      "detail": "There is no such size; choose s, m or l.",
      "errors": [
        {
          "detail": "There is no such size; choose s, m or l.",
          "field": "size"
        }
      ],
      "status": 422,
      "title": "There is no such size",
      "type": "urn:rolltop:problem:unknown_size"
    }
    "#);
    assert_snapshot!(create(&platform, &json!({"template": "windows"})).await, @r#"
    422 application/problem+json
    {
      "code": "unknown_template",
      "detail": "There is no template windows; GET /v1/templates lists them.",
      "errors": [
        {
          "detail": "There is no template windows; GET /v1/templates lists them.",
          "field": "template"
        }
      ],
      "status": 422,
      "title": "There is no such template",
      "type": "urn:rolltop:problem:unknown_template"
    }
    "#);
    assert_snapshot!(create(&platform, &json!({"template": "\u{202e}evil\u{7}"})).await, @r#"
    422 application/problem+json
    {
      "code": "unknown_template",
      "detail": "There is no such template; GET /v1/templates lists them.",
      "errors": [
        {
          "detail": "There is no such template; GET /v1/templates lists them.",
          "field": "template"
        }
      ],
      "status": 422,
      "title": "There is no such template",
      "type": "urn:rolltop:problem:unknown_template"
    }
    "#);
    assert_nothing_was_made(&platform).await;
}

#[tokio::test]
async fn names_that_can_not_be() {
    let platform = Platform::start().await;
    assert_snapshot!(create(&platform, &json!({"name": "bell\u{7}"})).await, @r#"
    422 application/problem+json
    {
      "code": "invalid_name",
      "detail": "A desktop's name is also its host name, so it may only have a-z, 0-9 and hyphens; U+0007 isn't one of them.",
      "errors": [
        {
          "detail": "A desktop's name is also its host name, so it may only have a-z, 0-9 and hyphens; U+0007 isn't one of them.",
          "field": "name"
        }
      ],
      "status": 422,
      "title": "The name can't be used",
      "type": "urn:rolltop:problem:invalid_name"
    }
    "#);
    assert_snapshot!(create(&platform, &json!({"name": "\u{5e9}\u{5dc}\u{5d5}\u{5dd}"})).await, @r#"
    422 application/problem+json
    {
      "code": "invalid_name",
      "detail": "A desktop's name is also its host name, so it may only have a-z, 0-9 and hyphens; U+05E9 isn't one of them.",
      "errors": [
        {
          "detail": "A desktop's name is also its host name, so it may only have a-z, 0-9 and hyphens; U+05E9 isn't one of them.",
          "field": "name"
        }
      ],
      "status": 422,
      "title": "The name can't be used",
      "type": "urn:rolltop:problem:invalid_name"
    }
    "#);
    assert_snapshot!(create(&platform, &json!({"name": "\u{202e}gnp.exe"})).await, @r#"
    422 application/problem+json
    {
      "code": "invalid_name",
      "detail": "A desktop's name is also its host name, so it may only have a-z, 0-9 and hyphens; U+202E isn't one of them.",
      "errors": [
        {
          "detail": "A desktop's name is also its host name, so it may only have a-z, 0-9 and hyphens; U+202E isn't one of them.",
          "field": "name"
        }
      ],
      "status": 422,
      "title": "The name can't be used",
      "type": "urn:rolltop:problem:invalid_name"
    }
    "#);
    assert_snapshot!(create(&platform, &json!({"name": ""})).await, @r#"
    422 application/problem+json
    {
      "code": "invalid_name",
      "detail": "A desktop needs a name.",
      "errors": [
        {
          "detail": "A desktop needs a name.",
          "field": "name"
        }
      ],
      "status": 422,
      "title": "The name can't be used",
      "type": "urn:rolltop:problem:invalid_name"
    }
    "#);
    assert_snapshot!(create(&platform, &json!({"name": "x".repeat(41)})).await, @r#"
    422 application/problem+json
    {
      "code": "invalid_name",
      "detail": "A desktop's name has at most 40 characters; this one has 41.",
      "errors": [
        {
          "detail": "A desktop's name has at most 40 characters; this one has 41.",
          "field": "name"
        }
      ],
      "status": 422,
      "title": "The name can't be used",
      "type": "urn:rolltop:problem:invalid_name"
    }
    "#);
    assert_nothing_was_made(&platform).await;
}

#[tokio::test]
async fn a_name_that_is_taken() {
    let platform = Platform::start().await;
    let other = platform.create("other").await;
    platform.create("research").await;
    assert_snapshot!(create(&platform, &json!({"name": "research"})).await, @r#"
    409 application/problem+json
    {
      "code": "name_taken",
      "detail": "There is already a desktop called research; choose another name.",
      "errors": [
        {
          "detail": "There is already a desktop called research; choose another name.",
          "field": "name"
        }
      ],
      "status": 409,
      "title": "This name is taken",
      "type": "urn:rolltop:problem:name_taken"
    }
    "#);
    let rename = platform.raw(Method::PATCH, &format!("/v1/desktops/{}", other.id));
    assert_snapshot!(told(rename.json(&json!({"name": "research"}))).await, @r#"
    409 application/problem+json
    {
      "code": "name_taken",
      "detail": "There is already a desktop called research; choose another name.",
      "errors": [
        {
          "detail": "There is already a desktop called research; choose another name.",
          "field": "name"
        }
      ],
      "status": 409,
      "title": "This name is taken",
      "type": "urn:rolltop:problem:name_taken"
    }
    "#);
    assert_eq!(platform.client.all_desktops().await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_quota_that_is_reached() {
    let limited = ControlConfig { desktop_limit: 1, ..ControlConfig::default() };
    let platform = Platform::with(ApiConfig::default(), limited).await;
    platform.create("first").await;
    assert_snapshot!(create(&platform, &json!({"name": "second"})).await, @r#"
    409 application/problem+json
    {
      "code": "quota_reached",
      "detail": "This workspace may have 1 desktop at most; destroy one first.",
      "status": 409,
      "title": "The workspace's limit is reached",
      "type": "urn:rolltop:problem:quota_reached"
    }
    "#);
    assert_eq!(platform.client.all_desktops().await.unwrap().len(), 1);
    assert_eq!(platform.client.me().await.unwrap().limits.desktops_used, 1);
}

/// Whoever sends something large that is refused before it is read gets to send it, and hears why: a connection that
/// closes meanwhile says nothing.
#[tokio::test]
async fn a_large_body_for_nobody_is_answered() {
    const LENGTH: usize = 3 << 20;
    let platform = Platform::start().await;
    let mut connection = tokio::net::UnixStream::connect(platform.socket()).await.unwrap();
    let head = format!(
        "POST /v1/desktops/dsk_00000000000000000000000000/setup HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {}\r\n\
         content-type: application/json\r\ncontent-length: {LENGTH}\r\n\r\n",
        platform.key.expose_secret()
    );
    connection.write_all(head.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 404");
    for piece in vec![b' '; LENGTH].chunks(64 << 10) {
        connection.write_all(piece).await.expect("it is taken");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large() {
    let platform = Platform::start().await;
    assert_snapshot!(create(&platform, &json!({"name": "x".repeat(1 << 20)})).await, @r#"
    413 application/problem+json
    {
      "code": "payload_too_large",
      "detail": "The body is longer than 192 KiB; nothing here needs that much.",
      "status": 413,
      "title": "The body is too large",
      "type": "urn:rolltop:problem:payload_too_large"
    }
    "#);
    assert_nothing_was_made(&platform).await;
}

#[tokio::test]
async fn bodies_that_are_not_what_is_expected() {
    let platform = Platform::start().await;
    let post = |body: &str| {
        let request = platform.raw(Method::POST, "/v1/desktops").header("content-type", "application/json");
        told(request.body(body.to_owned()))
    };
    assert_snapshot!(post("{\"name\": \"a\",}").await, @r#"
    400 application/problem+json
    {
      "code": "invalid_json",
      "detail": "The body is not JSON: see line 1, column 14.",
      "status": 400,
      "title": "The body is not JSON",
      "type": "urn:rolltop:problem:invalid_json"
    }
    "#);
    assert_snapshot!(post("{\"name\": 7}").await, @r#"
    422 application/problem+json
    {
      "code": "invalid_body",
      "detail": "The value of name has to be a string.",
      "errors": [
        {
          "detail": "The value of name has to be a string.",
          "field": "name"
        }
      ],
      "status": 422,
      "title": "The body is not what is expected",
      "type": "urn:rolltop:problem:invalid_body"
    }
    "#);
    assert_snapshot!(post("{\"nmae\": \"a\"}").await, @r#"
    422 application/problem+json
    {
      "code": "unknown_field",
      "detail": "There is no field nmae here; known: name, template, size, screen, labels, note, setup.",
      "errors": [
        {
          "detail": "There is no field nmae here; known: name, template, size, screen, labels, note, setup.",
          "field": "nmae"
        }
      ],
      "status": 422,
      "title": "The body has a field that is not known",
      "type": "urn:rolltop:problem:unknown_field"
    }
    "#);
    assert_snapshot!(post("[1]").await, @r#"
    422 application/problem+json
    {
      "code": "invalid_body",
      "detail": "The body has to be a JSON object.",
      "status": 422,
      "title": "The body is not what is expected",
      "type": "urn:rolltop:problem:invalid_body"
    }
    "#);
    let form = platform.raw(Method::POST, "/v1/desktops").header("content-type", "text/plain").body("name=a");
    assert_snapshot!(told(form).await, @r#"
    415 application/problem+json
    {
      "code": "unsupported_media_type",
      "detail": "Send the body as Content-Type: application/json.",
      "status": 415,
      "title": "The body's media type is not right",
      "type": "urn:rolltop:problem:unsupported_media_type"
    }
    "#);
    assert_nothing_was_made(&platform).await;
}

#[tokio::test]
async fn queries_and_headers_that_are_not_right() {
    let platform = Platform::start().await;
    let get = |path: &str| told(platform.raw(Method::GET, path));
    assert_snapshot!(get("/v1/desktops?limit=0").await, @r#"
    400 application/problem+json
    {
      "code": "invalid_query",
      "detail": "The limit is a number from 1 to 200.",
      "errors": [
        {
          "detail": "The limit is a number from 1 to 200.",
          "field": "limit"
        }
      ],
      "status": 400,
      "title": "A query parameter is not right",
      "type": "urn:rolltop:problem:invalid_query"
    }
    "#);
    assert_snapshot!(get("/v1/desktops?limit=many").await, @r#"
    400 application/problem+json
    {
      "code": "invalid_query",
      "detail": "The value of limit is not of the right form.",
      "errors": [
        {
          "detail": "The value of limit is not of the right form.",
          "field": "limit"
        }
      ],
      "status": 400,
      "title": "A query parameter is not right",
      "type": "urn:rolltop:problem:invalid_query"
    }
    "#);
    assert_snapshot!(get("/v1/desktops?colour=red").await, @r#"
    400 application/problem+json
    {
      "code": "invalid_query",
      "detail": "There is no field colour here; known: cursor, limit, state, q, label.",
      "errors": [
        {
          "detail": "There is no field colour here; known: cursor, limit, state, q, label.",
          "field": "colour"
        }
      ],
      "status": 400,
      "title": "A query parameter is not right",
      "type": "urn:rolltop:problem:invalid_query"
    }
    "#);
    assert_snapshot!(get("/v1/desktops?state=asleep").await, @r#"
    400 application/problem+json
    {
      "code": "invalid_query",
      "detail": "The value of state has to be one of pending, booting, running, suspended, stopped, failed, destroying, destroyed.",
      "errors": [
        {
          "detail": "The value of state has to be one of pending, booting, running, suspended, stopped, failed, destroying, destroyed.",
          "field": "state"
        }
      ],
      "status": 400,
      "title": "A query parameter is not right",
      "type": "urn:rolltop:problem:invalid_query"
    }
    "#);
    assert_snapshot!(get("/v1/desktops?cursor=x").await, @r#"
    400 application/problem+json
    {
      "code": "invalid_cursor",
      "detail": "The cursor is not one that this list gave out; begin without one.",
      "status": 400,
      "title": "The cursor is not one of ours",
      "type": "urn:rolltop:problem:invalid_cursor"
    }
    "#);
    let key =
        platform.raw(Method::POST, "/v1/desktops").header("idempotency-key", "two words").json(&json!({}));
    assert_snapshot!(told(key).await, @r#"
    400 application/problem+json
    {
      "code": "invalid_header",
      "detail": "An idempotency key has 1 to 255 printable characters.",
      "status": 400,
      "title": "A header is not right",
      "type": "urn:rolltop:problem:invalid_header"
    }
    "#);
    let events = platform.raw(Method::GET, "/v1/events").header("last-event-id", "yesterday");
    assert_snapshot!(told(events).await, @r#"
    400 application/problem+json
    {
      "code": "invalid_header",
      "detail": "Last-Event-ID is the seq of an event, a number.",
      "status": 400,
      "title": "A header is not right",
      "type": "urn:rolltop:problem:invalid_header"
    }
    "#);
}

/// A script whose variable was empty makes nothing.
#[tokio::test]
async fn a_body_that_is_needed_may_not_be_empty() {
    let platform = Platform::start().await;
    let desktop = platform.running("first").await;
    let mut tried = 0;
    for (path, item) in platform.nobody.openapi().await.unwrap()["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            // A snapshot's fork takes its body as a desktop's does.
            let body = &operation["requestBody"];
            if body["content"]["application/json"].is_null() || path.contains("/snapshots/{id}") {
                continue;
            }
            assert_eq!(body["required"], true, "{method} {path}");
            let method: Method = method.to_uppercase().parse().unwrap();
            let query = if path.ends_with("/files") { "?path=/home/desk" } else { "" };
            let path = format!("{}{query}", path.replace("{id}", &desktop.id.to_string()));
            for kind in ["application/json", "text/plain"] {
                let request = platform.raw(method.clone(), &path).header("content-type", kind);
                let answer = request.send().await.unwrap();
                assert_eq!(answer.status(), 400, "{method} {path}");
                let problem: Value = answer.json().await.unwrap();
                assert_eq!(problem["code"], "invalid_json", "{method} {path}: {problem}");
            }
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
    assert_eq!(platform.client.all_desktops().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_body_that_is_no_chunks_is_the_senders_fault() {
    let platform = Platform::start().await;
    let mut connection = tokio::net::UnixStream::connect(platform.socket()).await.unwrap();
    let request = format!(
        "POST /v1/desktops HTTP/1.1\r\nhost: api\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         transfer-encoding: chunked\r\n\r\nzz\r\n{{}}\r\n0\r\n\r\n",
        platform.key.expose_secret()
    );
    connection.write_all(request.as_bytes()).await.unwrap();
    let mut answer = [0; 12];
    connection.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"HTTP/1.1 400");
    assert_nothing_was_made(&platform).await;
}
