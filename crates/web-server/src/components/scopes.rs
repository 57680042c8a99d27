//! Scopes as people understand them: in groups, by what they allow.

use maud::{Markup, html};
use rolltop_api_types::Scope;

use crate::language::Language;

/// To look on.
pub(crate) const WATCH: &[Scope] = &[Scope::DesktopsRead];
/// To work with desktops that are there.
pub(crate) const USE: &[Scope] =
    &[Scope::DesktopsRead, Scope::DesktopsControl, Scope::FilesRead, Scope::FilesWrite, Scope::Exec];

/// What they allow is not there yet, so nobody is asked about them; a key that has them may have them.
const TO_COME: &[Scope] = &[Scope::TasksRead, Scope::TasksWrite];

/// Every scope that allows something, in one group.
pub(crate) const GROUPS: &[(&str, &[Scope])] = &[
    ("desktops", &[Scope::DesktopsRead, Scope::DesktopsControl, Scope::DesktopsWrite]),
    ("inside", &[Scope::FilesRead, Scope::FilesWrite, Scope::Exec, Scope::DesktopsExport]),
    ("account", &[Scope::KeysRead, Scope::KeysWrite, Scope::BillingRead, Scope::Account]),
    ("host", &[Scope::HostRead, Scope::Admin]),
];

fn is_there(scope: &Scope) -> bool {
    !TO_COME.contains(scope)
}

/// One scope in a few words.
pub(crate) fn meaning(language: Language, scope: Scope) -> String {
    language.say(&format!("scope-{}", scope.as_str().replace(':', "-")))
}

/// All of them in one line: a name that people know, or how many.
pub(crate) fn summary(language: Language, scopes: &[Scope]) -> Markup {
    let scopes: Vec<Scope> = scopes.iter().copied().filter(is_there).collect();
    let same = |known: &[Scope]| {
        let mut known = known.iter().copied().filter(is_there);
        known.clone().count() == scopes.len() && known.all(|one| scopes.contains(&one))
    };
    let names = scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>().join(", ");
    let known = [(Scope::ALL, "preset-all"), (USE, "preset-use"), (WATCH, "preset-watch")];
    match known.into_iter().find(|(known, _)| same(known)) {
        Some((_, key)) => html! { span title=(names) { (language.say(key)) } },
        None => html! { span.scope-names { @for scope in &scopes { code { (scope.as_str()) } " " } } },
    }
}

/// Each of them with what it allows, for whoever has to decide.
pub(crate) fn listed(language: Language, scopes: &[Scope]) -> Markup {
    html! {
        ul.scope-list {
            @for (group, members) in GROUPS {
                @let granted: Vec<_> = members.iter().filter(|scope| scopes.contains(scope)).collect();
                @if !granted.is_empty() {
                    li {
                        strong { (language.say(&format!("scopes-{group}"))) }
                        " " (granted.iter().map(|scope| meaning(language, **scope)).collect::<Vec<_>>().join(" · "))
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_scope_is_in_one_group_and_can_be_said() {
        for scope in Scope::ALL {
            let groups = GROUPS.iter().filter(|(_, members)| members.contains(scope)).count();
            assert_eq!(groups, usize::from(is_there(scope)), "{scope:?}");
            for language in Language::ALL {
                let key = format!("scope-{}", scope.as_str().replace(':', "-"));
                assert_eq!(language.maybe(&key).is_some(), is_there(scope), "{key}");
            }
        }
    }
}
