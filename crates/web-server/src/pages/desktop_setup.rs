//! What a desktop is set up with: told in its panel, asked for in a dialog, and with a new desktop.

use axum::Form;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use rolltop_api_types::{SetUp, Setup, SetupState};
use rolltop_model::DesktopId;
use serde::Deserialize;

use super::actions::id;
use crate::access::SignedIn;
use crate::components::control::{Area, Ask, Field, Notice, Tone, area, button, field, notice};
use crate::components::{Icon, dialog, icon_with, time, toast};
use crate::failure::{Failure, sentence};
use crate::language::Language;

/// In the panel: filled once it is looked at, and kept true.
pub(super) fn place(language: Language, id: DesktopId) -> Markup {
    html! {
        section.panel-section #setup hx-morph-skip hx-get=(path_of(id))
            hx-trigger="intersect once, every 60s, rolltop:done from:document" hx-swap="innerMorph" {
            h2 { (language.say("setup")) }
        }
    }
}

pub(crate) async fn show(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let id = id(&path)?;
    let setup = person.client.setup(id).await?.setup;
    Ok(content(person.language, id, setup.as_ref()))
}

fn content(language: Language, id: DesktopId, setup: Option<&Setup>) -> Markup {
    let opener = |label: &str| {
        let label = language.say(label);
        button(
            Tone::Plain,
            true,
            Some(Icon::Terminal),
            &label,
            &Ask::Dialog(&format!("/desktops/{id}/setup/edit")),
        )
    };
    html! {
        h2 { (language.say("setup")) }
        @match setup {
            None => {
                p { (language.say("setup-none")) }
                div.buttons { (opener("setup-begin")) }
            }
            Some(setup) => {
                p.setup-state {
                    (state(language, setup.state))
                    @if let Some(at) = setup.ended_at.or(setup.started_at) { " " span.quiet { (time::ago(language, at)) } }
                }
                @if let Some(repository) = &setup.repository { p.quiet.mono { bdi { (repository) } } }
                @if setup.state == SetupState::Failed { p.problem role="alert" { span { (why(language, setup)) } } }
                @if !setup.log.is_empty() { pre.setup-log tabindex="0" aria-label=(language.say("setup-log")) { (setup.log) } }
                @if setup.state.is_over() {
                    div.buttons #setup-actions { (opener("setup-again")) }
                } @else {
                    div.buttons {
                        (button(Tone::Plain, true, Some(Icon::Square), &language.say("setup-stop"), &Ask::Do(&format!("/desktops/{id}/setup/stop"))))
                    }
                    div #setup-poll hidden hx-get=(path_of(id)) hx-trigger="every 2s" hx-target="#setup" hx-swap="innerMorph" {}
                }
            }
        }
    }
}

/// Why it failed. The API says it in English.
pub(super) fn why(language: Language, setup: &Setup) -> String {
    match (language, &setup.detail) {
        (Language::English, Some(detail)) => detail.clone(),
        (Language::English | Language::French, _) => language.say("setup-failed-why"),
    }
}

fn state(language: Language, state: SetupState) -> Markup {
    let (word, picture, colour) = match state {
        SetupState::Waiting => ("setup-waiting", Icon::Timer, "pending"),
        SetupState::Running => ("setup-running", Icon::Loader, "booting"),
        SetupState::Done => ("setup-done", Icon::Done, "running"),
        SetupState::Failed => ("setup-failed", Icon::Alert, "failed"),
    };
    html! {
        span.state data-state=(colour) {
            (icon_with(picture, state == SetupState::Running, false))
            (language.say(word))
        }
    }
}

/// A setup as a form has it.
#[derive(Debug, Default, Clone, Deserialize)]
pub(crate) struct Answer {
    #[serde(default)]
    pub repository: String,
    #[serde(default)]
    pub branch: String,
    #[serde(default)]
    pub script: String,
}

impl Answer {
    /// What is asked for; `None` where nothing is.
    pub fn wanted(&self) -> Option<SetUp> {
        let given = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let (repository, branch) = (given(&self.repository), given(&self.branch));
        let script = given(&self.script).map(|_| self.script.clone());
        let is_something = repository.is_some() || branch.is_some() || script.is_some();
        is_something.then_some(SetUp { repository, branch, script })
    }
}

/// The fields, with what is wrong with one of them.
pub(super) fn fields(language: Language, answer: &Answer, problem: Option<(&str, &str)>) -> Markup {
    let say = |key| language.say(key);
    let (repository, branch, script) = (say("setup-repository"), say("setup-branch"), say("setup-script"));
    let (repository_hint, script_hint) = (say("setup-repository-hint"), say("setup-script-hint"));
    let wrong = |name: &str| problem.filter(|(field, _)| *field == name).map(|(_, text)| text);
    html! {
        (field(&Field {
            hint: Some(&repository_hint), problem: wrong("repository"), required: false, kind: "url",
            ..Field::text("setup-repository", "repository", &repository, &answer.repository)
        }))
        (field(&Field {
            problem: wrong("branch"), required: false,
            ..Field::text("setup-branch", "branch", &branch, &answer.branch)
        }))
        (area(&Area {
            id: "setup-script", name: "script", label: &script, value: &answer.script, rows: 6,
            hint: Some(&script_hint), problem: wrong("script"),
        }))
    }
}

pub(crate) async fn edit(person: SignedIn, Path(path): Path<String>) -> Result<Markup, Failure> {
    let id = id(&path)?;
    let known = person.client.setup(id).await?.setup.map(|setup| setup.again()).unwrap_or_default();
    let text = Option::unwrap_or_default;
    let answer =
        Answer { repository: text(known.repository), branch: text(known.branch), script: text(known.script) };
    Ok(dialog(&path_of(id)).show(person.language, &body(person.language, &answer, None, None)))
}

pub(crate) async fn stop(person: SignedIn, Path(path): Path<String>) -> Result<Response, Failure> {
    person.client.stop_setup(id(&path)?).await?;
    let toast = toast::done(person.language, &person.language.say("setup-stopping"));
    Ok(([("hx-trigger", "rolltop:done")], toast).into_response())
}

fn path_of(id: DesktopId) -> String {
    format!("/desktops/{id}/setup")
}

fn dialog(action: &str) -> dialog::Settings<'_> {
    dialog::Settings { id: "set-up", title: "setup-title", action }
}

pub(crate) async fn set(
    person: SignedIn,
    Path(path): Path<String>,
    Form(answer): Form<Answer>,
) -> Result<Response, Failure> {
    let (id, language) = (id(&path)?, person.language);
    match person.client.set_up(id, &answer.wanted().unwrap_or_default()).await {
        Ok(_) => {
            let toast = toast::done(language, &language.say("setup-asked"));
            Ok(([("hx-trigger", "rolltop:done")], toast).into_response())
        }
        Err(error) => {
            let Some(problem) = error.problem().filter(|problem| problem.status < 500) else {
                return Err(error.into());
            };
            let text = sentence(language, &error);
            let body = match problem.errors.first() {
                Some(wrong) => body(language, &answer, Some((&wrong.field, &text)), None),
                None => body(language, &answer, None, Some(&text)),
            };
            Ok(dialog(&path_of(id)).refused(language, &body))
        }
    }
}

fn body(language: Language, answer: &Answer, problem: Option<(&str, &str)>, all: Option<&str>) -> Markup {
    html! {
        @if let Some(text) = all { (notice(Notice::Error, &html! { (text) })) }
        (fields(language, answer, problem))
        p.quiet { (language.say("setup-text")) }
    }
}
