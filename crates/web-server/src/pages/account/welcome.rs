//! The one-time sign-in link. Following it shows a button, and only the button uses the link
//! up: mail programs and chat apps fetch links before people do.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::SET_COOKIE;
use maud::{Markup, html};
use rolltop_api_types::RedeemLink;
use secrecy::SecretString;

use crate::access::Visitor;
use crate::components::control::{Tone, submit as submit_button};
use crate::components::layout::{doorway, link_button};
use crate::cookie;
use crate::failure::{Failure, Fault};
use crate::language::Language;

pub(crate) async fn show(visitor: Visitor, Path(_): Path<String>) -> Markup {
    let language = visitor.language;
    let (title, text) = (language.say("welcome-title"), language.say("welcome-text"));
    let content = html! {
        form method="post" { (submit_button(Tone::Primary, true, &language.say("welcome-go"))) }
    };
    doorway(language, &title, &[&text], &content)
}

pub(crate) async fn submit(visitor: Visitor, Path(link): Path<String>) -> Result<Response, Failure> {
    match visitor.client.redeem_link(&RedeemLink { link: SecretString::from(link) }).await {
        Ok(session) => {
            let cookie = cookie::set(&session.token, None).ok_or(Failure::NotFound)?;
            let next = if session.needs_password { "/account/password" } else { "/desktops" };
            Ok(([(SET_COOKIE, cookie)], Redirect::to(next)).into_response())
        }
        Err(error) => {
            let fault = Fault::of(visitor.language, error, &[])?;
            Ok((fault.status, used_up(visitor.language, &fault)).into_response())
        }
    }
}

fn used_up(language: Language, fault: &Fault) -> Markup {
    let help = language.say("welcome-used-help");
    let way = html! { div { (link_button(Tone::Plain, "/sign-in", &language.say("sign-in"))) } };
    let text = fault.elsewhere(&[]).unwrap_or_default();
    doorway(language, &language.say("welcome-used-title"), &[text, &help], &way)
}
