//! Who may ask what, and how often.

use insta::assert_snapshot;
use reqwest::Method;
use rolltop_api_server::{ApiConfig, RateLimit};
use rolltop_control::ControlConfig;
use rolltop_testing::Platform;

use crate::told::told;

#[tokio::test]
async fn what_is_not_there_is_a_problem_too() {
    let platform = Platform::start().await;
    assert_snapshot!(told(platform.raw(Method::GET, "/v1/unicorns")).await, @r#"
    404 application/problem+json
    {
      "code": "no_such_route",
      "detail": "The API has no such path; GET /v1/openapi.json describes what there is.",
      "status": 404,
      "title": "The API has no such path",
      "type": "urn:rolltop:problem:no_such_route"
    }
    "#);
    assert_snapshot!(told(platform.raw(Method::PUT, "/v1/desktops")).await, @r#"
    405 application/problem+json
    {
      "code": "method_not_allowed",
      "detail": "This path takes GET, HEAD, POST.",
      "status": 405,
      "title": "This path has no such method",
      "type": "urn:rolltop:problem:method_not_allowed"
    }
    "#);
    let response = platform.raw(Method::PUT, "/v1/desktops").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "GET, HEAD, POST");
}

#[tokio::test]
async fn what_is_no_id_and_what_is_nobodys_id_are_the_same_answer() {
    let platform = Platform::start().await;
    let mut answers = Vec::new();
    for id in ["dsk_00000000000000000000000000", "lay_00000000000000000000000000", "nonsense", "%FF", "%00"] {
        for (method, tail) in
            [(Method::GET, ""), (Method::DELETE, ""), (Method::POST, "/start"), (Method::GET, "/console")]
        {
            answers.push(told(platform.raw(method, &format!("/v1/desktops/{id}{tail}"))).await);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:#?}");
    assert_snapshot!(answers[0], @r#"
    404 application/problem+json
    {
      "code": "not_found",
      "detail": "There is no such desktop.",
      "status": 404,
      "title": "Not found",
      "type": "urn:rolltop:problem:not_found"
    }
    "#);
}

#[tokio::test]
async fn who_asks_too_often_is_told_when_to_come_back() {
    let slow = RateLimit { burst: 3, per_second: 0.001 };
    let config = ApiConfig { requests: slow, ..ApiConfig::default() };
    let platform = Platform::with(config, ControlConfig::default()).await;
    for left in [2, 1, 0] {
        let response = platform.raw(Method::GET, "/v1/me").send().await.unwrap();
        assert_eq!(response.status(), 200);
        let policy = response.headers()["ratelimit-policy"].to_str().unwrap();
        assert_eq!(policy, "\"default\";q=3;w=3000");
        let limit = response.headers()["ratelimit"].to_str().unwrap();
        assert!(limit.starts_with(&format!("\"default\";r={left};t=")), "{limit}");
    }
    let refused = platform.raw(Method::GET, "/v1/me").send().await.unwrap();
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.headers()["retry-after"].to_str().unwrap().parse().unwrap();
    assert!((900..=1000).contains(&wait), "{wait}");
    let problem: serde_json::Value = refused.json().await.unwrap();
    assert_eq!(problem["code"], "rate_limited");
    assert_eq!(platform.http().get("http://api/healthz").send().await.unwrap().status(), 200, "others go on");
}

#[tokio::test]
async fn sign_ins_are_counted_by_address() {
    let slow = RateLimit { burst: 2, per_second: 0.001 };
    let config = ApiConfig { sign_ins: slow, ..ApiConfig::default() };
    let platform = Platform::with(config, ControlConfig::default()).await;
    let attempt = async |address: &str| {
        let body = serde_json::json!({"link": "no-such-link"});
        let request = platform.http().post("http://api/v1/session/redeem").header("x-forwarded-for", address);
        request.json(&body).send().await.unwrap().status().as_u16()
    };
    assert_eq!(attempt("192.0.2.1").await, 401);
    assert_eq!(attempt("192.0.2.1").await, 401);
    assert_eq!(attempt("192.0.2.1").await, 429);
    assert_eq!(attempt("192.0.2.2").await, 401, "another address has tries of its own");
}

/// One rule for every operation: what is misspelt is refused before anything is done.
#[tokio::test]
async fn a_query_parameter_that_is_not_described_is_refused_everywhere() {
    let platform = Platform::start().await;
    for operation in rolltop_api_server::operations() {
        let (method, path) = (operation.method, operation.path);
        let path = path.replace("{id}", "dsk_00000000000000000000000000");
        for query in ["nonsense=1", "nonsense", "%00=1"] {
            let answer = platform.raw(method.clone(), &format!("{path}?{query}")).send().await.unwrap();
            assert_eq!(answer.status(), 400, "{method} {path}?{query}");
            let problem: serde_json::Value = answer.json().await.unwrap();
            assert_eq!(problem["code"], "invalid_query", "{method} {path}");
        }
    }
    assert!(platform.client.all_desktops().await.unwrap().is_empty());
}
