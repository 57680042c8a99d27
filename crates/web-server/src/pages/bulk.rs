//! The same thing done with several desktops. Stopping and deleting ask first, naming each.

use axum::extract::{Path, RawForm, RawQuery};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{ClientError, Desktop};
use rolltop_model::DesktopId;

use crate::access::SignedIn;
use crate::components::control::Tone;
use crate::components::{dialog, icon, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;
use crate::pages::actions::for_good;
use crate::view::Action;

/// Desktops at most in one request.
const MOST: usize = 200;
/// What can be done with several at once.
pub(crate) const ACTIONS: [Action; 4] = [Action::Start, Action::Suspend, Action::Stop, Action::Delete];

fn action(text: &str) -> Result<Action, Failure> {
    Action::from_str(text).filter(|action| ACTIONS.contains(action)).ok_or(Failure::NotFound)
}

/// Every `id=` of a form or query. An id has no characters that would be encoded.
fn ids(text: &str) -> Vec<DesktopId> {
    text.split('&').filter_map(|pair| pair.strip_prefix("id=")?.parse().ok()).take(MOST).collect()
}

pub(crate) async fn ask(
    person: SignedIn,
    Path(what): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Markup, Failure> {
    let action = action(&what)?;
    let mut desktops = Vec::new();
    for id in ids(&query.unwrap_or_default()) {
        // One that is gone by now needs no asking.
        desktops.extend(person.client.desktop(id).await.ok());
    }
    let language = person.language;
    let count = u64::try_from(desktops.len()).unwrap_or(u64::MAX);
    let title = language.count(&format!("ask-bulk-{}", action.as_str()), count);
    let submit = language.count(&format!("confirm-bulk-{}", action.as_str()), count);
    let path = format!("/bulk/{}", action.as_str());
    let body = body(language, action, &desktops);
    let danger = action == Action::Delete;
    let form = dialog::Form { id: "ask", title: &title, action: &path, body: &body, submit: &submit, danger };
    Ok(dialog::show(language, false, &form))
}

pub(crate) async fn submit(
    person: SignedIn,
    Path(what): Path<String>,
    RawForm(form): RawForm,
) -> Result<Response, Failure> {
    let action = action(&what)?;
    let language = person.language;
    let (mut done, mut refused) = (0_u64, None);
    let form = String::from_utf8_lossy(&form);
    let for_good = form.split('&').any(|pair| pair.starts_with("for_good="));
    for id in ids(&form) {
        match perform(&person, id, action, for_good).await {
            Ok(_) => done += 1,
            Err(error) => refused = Some(error),
        }
    }
    let toasts = html! {
        @if done > 0 { (toast::done(language, &language.count(&format!("done-bulk-{}", action.as_str()), done))) }
        @if let Some(error) = &refused { (toast::error(language, &sentence(language, error))) }
    };
    Ok(([("hx-trigger", "rolltop:done")], toasts).into_response())
}

async fn perform(
    person: &SignedIn,
    id: DesktopId,
    action: Action,
    for_good: bool,
) -> Result<Desktop, ClientError> {
    match action {
        Action::Start => person.client.start_desktop(id).await,
        Action::Stop => person.client.stop_desktop(id).await,
        Action::Suspend => person.client.suspend_desktop(id).await,
        Action::Delete if for_good => person.client.destroy_desktop(id).await,
        Action::Delete => person.client.delete_desktop(id).await,
        // Not among ACTIONS; looking at it is harmless.
        Action::Resume
        | Action::Fork
        | Action::Snapshot
        | Action::Restart
        | Action::Retry
        | Action::EndProcesses
        | Action::Rename => person.client.desktop(id).await,
    }
}

fn body(language: Language, action: Action, desktops: &[Desktop]) -> Markup {
    html! {
        @for desktop in desktops { input type="hidden" name="id" value=(desktop.id); }
        p { (language.say(&format!("warn-bulk-{}", action.as_str()))) }
        ul.losses { @for desktop in desktops { li { bdi { (desktop.name) } } } }
        @if action == Action::Delete {
            p { (language.say("warn-bulk-delete-kept")) }
            (for_good(language))
        }
    }
}

/// The bar that comes when something is picked. The style sheet counts and shows it.
pub(crate) fn bar(language: Language) -> Markup {
    html! {
        div.bulk-bar role="toolbar" aria-label=(language.say("bulk-label")) {
            span.bulk-count { (language.say("bulk-picked")) }
            @for action in ACTIONS {
                @let path = format!("/bulk/{}", action.as_str());
                @let tone = if action == Action::Delete { Tone::DangerQuiet } else { Tone::Plain };
                button.btn type="button" data-size="sm" data-variant=(tone.variant()) hx-include=".pick:checked"
                    hx-get=[action.asks_first().then_some(&path)] hx-post=[(!action.asks_first()).then_some(&path)]
                    hx-target=[action.asks_first().then_some("#dialog")] hx-swap=(if action.asks_first() { "innerHTML" } else { "none" }) {
                    (icon(action.icon())) (action.label(language))
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ids_are_taken_from_a_form() {
        let (one, two) = (DesktopId::from_u128(1), DesktopId::from_u128(2));
        assert_eq!(ids(&format!("id={one}&name=x&id={two}&id=../&id=&xid={one}")), [one, two]);
        assert!(ids("").is_empty());
    }
}
