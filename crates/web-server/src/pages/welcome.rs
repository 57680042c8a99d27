//! The one-time sign-in link. Following it shows a button, and only the button uses the link
//! up: mail programs and chat apps fetch links before people do.

use axum::extract::Path;
use axum::response::{IntoResponse, Redirect, Response};
use http::StatusCode;
use http::header::SET_COOKIE;
use maud::{Markup, html};
use rolltop_api_types::RedeemLink;
use secrecy::SecretString;

use crate::access::Visitor;
use crate::components::control::{Tone, submit as submit_button};
use crate::components::layout::{doorway, link_button};
use crate::components::mark;
use crate::cookie;
use crate::failure::{Failure, sentence};

pub(crate) async fn show(visitor: Visitor, Path(_): Path<String>) -> Markup {
    let language = visitor.language;
    let title = language.say("welcome-title");
    let content = html! {
        (mark())
        header { h1 { (title) } p { (language.say("welcome-text")) } }
        form method="post" { (submit_button(Tone::Primary, true, &language.say("welcome-go"))) }
    };
    doorway(language, &title, &content)
}

pub(crate) async fn submit(visitor: Visitor, Path(link): Path<String>) -> Result<Response, Failure> {
    match visitor.client.redeem_link(&RedeemLink { link: SecretString::from(link) }).await {
        Ok(session) => {
            let cookie = cookie::set(&session.token, None).ok_or(Failure::NotFound)?;
            let next = if session.needs_password { "/account/password" } else { "/desktops" };
            Ok(([(SET_COOKIE, cookie)], Redirect::to(next)).into_response())
        }
        Err(error) if error.problem().is_some() => {
            let status = error.problem().and_then(|problem| StatusCode::from_u16(problem.status).ok());
            let text = sentence(visitor.language, &error);
            Ok((status.unwrap_or(StatusCode::UNAUTHORIZED), used_up(&visitor, &text)).into_response())
        }
        Err(error) => Err(error.into()),
    }
}

fn used_up(visitor: &Visitor, text: &str) -> Markup {
    let language = visitor.language;
    let title = language.say("welcome-used-title");
    let content = html! {
        (mark())
        header { h1 { (title) } p { (text) } p { (language.say("welcome-used-help")) } }
        div { (link_button(Tone::Plain, "/sign-in", &language.say("sign-in"))) }
    };
    doorway(language, &title, &content)
}
