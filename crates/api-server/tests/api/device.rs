//! Signing a device in: what the device, the person and everybody else is told.

use std::time::Duration;

use reqwest::Method;
use rolltop_api_server::{ApiConfig, RateLimit};
use rolltop_api_types::{
    Client, ClientError, Code, CreateApiKey, CredentialKind, DecideDeviceLogin, DeviceLogin, Scope,
    StartDeviceLogin, UserCode,
};
use rolltop_control::ControlConfig;
use rolltop_testing::{PATIENCE, Platform};
use secrecy::{ExposeSecret, SecretString};

use crate::told::told;

async fn begin(client: &Client) -> DeviceLogin {
    client.start_device_login(&StartDeviceLogin { client_name: "rolltop on laptop".into() }).await.unwrap()
}

fn typed(login: &DeviceLogin) -> UserCode {
    UserCode { user_code: login.user_code.clone() }
}

fn decision(login: &DeviceLogin, allow: bool) -> DecideDeviceLogin {
    DecideDeviceLogin { user_code: login.user_code.clone(), allow }
}

fn code<T: std::fmt::Debug>(refused: Result<T, ClientError>) -> Option<Code> {
    refused.unwrap_err().code()
}

#[tokio::test]
async fn a_device_that_is_allowed_gets_a_key_of_its_own() {
    let platform = Platform::start().await;
    let person = platform.session().await;
    let device = platform.nobody.with_forwarded_for("192.0.2.7".parse().unwrap());
    let login = begin(&device).await;
    assert_eq!((login.user_code.len(), login.interval, login.expires_in), (9, 5, 600));
    assert_eq!(code(device.device_key(&login.device_code).await), Some(Code::AuthorizationPending));

    let shown = person.device_request(&UserCode { user_code: login.user_code.to_lowercase() }).await.unwrap();
    assert_eq!(
        (shown.client_name.as_str(), shown.asked_from.as_deref()),
        ("rolltop on laptop", Some("192.0.2.7"))
    );
    assert!(!shown.scopes.contains(&Scope::Admin) && !shown.scopes.contains(&Scope::Account));
    person.decide_device_login(&decision(&login, true)).await.unwrap();
    assert_eq!(
        code(person.decide_device_login(&decision(&login, true)).await),
        Some(Code::NoSuchCode),
        "once"
    );

    let made = key_of(&device, &login).await;
    assert_eq!((made.key.name.as_str(), &made.key.scopes), ("rolltop on laptop", &shown.scopes));
    let day = |at: jiff::Timestamp| at.as_second() / 86_400;
    assert!((day(made.key.expires_at.unwrap()) - day(shown.key_expires_at)).abs() <= 1, "as was shown");
    let program = device.with_token(&made.token).unwrap();
    let me = program.me().await.unwrap();
    assert_eq!((me.credential.kind, me.credential.id), (CredentialKind::ApiKey, made.key.id.to_string()));
    program.desktops(&Default::default()).await.unwrap();
    assert_eq!(code(device.device_key(&login.device_code).await), Some(Code::ExpiredToken), "once");
    assert!(person.api_keys().await.unwrap().iter().any(|key| key.id == made.key.id));
}

/// Asks as a device does, at its pace.
async fn key_of(device: &Client, login: &DeviceLogin) -> rolltop_api_types::ApiKeyCreated {
    let mut pause = Duration::from_secs(login.interval);
    let asking = async {
        loop {
            tokio::time::sleep(pause).await;
            match device.device_key(&login.device_code).await {
                Ok(key) => return key,
                Err(error) if error.code() == Some(Code::SlowDown) => pause += Duration::from_secs(5),
                Err(error) => panic!("{error}"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("a key in time")
}

#[tokio::test]
async fn a_device_that_asks_too_often_is_slowed_down_and_one_that_is_denied_hears_it_once() {
    let platform = Platform::start().await;
    let person = platform.session().await;
    let login = begin(&platform.nobody).await;
    assert_eq!(code(platform.nobody.device_key(&login.device_code).await), Some(Code::AuthorizationPending));
    let eager = serde_json::json!({"device_code": login.device_code.expose_secret()});
    let request = platform.http().post("http://api/v1/login/device/token").json(&eager);
    let refused = request.try_clone().unwrap().send().await.unwrap();
    assert_eq!((refused.status().as_u16(), refused.headers()["retry-after"].to_str().unwrap()), (400, "10"));
    insta::assert_snapshot!(told(request).await, @r#"
    400 application/problem+json
    {
      "code": "slow_down",
      "detail": "This device asks too often; wait 15 s between two questions.",
      "status": 400,
      "title": "The device asks too often",
      "type": "urn:rolltop:problem:slow_down"
    }
    "#);
    person.decide_device_login(&decision(&login, false)).await.unwrap();
    assert_eq!(code(platform.nobody.device_key(&login.device_code).await), Some(Code::AccessDenied));
    assert_eq!(code(platform.nobody.device_key(&login.device_code).await), Some(Code::ExpiredToken));
    let keys = person.api_keys().await.unwrap();
    assert!(keys.iter().all(|key| key.name != "rolltop on laptop"), "{keys:?}");
}

#[tokio::test]
async fn only_a_person_decides_and_codes_are_not_guessed() {
    let platform = Platform::start().await;
    let login = begin(&platform.nobody).await;
    let key = &platform.client;
    assert_eq!(code(key.device_request(&typed(&login)).await), Some(Code::NotAPerson));
    assert_eq!(code(key.decide_device_login(&decision(&login, true)).await), Some(Code::NotAPerson));
    let nobody = platform.nobody.decide_device_login(&decision(&login, true)).await;
    assert_eq!(code(nobody), Some(Code::Unauthenticated));
    assert_eq!(code(platform.nobody.device_key(&login.device_code).await), Some(Code::AuthorizationPending));

    let person = platform.session().await;
    for guess in ["", "BCDF-GHJK", "AAAA-AAAA", "%", "BCDF-GHJL"] {
        let refused = person.device_request(&UserCode { user_code: guess.into() }).await;
        assert_eq!(code(refused), Some(Code::NoSuchCode), "{guess}");
    }
    assert_eq!(
        code(person.device_request(&typed(&login)).await),
        Some(Code::RateLimited),
        "now it has to wait"
    );
    let made_up = SecretString::from("rd_00000000000000000000000000000000000000");
    for wrong in [made_up, platform.key.clone(), login.user_code.clone().into()] {
        assert_eq!(code(platform.nobody.device_key(&wrong).await), Some(Code::ExpiredToken));
    }
}

#[tokio::test]
async fn devices_that_wait_are_bounded_and_their_names_can_not_deceive() {
    let often = RateLimit { burst: 1000, per_second: 1000.0 };
    let config = ApiConfig { sign_ins: often, ..ApiConfig::default() };
    let platform = Platform::with(config, ControlConfig::default()).await;
    let from = |address: &str| platform.nobody.with_forwarded_for(address.parse().unwrap());
    for _ in 0..20 {
        begin(&from("192.0.2.1")).await;
    }
    let one_more = StartDeviceLogin { client_name: "one more".into() };
    let refused = from("192.0.2.1").start_device_login(&one_more).await.unwrap_err();
    assert_eq!(refused.code(), Some(Code::RateLimited));
    assert!(matches!(refused, ClientError::Problem { retry_after: Some(_), .. }), "{refused:?}");
    from("192.0.2.2").start_device_login(&one_more).await.expect("others are not held up");
    for name in ["", "a\u{202e}b", "a\nb", &"x".repeat(65)] {
        let refused =
            from("192.0.2.2").start_device_login(&StartDeviceLogin { client_name: name.into() }).await;
        assert_eq!(code(refused), Some(Code::InvalidName), "{name:?}");
    }
}

#[tokio::test]
async fn the_page_is_named_as_the_web_tier_is_known() {
    let platform = Platform::start().await;
    assert_eq!(begin(&platform.nobody).await.verification_url, "/login/device");
    let body = serde_json::json!({"client_name": "rolltop"});
    for (host, url) in
        [("desk.example:8443", "https://desk.example:8443/login/device"), ("a b", "/login/device")]
    {
        let request = platform.http().request(Method::POST, "http://api/v1/login/device").json(&body);
        let answer: serde_json::Value =
            request.header("x-forwarded-host", host).send().await.unwrap().json().await.unwrap();
        assert_eq!(answer["verification_url"], url);
    }
}

#[tokio::test]
async fn signing_devices_in_stops_where_keys_do() {
    let platform = Platform::start().await;
    let wanted = CreateApiKey {
        name: "one of many".into(),
        scopes: vec![Scope::Exec],
        desktop: None,
        expires_at: None,
    };
    let mut refused = None;
    for _ in 0..=200 {
        if let Err(error) = platform.client.create_api_key(&wanted).await {
            refused = error.code();
            break;
        }
    }
    assert_eq!(refused, Some(Code::QuotaReached));
    let login = begin(&platform.nobody).await;
    platform.session().await.decide_device_login(&decision(&login, true)).await.unwrap();
    assert_eq!(code(platform.nobody.device_key(&login.device_code).await), Some(Code::QuotaReached));
}
