//! What a person fills in for a new API key, and what is made of it.

use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use rolltop_api_types::{CreateApiKey, Desktop, Scope};
use rolltop_model::DesktopId;

use crate::components::control::{Field, field, problem, trouble};
use crate::components::scopes;
use crate::failure::Fault;
use crate::language::Language;

/// What a key may do, as people think of it.
const PRESETS: [&str; 4] = ["use", "watch", "all", "custom"];
/// Days until a key ends, with the words for them; 0 for never.
const LIVES: [&str; 5] = ["7", "30", "90", "365", "0"];

/// As it was filled in.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Input {
    name: String,
    preset: String,
    scopes: Vec<String>,
    days: String,
    desktop: String,
}

impl Default for Input {
    fn default() -> Self {
        Self {
            name: String::new(),
            preset: "use".to_owned(),
            scopes: scopes::USE.iter().map(|scope| scope.as_str().to_owned()).collect(),
            days: "90".to_owned(),
            desktop: String::new(),
        }
    }
}

impl Input {
    /// A form has one pair per ticked scope, which serde's forms can't gather.
    pub fn read(form: &[u8]) -> Self {
        let mut answer = Input { scopes: Vec::new(), ..Input::default() };
        for (name, value) in form_urlencoded::parse(form) {
            match name.as_ref() {
                "name" => answer.name = value.trim().to_owned(),
                "preset" => answer.preset = value.into_owned(),
                "scope" => answer.scopes.push(value.into_owned()),
                "days" => answer.days = value.into_owned(),
                "desktop" => answer.desktop = value.into_owned(),
                _ => {}
            }
        }
        answer
    }

    /// `held` is what the person has; a key can't have more. Else the field at fault, and the key of what is wrong.
    pub fn wanted(
        &self,
        held: &[Scope],
        now: Timestamp,
    ) -> Result<CreateApiKey, (&'static str, &'static str)> {
        let scopes: Vec<Scope> = match self.preset.as_str() {
            "watch" => scopes::WATCH.to_vec(),
            "use" => scopes::USE.to_vec(),
            "all" => held.to_vec(),
            _ => {
                let ticked = |scope: &Scope| self.scopes.iter().any(|name| name == scope.as_str());
                Scope::ALL.iter().copied().filter(ticked).collect()
            }
        };
        if self.name.is_empty() {
            return Err(("name", "api-name-problem"));
        }
        if scopes.is_empty() {
            return Err(("scopes", "api-no-scopes"));
        }
        let days: i64 = self.days.parse().unwrap_or(90);
        let life = SignedDuration::from_hours(days.clamp(0, 3650).saturating_mul(24));
        let desktop = match self.desktop.as_str() {
            "" => None,
            id => Some(id.parse::<DesktopId>().map_err(|_| ("desktop", "problem-unknown_desktop"))?),
        };
        let expires_at = (days > 0).then(|| now.checked_add(life).unwrap_or(now));
        Ok(CreateApiKey { name: self.name.clone(), scopes, desktop, expires_at })
    }
}

pub(crate) fn form_body(language: Language, answer: &Input, desktops: &[Desktop], fault: &Fault) -> Markup {
    let name = Field {
        hint: Some("api-name-hint"),
        problem: fault.at("name"),
        autofocus: true,
        ..Field::text("api-key-name", "name", "field-name", &answer.name)
    };
    html! {
        (trouble(fault.elsewhere(&["name", "scopes"])))
        (field(language, &name))
        fieldset.choice-group {
            legend { (language.say("column-may")) }
            div.choices data-columns="2" {
                @for preset in PRESETS { (preset_choice(language, preset, answer.preset == preset)) }
            }
            div.scope-groups { (ticks(language, answer)) }
            (problem(fault.at("scopes")))
        }
        div.field-row {
            (select("api-key-desktop", "desktop", &language.say("api-reach"), &html! {
                option value="" selected[answer.desktop.is_empty()] { (language.say("api-all-desktops")) }
                @for desktop in desktops {
                    option value=(desktop.id) selected[answer.desktop == desktop.id.to_string()] { (desktop.name) }
                }
            }))
            (select("api-key-days", "days", &language.say("column-expires"), &html! {
                @for days in LIVES {
                    option value=(days) selected[answer.days == days] { (language.say(&format!("api-life-{days}"))) }
                }
            }))
        }
    }
}

fn preset_choice(language: Language, preset: &str, chosen: bool) -> Markup {
    html! {
        label.choice {
            input type="radio" name="preset" id={ "preset-" (preset) } value=(preset) checked[chosen];
            span.title { (language.say(&format!("preset-{preset}"))) }
            span.detail { (language.say(&format!("preset-{preset}-text"))) }
        }
    }
}

/// Each scope by itself; shown while `custom` is chosen.
fn ticks(language: Language, answer: &Input) -> Markup {
    html! {
        @for (group, members) in scopes::GROUPS {
            fieldset.scope-group {
                legend { (language.say(&format!("scopes-{group}"))) }
                @for scope in *members {
                    label.tick {
                        input type="checkbox" name="scope" id={ "scope-" (scope.as_str()) } value=(scope.as_str())
                            checked[answer.scopes.iter().any(|name| name == scope.as_str())];
                        span { (scopes::meaning(language, *scope)) " " code { (scope.as_str()) } }
                    }
                }
            }
        }
    }
}

fn select(id: &str, name: &str, label: &str, options: &Markup) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            select.select id=(id) name=(name) autocomplete="off" { (options) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now() -> Timestamp {
        "2030-01-01T00:00:00Z".parse().unwrap()
    }

    #[test]
    fn a_preset_is_its_scopes_whatever_is_ticked() {
        let answer = Input::read(b"name=+ci+&preset=watch&scope=admin&days=7&desktop=");
        let wanted = answer.wanted(Scope::ALL, now()).unwrap();
        assert_eq!((wanted.name.as_str(), wanted.scopes), ("ci", scopes::WATCH.to_vec()));
        assert_eq!(wanted.expires_at, Some("2030-01-08T00:00:00Z".parse().unwrap()));
        let all = Input::read(b"name=ci&preset=all&days=0").wanted(&[Scope::Exec], now()).unwrap();
        assert_eq!((all.scopes, all.expires_at), (vec![Scope::Exec], None), "no more than is held");
    }

    #[test]
    fn what_is_ticked_counts_where_it_is_chosen() {
        let answer = Input::read(b"name=ci&preset=custom&scope=files%3Aread&scope=exec&scope=nonsense");
        let wanted = answer.wanted(Scope::ALL, now()).unwrap();
        assert_eq!(wanted.scopes, [Scope::FilesRead, Scope::Exec]);
        let none = Input::read(b"name=ci&preset=custom").wanted(Scope::ALL, now()).unwrap_err();
        assert_eq!(none, ("scopes", "api-no-scopes"));
        let nameless = Input::read(b"preset=use").wanted(Scope::ALL, now()).unwrap_err();
        assert_eq!(nameless, ("name", "api-name-problem"));
    }
}
