//! API keys over the API.

use jiff::{SignedDuration, Timestamp};
use reqwest::Method;
use rolltop_api_types::{
    ApiKeyCreated, Client, ClientError, Code, CreateApiKey, CreateShare, CreateSshKey, Scope,
};
use rolltop_model::DesktopId;
use rolltop_testing::Platform;
use secrecy::ExposeSecret;
use serde_json::json;

use crate::told::told;

const OTHER_LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl";

fn wanted(scopes: &[Scope]) -> CreateApiKey {
    CreateApiKey { name: "ci".into(), scopes: scopes.to_vec(), desktop: None, expires_at: None }
}

/// In whole milliseconds, as times are kept.
fn in_seconds(seconds: i64) -> Timestamp {
    let at = Timestamp::now().checked_add(SignedDuration::from_secs(seconds)).unwrap();
    Timestamp::from_millisecond(at.as_millisecond()).unwrap()
}

fn with(platform: &Platform, key: &ApiKeyCreated) -> Client {
    platform.nobody.with_token(&key.token).unwrap()
}

fn code<T: std::fmt::Debug>(refused: Result<T, ClientError>) -> Option<Code> {
    refused.unwrap_err().code()
}

#[tokio::test]
async fn a_key_is_made_shown_once_used_and_revoked() {
    let platform = Platform::start().await;
    let session = platform.session().await;
    let made = session.create_api_key(&wanted(&[Scope::FilesRead, Scope::DesktopsRead])).await.unwrap();
    let token = made.token.expose_secret();
    assert!(token.starts_with("rt_") && token.len() == 41);
    assert_eq!(made.key.scopes, [Scope::DesktopsRead, Scope::FilesRead]);
    let listed = platform.raw(Method::GET, "/v1/api-keys").send().await.unwrap().text().await.unwrap();
    assert!(
        listed.contains(&made.key.id.to_string()) && !listed.contains("token") && !listed.contains(token)
    );

    let program = with(&platform, &made);
    let me = program.me().await.unwrap();
    assert_eq!((me.credential.id, me.credential.scopes), (made.key.id.to_string(), made.key.scopes.clone()));
    assert_eq!((me.credential.desktop, me.credential.expires_at, me.admin), (None, None, false));
    program.desktops(&Default::default()).await.unwrap();
    assert_eq!(code(program.create_desktop(&Default::default(), None).await), Some(Code::MissingScope));
    assert_eq!(code(program.api_keys().await), Some(Code::MissingScope));

    session.revoke_api_key(made.key.id).await.unwrap();
    assert_eq!(code(program.me().await), Some(Code::Unauthenticated));
    assert_eq!(code(session.revoke_api_key(made.key.id).await), Some(Code::NotFound));
    assert!(session.api_keys().await.unwrap().iter().all(|key| key.id != made.key.id));
}

#[tokio::test]
async fn when_and_from_where_a_key_was_used_is_kept_and_not_written_each_time() {
    let platform = Platform::start().await;
    let made = platform.client.create_api_key(&wanted(&[Scope::DesktopsRead])).await.unwrap();
    let listed = async || {
        let keys = platform.client.api_keys().await.unwrap();
        keys.into_iter().find(|key| key.id == made.key.id).unwrap()
    };
    assert_eq!((listed().await.used_at, listed().await.used_from), (None, None));
    let program = with(&platform, &made);
    program.with_forwarded_for("192.0.2.7".parse().unwrap()).me().await.unwrap();
    let first = listed().await;
    assert!(first.used_at.is_some());
    assert_eq!(first.used_from.as_deref(), Some("192.0.2.7"));
    program.with_forwarded_for("192.0.2.8".parse().unwrap()).me().await.unwrap();
    assert_eq!(listed().await, first, "within a minute nothing is written");
}

#[tokio::test]
async fn a_key_gives_no_more_than_its_maker_has() {
    let platform = Platform::start().await;
    let (first, second) = (platform.create("first").await.id, platform.create("second").await.id);
    let end = in_seconds(3600);
    let maker = CreateApiKey {
        desktop: Some(first),
        expires_at: Some(end),
        ..wanted(&[Scope::KeysRead, Scope::KeysWrite, Scope::DesktopsRead])
    };
    let maker = platform.client.create_api_key(&maker).await.unwrap();
    let program = with(&platform, &maker);
    let good = CreateApiKey { desktop: Some(first), expires_at: Some(end), ..wanted(&[Scope::DesktopsRead]) };
    let refused = async |wanted: CreateApiKey| code(program.create_api_key(&wanted).await);
    let more = CreateApiKey { scopes: vec![Scope::DesktopsRead, Scope::Exec], ..good.clone() };
    assert_eq!(refused(more).await, Some(Code::MissingScope));
    assert_eq!(refused(CreateApiKey { desktop: None, ..good.clone() }).await, Some(Code::TiedToDesktop));
    let other = CreateApiKey { desktop: Some(second), ..good.clone() };
    assert_eq!(refused(other).await, Some(Code::UnknownDesktop));
    assert_eq!(refused(CreateApiKey { expires_at: None, ..good.clone() }).await, Some(Code::InvalidExpiry));
    let later = CreateApiKey { expires_at: Some(in_seconds(7200)), ..good.clone() };
    assert_eq!(refused(later).await, Some(Code::InvalidExpiry));

    let child = program.create_api_key(&good).await.unwrap();
    assert_eq!((child.key.desktop, child.key.expires_at), (Some(first), Some(end)));
    let seen: Vec<_> = program.api_keys().await.unwrap().into_iter().map(|key| key.id).collect();
    assert_eq!(seen, [maker.key.id, child.key.id], "of others it sees nothing");
    let free = platform.client.create_api_key(&wanted(&[Scope::Exec])).await.unwrap();
    assert_eq!(code(program.revoke_api_key(free.key.id).await), Some(Code::NotFound));
    program.revoke_api_key(child.key.id).await.unwrap();

    let tied = with(&platform, &maker);
    assert_eq!(tied.me().await.unwrap().credential.desktop, Some(first));
    tied.desktop(first).await.unwrap();
    assert_eq!(code(tied.desktop(second).await), Some(Code::NotFound));
}

#[tokio::test]
async fn what_is_no_key_is_refused_with_a_sentence() {
    let platform = Platform::start().await;
    let refused = async |wanted: CreateApiKey| code(platform.client.create_api_key(&wanted).await);
    let good = wanted(&[Scope::Exec]);
    for name in ["", "  ", &"x".repeat(65), "a\nb"] {
        assert_eq!(
            refused(CreateApiKey { name: name.into(), ..good.clone() }).await,
            Some(Code::InvalidName)
        );
    }
    assert_eq!(refused(wanted(&[])).await, Some(Code::InvalidScopes));
    let past = CreateApiKey { expires_at: Some(in_seconds(-1)), ..good.clone() };
    assert_eq!(refused(past).await, Some(Code::InvalidExpiry));
    let nowhere = CreateApiKey { desktop: Some(DesktopId::from_u128(7)), ..good };
    assert_eq!(refused(nowhere).await, Some(Code::UnknownDesktop));
    let unknown = json!({"name": "ci", "scopes": ["desktops:fly"]});
    insta::assert_snapshot!(told(platform.raw(Method::POST, "/v1/api-keys").json(&unknown)).await, @r#"
    422 application/problem+json
    {
      "code": "invalid_scopes",
      "detail": "One of the scopes is not known; known: desktops:read, desktops:write, desktops:control, desktops:export, files:read, files:write, exec, keys:read, keys:write, tasks:read, tasks:write, billing:read, host:read, account, admin.",
      "errors": [
        {
          "detail": "One of the scopes is not known; known: desktops:read, desktops:write, desktops:control, desktops:export, files:read, files:write, exec, keys:read, keys:write, tasks:read, tasks:write, billing:read, host:read, account, admin.",
          "field": "scopes"
        }
      ],
      "status": 422,
      "title": "These scopes can't be given",
      "type": "urn:rolltop:problem:invalid_scopes"
    }
    "#);
    for wrong in ["key_00000000000000000000000000", "sshk_00000000000000000000000000", "nonsense", "%FF"] {
        let answer = told(platform.raw(Method::DELETE, &format!("/v1/api-keys/{wrong}"))).await;
        assert!(answer.starts_with("404") && answer.contains("There is no such key."), "{answer}");
    }
}

#[tokio::test]
async fn what_a_key_makes_can_do_no_more_and_ends_with_it() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let end = in_seconds(3600);
    let line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN sam";
    let ssh = CreateSshKey { name: None, public_key: line.into() };
    let entering = [
        Scope::KeysRead,
        Scope::KeysWrite,
        Scope::DesktopsRead,
        Scope::DesktopsControl,
        Scope::Exec,
        Scope::FilesRead,
        Scope::FilesWrite,
    ];
    let ending = |scopes: &[Scope]| CreateApiKey { expires_at: Some(end), ..wanted(scopes) };
    let maker = platform.client.create_api_key(&ending(&entering)).await.unwrap();
    let program = with(&platform, &maker);
    let clerk = program.create_api_key(&ending(&[Scope::KeysWrite, Scope::KeysRead])).await.unwrap();
    assert_eq!(code(with(&platform, &clerk).add_ssh_key(&ssh).await), Some(Code::MissingScope));

    let added = program.add_ssh_key(&ssh).await.unwrap();
    assert_eq!(added.key.expires_at, Some(end), "no longer than its maker");
    let day = CreateShare { port: 3000, lasts_seconds: 24 * 3600 };
    assert_eq!(program.share_port(desktop.id, &day).await.unwrap().share.expires_at, end);
    let grandchild = with(&platform, &clerk).create_api_key(&ending(&[Scope::KeysRead])).await.unwrap();
    let mine = CreateSshKey { name: Some("mine".into()), public_key: OTHER_LINE.into() };
    let kept = platform.client.add_ssh_key(&mine).await.unwrap();
    assert_eq!(kept.key.expires_at, None);

    platform.client.revoke_api_key(maker.key.id).await.unwrap();
    for made in [&clerk, &grandchild] {
        assert_eq!(code(with(&platform, made).me().await), Some(Code::Unauthenticated));
    }
    let left: Vec<_> = platform.client.ssh_keys().await.unwrap().into_iter().map(|key| key.id).collect();
    assert_eq!(left, [kept.key.id]);
    assert!(platform.client.shares(desktop.id).await.unwrap().is_empty());
}
