//! When desktops sleep by themselves, over the API.

use rolltop_api_types::{Code, DesktopState, SleepPolicy};
use rolltop_testing::Platform;
use serde_json::{Value, json};

#[tokio::test]
async fn a_policy_is_set_and_told_and_taken_back() {
    let platform = Platform::start().await;
    let id = platform.running("one").await.id;
    let before = platform.client.sleep(id).await.unwrap();
    assert_eq!((before.policy, before.holds.len()), (SleepPolicy::default(), 0));
    assert_eq!(before.awake_because[0].reason, "no_policy");
    let wanted = json!({"after_minutes": 30, "schedule": {
        "days": ["fri", "mon"], "from": "8", "to": "19:30", "time_zone": "Europe/Berlin"}});
    let path = format!("/v1/desktops/{id}/sleep");
    let told = platform.raw(reqwest::Method::PUT, &path).json(&wanted).send().await.unwrap();
    let told: Value = told.json().await.unwrap();
    let policy = json!({"after_minutes": 30, "schedule": {
        "days": ["mon", "fri"], "from": "08:00", "to": "19:30", "time_zone": "Europe/Berlin"}});
    assert_eq!(told["policy"], policy);
    let set = platform.client.sleep(id).await.unwrap();
    assert_eq!(serde_json::to_value(&set.policy).unwrap(), policy);
    assert!(set.awake_because.iter().any(|reason| reason.reason == "recent_use" && reason.until.is_some()));
    let none = platform.client.set_sleep(id, &SleepPolicy::default()).await.unwrap();
    assert_eq!(none.policy, SleepPolicy::default());
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_by_its_field() {
    let platform = Platform::start().await;
    let id = platform.running("one").await.id;
    let good = json!({"days": ["mon"], "from": "08:00", "to": "19:00", "time_zone": "UTC"});
    let with = |field: &str, value: Value| {
        let mut schedule = good.clone();
        schedule[field] = value;
        json!({ "schedule": schedule })
    };
    for (wanted, code, field) in [
        (json!({"after_minutes": 0}), Code::InvalidMinutes, "after_minutes"),
        (json!({"after_minutes": 10081}), Code::InvalidMinutes, "after_minutes"),
        (with("days", json!([])), Code::InvalidSchedule, "schedule"),
        (with("days", json!(["someday"])), Code::InvalidSchedule, "schedule"),
        (with("to", json!("8:00")), Code::InvalidSchedule, "schedule"),
        (with("from", json!("25:00")), Code::InvalidSchedule, "schedule"),
        (with("time_zone", json!("../../etc/passwd")), Code::InvalidSchedule, "schedule"),
        (with("time_zone", json!("Middle/Earth")), Code::InvalidSchedule, "schedule"),
    ] {
        let request = platform.raw(reqwest::Method::PUT, &format!("/v1/desktops/{id}/sleep")).json(&wanted);
        let problem: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(problem["code"], code.as_str(), "{wanted}: {problem}");
        assert_eq!(problem["errors"][0]["field"], field, "{wanted}: {problem}");
    }
    for (wanted, code) in [
        (json!({"lasts_seconds": 59}), Code::InvalidLifetime),
        (json!({"lasts_seconds": 604_801}), Code::InvalidLifetime),
        (json!({"lasts_seconds": 60, "reason": "a\u{0}b"}), Code::InvalidReason),
        (json!({"lasts_seconds": 60, "reason": "x".repeat(101)}), Code::InvalidReason),
    ] {
        let request = platform.raw(reqwest::Method::POST, &format!("/v1/desktops/{id}/holds")).json(&wanted);
        let problem: Value = request.send().await.unwrap().json().await.unwrap();
        assert_eq!(problem["code"], code.as_str(), "{wanted}: {problem}");
    }
    assert_eq!(platform.client.sleep(id).await.unwrap().policy, SleepPolicy::default(), "nothing was set");
}

#[tokio::test]
async fn holds_are_listed_and_limited_and_let_go_of() {
    let platform = Platform::start().await;
    let id = platform.running("one").await.id;
    let hold = rolltop_api_types::CreateHold { lasts_seconds: 3600, reason: Some("tests".to_owned()) };
    for _ in 0..20 {
        platform.client.hold(id, &hold).await.unwrap();
    }
    let refused = platform.client.hold(id, &hold).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::QuotaReached));
    let held = platform.client.sleep(id).await.unwrap().holds;
    assert_eq!((held.len(), held[0].reason.as_deref()), (20, Some("tests")));
    platform.client.release_hold((id, held[0].id)).await.unwrap();
    let again = platform.client.release_hold((id, held[0].id)).await.unwrap_err();
    assert_eq!(again.code(), Some(Code::NotFound));
    assert_eq!(platform.client.sleep(id).await.unwrap().holds.len(), 19);
}

#[tokio::test]
async fn a_suspended_desktop_wakes_for_a_request_but_not_for_a_look() {
    let platform = Platform::start().await;
    let id = platform.running("one").await.id;
    platform.client.suspend_desktop(id).await.unwrap();
    platform.until(id, DesktopState::Suspended).await;
    let look = platform.client.screenshot(id, 480).await;
    assert!(look.is_err_and(|error| error.code() == Some(Code::NotRunning)));
    let path = format!("/v1/desktops/{id}/files?path=/home/desk");
    let listed = platform.raw(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!(listed.status(), 200);
    assert_eq!(platform.client.desktop(id).await.unwrap().state, DesktopState::Running);
    // One that was stopped stays so.
    platform.client.stop_desktop(id).await.unwrap();
    platform.until(id, DesktopState::Stopped).await;
    let refused = platform.raw(reqwest::Method::GET, &path).send().await.unwrap();
    assert_eq!(refused.status(), 409);
}
