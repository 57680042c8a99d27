//! Who may come in, and as whom.

use std::time::Duration;

use rolltop_api_types::Scope;
use rolltop_control::{AuthenticateError, ControlConfig, RedeemError, SetPasswordError, SignInError, Who};
use secrecy::{ExposeSecret, SecretString};

use crate::fixture::{PATIENCE, platform, platform_with, quick};

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

    let short = control.set_password(&caller, "ann", None, secret("short")).await;
    assert!(matches!(short, Err(SetPasswordError::TooShort)));
    let spaced = control.set_password(&caller, "a nn", None, secret("long enough")).await;
    assert!(matches!(spaced, Err(SetPasswordError::BadName)));
    let key = control.set_password(&platform.owner, "ann", None, secret("long enough")).await;
    assert!(matches!(key, Err(SetPasswordError::NotAPerson)));
    control.set_password(&caller, "Ann", None, secret("long enough")).await.unwrap();

    let wrong = control.sign_in("ann", secret("wrong enough"), None).await;
    assert!(matches!(wrong, Err(SignInError::Wrong)));
    let unknown = control.sign_in("bob", secret("long enough"), None).await;
    assert!(matches!(unknown, Err(SignInError::Wrong)));
    let token = control.sign_in(" ANN ", secret("long enough"), None).await.unwrap();
    let again = control.authenticate(&token).await.unwrap();
    let me = control.me(&again).await.unwrap();
    assert_eq!((me.name.as_deref(), me.needs_password, me.limits.desktops), (Some("ann"), false, 100));
    control.sign_out(&again).await.unwrap();
    assert!(matches!(control.authenticate(&token).await, Err(AuthenticateError::Invalid)));
    assert!(control.authenticate(&redeemed.token).await.is_ok(), "other sessions stay");
}

#[tokio::test]
async fn another_password_takes_the_present_one_unless_a_link_came_first() {
    let platform = platform().await;
    let control = &platform.control;
    let by_link = async || {
        let link = control.sign_in_link().await.unwrap();
        control.authenticate(&control.redeem_link(&link).await.unwrap().token).await.unwrap()
    };
    let (first, other) = (secret("the first one"), secret("the other one"));
    let caller = by_link().await;
    assert!(!control.me(&caller).await.unwrap().asks_present_password);
    control.set_password(&caller, "ann", None, first.clone()).await.unwrap();
    assert!(control.me(&caller).await.unwrap().asks_present_password, "a link is good for one choice");
    for wrong in [None, Some(secret("")), Some(other.clone())] {
        let refused = control.set_password(&caller, "ann", wrong, other.clone()).await;
        assert!(matches!(refused, Err(SetPasswordError::WrongPresent)));
    }
    control.set_password(&caller, "ann", Some(first), other.clone()).await.unwrap();
    assert!(control.sign_in("ann", other, None).await.is_ok());
    // It was lost; the operator's link leads in, and the sessions before it end.
    let lost = by_link().await;
    control.set_password(&lost, "ann", None, secret("the third one")).await.unwrap();
    assert!(control.sign_in("ann", secret("the third one"), None).await.is_ok());
}

#[tokio::test]
async fn guessing_the_present_password_is_slowed_down_like_signing_in() {
    let platform = platform().await;
    let control = &platform.control;
    let link = control.sign_in_link().await.unwrap();
    let caller = control.authenticate(&control.redeem_link(&link).await.unwrap().token).await.unwrap();
    control.set_password(&caller, "ann", None, secret("long enough")).await.unwrap();
    let guess = async || {
        control.set_password(&caller, "ann", Some(secret("a guess at it")), secret("mine from now")).await
    };
    for _ in 0..5 {
        assert!(matches!(guess().await, Err(SetPasswordError::WrongPresent)));
    }
    assert!(matches!(guess().await, Err(SetPasswordError::TooManyAttempts { .. })));
}

#[tokio::test]
async fn guessing_passwords_is_slowed_down() {
    let platform = platform().await;
    for _ in 0..5 {
        let guess = platform.control.sign_in("nobody", secret("a guess at it"), None).await;
        assert!(matches!(guess, Err(SignInError::Wrong)));
    }
    let guess = platform.control.sign_in("nobody", secret("a guess at it"), None).await;
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

#[tokio::test]
async fn a_session_ends_when_it_is_old_however_it_is_used() {
    let lasting = Duration::from_secs(2);
    let platform = platform_with(ControlConfig { session_longest: lasting, ..quick() }).await;
    let control = &platform.control;
    let link = control.sign_in_link().await.unwrap();
    let token = control.redeem_link(&link).await.unwrap().token;
    let began = std::time::Instant::now();
    while control.authenticate(&token).await.is_ok() {
        assert!(began.elapsed() < PATIENCE, "it goes on for ever");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(began.elapsed() > lasting / 2, "it lasts as long as it may");
}
