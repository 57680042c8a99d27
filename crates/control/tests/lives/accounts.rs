//! Who may come in, and as whom.

use rolltop_control::{AuthenticateError, RedeemError, Scope, SetPasswordError, SignInError, Who};
use secrecy::{ExposeSecret, SecretString};

use crate::fixture::platform;

fn secret(text: &str) -> SecretString {
    SecretString::from(text)
}

#[tokio::test]
async fn a_link_signs_in_once_and_then_a_password_does() {
    let platform = platform().await;
    let control = &platform.control;
    let link = control.sign_in_link().await.unwrap();
    let redeemed = control.redeem_link(&link).await.unwrap();
    assert!(redeemed.needs_password);
    assert!(matches!(control.redeem_link(&link).await, Err(RedeemError::Invalid)));
    let caller = control.authenticate(&redeemed.token).await.unwrap();
    assert!(matches!(caller.who(), Who::Session { .. }));
    assert_eq!(caller.workspace(), platform.owner.workspace());

    let short = control.set_password(&caller, "ann", secret("short")).await;
    assert!(matches!(short, Err(SetPasswordError::TooShort)));
    let spaced = control.set_password(&caller, "a nn", secret("long enough")).await;
    assert!(matches!(spaced, Err(SetPasswordError::BadName)));
    let key = control.set_password(&platform.owner, "ann", secret("long enough")).await;
    assert!(matches!(key, Err(SetPasswordError::NotAPerson)));
    control.set_password(&caller, "Ann", secret("long enough")).await.unwrap();

    let wrong = control.sign_in("ann", secret("wrong enough")).await;
    assert!(matches!(wrong, Err(SignInError::Wrong)));
    let unknown = control.sign_in("bob", secret("long enough")).await;
    assert!(matches!(unknown, Err(SignInError::Wrong)));
    let token = control.sign_in(" ANN ", secret("long enough")).await.unwrap();
    let again = control.authenticate(&token).await.unwrap();
    let me = control.me(&again).await.unwrap();
    assert_eq!((me.name.as_deref(), me.has_password, me.desktop_limit), (Some("ann"), true, 100));
    control.sign_out(&again).await.unwrap();
    assert!(matches!(control.authenticate(&token).await, Err(AuthenticateError::Invalid)));
    assert!(control.authenticate(&redeemed.token).await.is_ok(), "other sessions stay");
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let platform = platform().await;
    for _ in 0..5 {
        let guess = platform.control.sign_in("nobody", secret("a guess at it")).await;
        assert!(matches!(guess, Err(SignInError::Wrong)));
    }
    let guess = platform.control.sign_in("nobody", secret("a guess at it")).await;
    assert!(matches!(guess, Err(SignInError::TooManyAttempts { .. })));
}

#[tokio::test]
async fn a_made_up_credential_is_nobody() {
    let platform = platform().await;
    let real = platform.control.api_key(None).await.unwrap();
    assert!(real.expose_secret().starts_with("rt_"));
    assert!(platform.control.authenticate(&real).await.unwrap().may(Scope::HostRead));
    let link = platform.control.sign_in_link().await.unwrap();
    let made_up = rolltop_vault::new_token(rolltop_vault::TokenKind::ApiKey);
    for bad in [secret(""), secret("rt_x"), link, made_up] {
        assert!(matches!(platform.control.authenticate(&bad).await, Err(AuthenticateError::Invalid)));
    }
}
