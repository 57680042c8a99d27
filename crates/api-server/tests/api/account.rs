//! Signing in, as the web tier does it.

use rolltop_api_types::{Code, CredentialKind, RedeemLink, SetPassword, SignIn};
use rolltop_testing::Platform;
use secrecy::SecretString;

fn sign_in(password: &str) -> SignIn {
    SignIn { name: "sam".into(), password: password.into() }
}

fn chosen(name: &str, password: &str) -> SetPassword {
    SetPassword { name: name.into(), present: None, password: password.into() }
}

#[tokio::test]
async fn a_link_leads_to_a_password_and_a_password_to_a_session() {
    let platform = Platform::start().await;
    let nobody = &platform.nobody;
    let link = platform.admin.sign_in_link().await.unwrap().link_token;
    let first = nobody.redeem_link(&RedeemLink { link: link.clone() }).await.unwrap();
    assert!(first.needs_password);
    let again = nobody.redeem_link(&RedeemLink { link }).await.unwrap_err();
    assert_eq!(again.code(), Some(Code::LinkNotValid), "a link works once");

    let person = nobody.with_token(&first.token).unwrap();
    let me = person.me().await.unwrap();
    assert!(me.needs_password && me.admin && me.user.is_some());
    assert_eq!(me.credential.kind, CredentialKind::Session);

    let weak = person.set_password(&chosen("sam", "short")).await.unwrap_err();
    assert_eq!(weak.code(), Some(Code::WeakPassword));
    let other = platform.session().await;
    person.set_password(&chosen("sam", "correct horse battery")).await.unwrap();
    assert_eq!(other.me().await.unwrap_err().code(), Some(Code::Unauthenticated), "other sessions end");
    let me = person.me().await.unwrap();
    assert!(!me.needs_password);
    assert_eq!(me.name.as_deref(), Some("sam"));

    assert!(me.asks_present_password);
    let blind = person.set_password(&chosen("sam", "another horse battery")).await.unwrap_err();
    assert_eq!(blind.code(), Some(Code::WrongPassword));
    assert_eq!(blind.problem().unwrap().errors[0].field, "present");

    let wrong = nobody.sign_in(&sign_in("wrong horse battery")).await.unwrap_err();
    assert_eq!(wrong.code(), Some(Code::WrongCredentials));
    let unknown = SignIn { name: "nobody".into(), ..sign_in("wrong horse battery") };
    let unknown = nobody.sign_in(&unknown).await.unwrap_err();
    assert_eq!(unknown.problem().unwrap().detail, wrong.problem().unwrap().detail, "nothing is given away");
    let session = nobody.sign_in(&sign_in("correct horse battery")).await.unwrap();
    let session = nobody.with_token(&session.token).unwrap();
    assert_eq!(session.me().await.unwrap().name.as_deref(), Some("sam"));
    session.sign_out().await.unwrap();
    assert_eq!(session.me().await.unwrap_err().code(), Some(Code::Unauthenticated));
}

#[tokio::test]
async fn a_key_is_no_person() {
    let platform = Platform::start().await;
    let me = platform.client.me().await.unwrap();
    assert_eq!((me.user, me.credential.kind), (None, CredentialKind::ApiKey));
    assert!(me.credential.id.starts_with("key_"));
    assert_eq!(me.credential.scopes.len(), rolltop_api_types::Scope::ALL.len());
    let error = platform.client.set_password(&chosen("sam", "correct horse battery")).await.unwrap_err();
    assert_eq!(error.code(), Some(Code::NotAPerson));
    platform.client.sign_out().await.unwrap();
    platform.client.me().await.expect("signing out does not end a key");
}

#[tokio::test]
async fn secrets_are_not_repeated() {
    let platform = Platform::start().await;
    let body = r#"{"name":"sam","password":["hunter2hunter2"]}"#;
    let request = platform.http().post("http://api/v1/session").header("content-type", "application/json");
    let text = request.body(body).send().await.unwrap().text().await.unwrap();
    assert!(text.contains("invalid_body") && !text.contains("hunter2"), "{text}");
    let client = platform.nobody.with_token(&SecretString::from("rt_secret")).unwrap();
    assert!(!format!("{client:?}").contains("rt_secret"));
}
