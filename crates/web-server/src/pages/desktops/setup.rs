//! What a desktop is set up with: told in its panel, asked for in a dialog, and with a new desktop.

use axum::Form;
use axum::response::Response;
use maud::{Markup, html};
use rolltop_api_types::{SetUp, Setup, SetupState};
use rolltop_model::DesktopId;
use serde::Deserialize;

use crate::access::{Named, SignedIn};
use crate::components::control::{Ask, Field, Tone, button, fetched_section, field, state_label, trouble};
use crate::components::dialog::{Dialog, opener};
use crate::components::{Icon, time};
use crate::failure::{Failure, Fault};
use crate::language::Language;
use crate::pages::desktops::actions::given;

/// In the panel.
pub(crate) fn place(language: Language, id: DesktopId) -> Markup {
    fetched_section(language, "setup", &path_of(id), 60, "setup")
}

pub(crate) async fn show(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let setup = person.client.setup(id).await?.setup;
    Ok(content(person.language, id, setup.as_ref()))
}

fn content(language: Language, id: DesktopId, setup: Option<&Setup>) -> Markup {
    let opener = |label: &str| {
        let path = format!("/desktops/{id}/setup/edit");
        opener(Tone::Plain, true, Some(Icon::Terminal), &language.say(label), path)
    };
    let stop = Ask::Do(format!("/desktops/{id}/setup/stop"));
    html! {
        h2 { (language.say("setup")) }
        @match setup {
            None => {
                p { (language.say("setup-none")) }
                div.buttons { (opener("setup-begin")) }
            }
            Some(setup) => {
                p.setup-state {
                    (state_label(language, state(setup.state)))
                    @if let Some(at) = setup.ended_at.or(setup.started_at) { " " span.quiet { (time::ago(language, at)) } }
                }
                @if let Some(repository) = &setup.repository { p.quiet.mono { bdi { (repository) } } }
                @if setup.state == SetupState::Failed { p.problem role="alert" { span { (why(language, setup)) } } }
                @if !setup.log.is_empty() { pre.setup-log tabindex="0" aria-label=(language.say("setup-log")) { (setup.log) } }
                @if setup.state.is_over() {
                    div.buttons #setup-actions { (opener("setup-again")) }
                } @else {
                    div.buttons { (button(Tone::Plain, true, Some(Icon::Square), &language.say("setup-stop"), &stop)) }
                    div #setup-poll hidden hx-get=(path_of(id)) hx-trigger="every 2s" hx-target="#setup" hx-swap="innerMorph" {}
                }
            }
        }
    }
}

/// Why it failed. The API says it in English.
pub(crate) fn why(language: Language, setup: &Setup) -> String {
    match (language, &setup.detail) {
        (Language::English, Some(detail)) => detail.clone(),
        (Language::English | Language::French, _) => language.say("setup-failed-why"),
    }
}

const fn state(state: SetupState) -> (&'static str, Icon, &'static str) {
    match state {
        SetupState::Waiting => ("setup-waiting", Icon::Timer, "pending"),
        SetupState::Running => ("setup-running", Icon::Loader, "booting"),
        SetupState::Done => ("setup-done", Icon::Done, "running"),
        SetupState::Failed => ("setup-failed", Icon::Alert, "failed"),
    }
}

/// A setup as a form has it.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Input {
    #[serde(default)]
    pub repository: String,
    #[serde(default)]
    pub branch: String,
    #[serde(default)]
    pub script: String,
}

impl Input {
    /// What is asked for; `None` where nothing is.
    pub fn wanted(&self) -> Option<SetUp> {
        let (repository, branch) = (given(&self.repository), given(&self.branch));
        let script = given(&self.script).map(|_| self.script.clone());
        let is_something = repository.is_some() || branch.is_some() || script.is_some();
        is_something.then_some(SetUp { repository, branch, script })
    }
}

/// The fields, with what is wrong with one of them, which the API calls by its name after `prefix`.
pub(crate) fn fields(language: Language, answer: &Input, fault: &Fault, prefix: &str) -> Markup {
    let wrong = |name: &str| fault.at(&format!("{prefix}{name}"));
    let repository = Field {
        hint: Some("setup-repository-hint"),
        problem: wrong("repository"),
        required: false,
        kind: "url",
        ..Field::text("setup-repository", "repository", "setup-repository", &answer.repository)
    };
    let branch = Field {
        problem: wrong("branch"),
        required: false,
        ..Field::text("setup-branch", "branch", "setup-branch", &answer.branch)
    };
    let script = Field {
        hint: Some("setup-script-hint"),
        problem: wrong("script"),
        rows: Some(6),
        ..Field::text("setup-script", "script", "setup-script", &answer.script)
    };
    html! { @for one in [repository, branch, script] { (field(language, &one)) } }
}

pub(crate) async fn edit(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Markup, Failure> {
    let known = person.client.setup(id).await?.setup.map(|setup| setup.again()).unwrap_or_default();
    let text = Option::unwrap_or_default;
    let answer =
        Input { repository: text(known.repository), branch: text(known.branch), script: text(known.script) };
    Ok(dialog(person.language, id).show(&body(person.language, &answer, &Fault::default())))
}

pub(crate) async fn stop(person: SignedIn, Named(id): Named<DesktopId>) -> Result<Response, Failure> {
    person.client.stop_setup(id).await?;
    Ok(person.done("setup-stopping", ""))
}

fn path_of(id: DesktopId) -> String {
    format!("/desktops/{id}/setup")
}

fn dialog(language: Language, id: DesktopId) -> Dialog {
    Dialog::settings(language, "set-up", "setup-title", path_of(id))
}

pub(crate) async fn set(
    person: SignedIn,
    Named(id): Named<DesktopId>,
    Form(answer): Form<Input>,
) -> Result<Response, Failure> {
    let language = person.language;
    match person.client.set_up(id, &answer.wanted().unwrap_or_default()).await {
        Ok(_) => Ok(person.done("setup-asked", "")),
        Err(error) => {
            let fault = Fault::of(language, error, &[])?;
            Ok(dialog(language, id).refused(fault.status, &body(language, &answer, &fault)))
        }
    }
}

fn body(language: Language, answer: &Input, fault: &Fault) -> Markup {
    html! {
        (trouble(fault.elsewhere(&["repository", "branch", "script"])))
        (fields(language, answer, fault, ""))
        p.quiet { (language.say("setup-text")) }
    }
}
