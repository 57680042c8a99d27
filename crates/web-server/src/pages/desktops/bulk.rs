//! The same thing done with several desktops. Stopping and deleting ask first, naming each.

use axum::extract::{RawForm, RawQuery};
use axum::response::Response;
use maud::{Markup, html};
use rolltop_api_types::Desktop;
use rolltop_model::DesktopId;

use crate::access::{Named, SignedIn};
use crate::components::control::{Ask, Tone, button};
use crate::components::dialog::Dialog;
use crate::components::toast;
use crate::failure::{Failure, sentence};
use crate::language::Language;
use crate::pages::desktops::actions::{Input, for_good, perform};
use crate::view::{Action, lacks};

/// Desktops at most in one request.
const MOST: usize = 200;
/// What can be done with several at once.
pub(crate) const ACTIONS: [Action; 4] = [Action::Start, Action::Suspend, Action::Stop, Action::Delete];

fn offered(action: Action) -> Result<Action, Failure> {
    if ACTIONS.contains(&action) { Ok(action) } else { Err(Failure::NotFound) }
}

/// Every `id=` of a form or query. An id has no characters that would be encoded.
fn ids(text: &str) -> Vec<DesktopId> {
    text.split('&').filter_map(|pair| pair.strip_prefix("id=")?.parse().ok()).take(MOST).collect()
}

pub(crate) async fn ask(
    person: SignedIn,
    Named(action): Named<Action>,
    RawQuery(query): RawQuery,
) -> Result<Markup, Failure> {
    let name = offered(action)?.as_str();
    let mut desktops = Vec::new();
    for id in ids(&query.unwrap_or_default()) {
        // One that is gone by now needs no asking.
        desktops.extend(person.client.desktop(id).await.ok());
    }
    let is_kept = desktops.iter().all(|desktop| lacks(desktop, "layers").is_none());
    let language = person.language;
    let count = u64::try_from(desktops.len()).unwrap_or(u64::MAX);
    let dialog = Dialog {
        language,
        id: "ask",
        title: language.count(&format!("ask-bulk-{name}"), count),
        action: format!("/bulk/{name}"),
        submit: language.count(&format!("confirm-bulk-{name}"), count),
        tone: if action == Action::Delete { Tone::Danger } else { Tone::Primary },
        wide: false,
    };
    Ok(dialog.show(&body(language, action, &desktops, is_kept)))
}

pub(crate) async fn submit(
    person: SignedIn,
    Named(action): Named<Action>,
    RawForm(form): RawForm,
) -> Result<Response, Failure> {
    let name = offered(action)?.as_str();
    let language = person.language;
    let (mut done, mut refused) = (0_u64, None);
    let form = String::from_utf8_lossy(&form);
    let for_good = form.split('&').any(|pair| pair.starts_with("for_good=")).then(String::new);
    let answer = Input { for_good, ..Input::default() };
    for id in ids(&form) {
        match perform(&person, id, action, &answer).await {
            Ok(_) => done += 1,
            Err(error) => refused = Some(error),
        }
    }
    Ok(toast::finished(html! {
        @if done > 0 { (toast::done(language, &language.count(&format!("done-bulk-{name}"), done), None)) }
        @if let Some(error) = &refused { (toast::error(language, &sentence(language, error))) }
    }))
}

/// `is_kept`: what each is now is kept for a day, as their engine can do that.
fn body(language: Language, action: Action, desktops: &[Desktop], is_kept: bool) -> Markup {
    let for_good_only = if action == Action::Stop && !is_kept { "-for-good" } else { "" };
    html! {
        @for desktop in desktops { input type="hidden" name="id" value=(desktop.id); }
        p { (language.say(&format!("warn-bulk-{}{for_good_only}", action.as_str()))) }
        ul.losses { @for desktop in desktops { li { bdi { (desktop.name) } } } }
        @if action == Action::Delete && is_kept {
            p { (language.say("warn-bulk-delete-kept")) }
            (for_good(language))
        }
    }
}

/// The bar that comes when something is picked, with what at least one of the desktops can. The style sheet counts and shows it.
pub(crate) fn bar(language: Language, desktops: &[Desktop]) -> Markup {
    let offered = |action: &Action| desktops.iter().any(|desktop| action.is_possible(desktop));
    html! {
        div.bulk-bar role="toolbar" aria-label=(language.say("bulk-label")) hx-include:inherited=".pick:checked" {
            span.bulk-count { (language.say("bulk-picked")) }
            @for action in ACTIONS.into_iter().filter(offered) {
                @let tone = if action == Action::Delete { Tone::DangerQuiet } else { Tone::Plain };
                @let ask = Ask::new(action.asks_first(), format!("/bulk/{}", action.as_str()));
                (button(tone, true, Some(action.icon()), &action.label(language), &ask))
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
