//! Allowing a device: a person types the code that the device shows, is told what asks and what it
//! would get, and decides.
//!
//! The code is never taken from an address: whoever could make somebody follow a link could else have
//! their own device allowed. Only a page of ours can send the decision, as with all that changes
//! something.

use axum::Form;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{Code, DecideDeviceLogin, DeviceRequest, UserCode};
use serde::Deserialize;

use crate::access::SignedIn;
use crate::components::control::{Field, Notice, Tone, field, notice, submit};
use crate::components::layout::{doorway, link_button};
use crate::components::{scopes, time};
use crate::failure::{Failure, Fault};
use crate::language::Language;

#[derive(Deserialize)]
pub(crate) struct Input {
    #[serde(default)]
    code: String,
    /// `allow` or `deny`; at first neither.
    #[serde(default)]
    decision: String,
}

pub(crate) async fn show(person: SignedIn) -> Markup {
    typing(person.language, "", None)
}

pub(crate) async fn submit_code(person: SignedIn, Form(answer): Form<Input>) -> Result<Response, Failure> {
    let language = person.language;
    let code = answer.code.trim().to_owned();
    let done = match answer.decision.as_str() {
        "" => {
            let asked = person.client.device_request(&UserCode { user_code: code.clone() }).await;
            asked.map(|request| deciding(&person, &code, &request))
        }
        decision => {
            let allow = decision == "allow";
            let decision = DecideDeviceLogin { user_code: code.clone(), allow };
            person.client.decide_device_login(&decision).await.map(|()| decided(language, allow))
        }
    };
    match done {
        Ok(page) => Ok(page.into_response()),
        Err(error) => {
            let fault = Fault::of(language, error, &[(Code::NoSuchCode, "device-no-such-code")])?;
            Ok((fault.status, typing(language, &code, fault.elsewhere(&[]))).into_response())
        }
    }
}

fn typing(language: Language, code: &str, problem: Option<&str>) -> Markup {
    let title = language.say("device-title");
    let code = Field {
        hint: Some("device-code-hint"),
        problem,
        autofocus: true,
        ..Field::text("device-code", "code", "device-code", code)
    };
    let content = html! {
        form method="post" action="/login/device" {
            div.code-field { (field(language, &code)) }
            (submit(Tone::Primary, true, &language.say("device-go")))
        }
        (notice(Notice::Warning, &html! { (language.say("device-warn")) }))
    };
    doorway(language, &title, &[&language.say("device-text")], &content)
}

fn deciding(person: &SignedIn, code: &str, request: &DeviceRequest) -> Markup {
    let language = person.language;
    let title = language.say_with("device-ask", &[("name", &request.client_name)]);
    let account = person.me.name.clone().unwrap_or_else(|| language.say("account-unnamed"));
    let content = html! {
        dl.facts {
            dt { (language.say("device-code")) } dd.mono { (code.to_uppercase()) }
            dt { (language.say("device-from")) } dd.mono { (request.asked_from.as_deref().unwrap_or("—")) }
            dt { (language.say("device-asked")) } dd { (time::ago(language, request.asked_at)) }
            dt { (language.say("device-account")) } dd { bdi { (account) } }
            dt { (language.say("device-until")) } dd { (time::day(request.key_expires_at)) }
        }
        section {
            h2 { (language.say("device-grants")) }
            (scopes::listed(language, &request.scopes))
            p.hint { (language.say("device-revoke")) }
        }
        (notice(Notice::Warning, &html! { (language.say("device-warn-decide")) }))
        form.decision method="post" action="/login/device" {
            input type="hidden" name="code" value=(code);
            button.btn type="submit" name="decision" value="deny" data-variant="outline" { (language.say("device-deny")) }
            button.btn type="submit" name="decision" value="allow" data-variant="primary" { (language.say("device-allow")) }
        }
    };
    doorway(language, &title, &[&language.say("device-ask-text")], &content)
}

fn decided(language: Language, allowed: bool) -> Markup {
    let outcome = if allowed { "device-allowed" } else { "device-denied" };
    let content = html! {
        div.decision { (link_button(Tone::Plain, "/api-keys", &language.say("api-keys"))) (link_button(Tone::Plain, "/desktops", &language.say("rail-desktops"))) }
    };
    let text = language.say(&format!("{outcome}-text"));
    doorway(language, &language.say(outcome), &[&text], &content)
}
