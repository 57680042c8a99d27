//! Making templates of desktops, by way of their builders.
//!
//! A builder is a fork like any other until it runs. Then it is cleaned, its disk becomes the template, and it goes. Its
//! own door key and host key become the way into what is made of the template, so nobody else ever had them.

use std::time::Duration;

use rolltop_engine::{Bootstrap, SaveTemplateRequest};
use rolltop_model::{Command, Desired, DesktopState, FailReason, SavedTemplateState, StopReason};
use rolltop_store::{AccessEntry, By, Desktop, SavedTemplate, StoreError};

use super::fault::{Fault, chain};
use super::perform::ask;
use crate::clock;
use crate::control::Inner;

/// All of a disk is copied, twice.
const DEADLINE: Duration = Duration::from_secs(1800);

/// Goes on with the template that a desktop at rest is the builder of, if it is one.
pub(super) async fn carry_on(inner: &Inner, desktop: &Desktop) -> Result<(), Fault> {
    if desktop.origin.is_none() || desktop.record.desired == Desired::Destroyed {
        return Ok(());
    }
    let Some(template) = inner.store.template_of_builder(desktop.id).await? else { return Ok(()) };
    let version = &template.new.version;
    let failed = |why: &str| tracing::warn!(%version, why, "a template was not made");
    let outcome = match (template.state, desktop.record.state) {
        (SavedTemplateState::Saving, DesktopState::Running) => make(inner, desktop, &template).await,
        (SavedTemplateState::Saving, DesktopState::Failed(reason)) => {
            Err(Fault::wrong_because(reason, reason.sentence()))
        }
        (
            SavedTemplateState::Saving,
            DesktopState::Stopped(StopReason::HostRestarted) | DesktopState::Suspended,
        ) => {
            command(inner, desktop, Command::Start).await;
            return Ok(());
        }
        (SavedTemplateState::Saving, DesktopState::Stopped(_)) => {
            Err(Fault::wrong_because(FailReason::StartFailed, "it was stopped in the middle"))
        }
        (SavedTemplateState::Saving, _) => return Ok(()),
        (SavedTemplateState::Ready | SavedTemplateState::Failed | SavedTemplateState::Deleting, _) => {
            command(inner, desktop, Command::Destroy).await;
            return Ok(());
        }
    };
    match outcome {
        Ok(()) => {
            inner.templates.forget().await;
            supersede(inner, &template).await?;
            inner.store.set_saved_template(version, SavedTemplateState::Ready, None).await?;
            tracing::info!(%version, "a template was made");
        }
        Err(Fault::Wrong { reason, why, .. }) => {
            failed(&why);
            let sentence = match reason {
                FailReason::DiskFull | FailReason::NoMemory => reason.sentence(),
                _ => "The desktop could not be made a template; try again.",
            };
            inner.store.set_saved_template(version, SavedTemplateState::Failed, Some(sentence)).await?;
        }
        Err(fault) => return Err(fault),
    }
    command(inner, desktop, Command::Destroy).await;
    Ok(())
}

async fn make(inner: &Inner, desktop: &Desktop, template: &SavedTemplate) -> Result<(), Fault> {
    let entry = AccessEntry { at: clock::now(), why: "template".to_owned(), who: "platform".to_owned() };
    inner.store.log_access(desktop.id, desktop.workspace, entry).await?;
    let wrong =
        |error: &(dyn std::error::Error + 'static)| Fault::wrong(FailReason::PersonaliseFailed, error);
    let door = inner.doors.door(desktop.id).await.map_err(|error| wrong(&error))?;
    door.clean(&template.new.keep).await.map_err(|error| wrong(&error))?;
    let identity = inner.store.identity(desktop.id).await?;
    let Some((private_key, host_key)) = identity.and_then(|known| Some((known.door_key, known.host_key?)))
    else {
        return Err(Fault::wrong_because(FailReason::PersonaliseFailed, "the way into it is not known"));
    };
    let request = SaveTemplateRequest {
        desktop: desktop.id,
        fence: desktop.fence,
        version: template.new.version.clone(),
        title: template.new.title.clone(),
        description: template.new.description.clone(),
        bootstrap: Bootstrap { private_key, host_key },
    };
    ask(DEADLINE, inner.engine.images()?.save_template(&request)).await
}

/// Earlier versions of the workspace's own template go once nothing needs them.
async fn supersede(inner: &Inner, template: &SavedTemplate) -> Result<(), StoreError> {
    let is_earlier = |other: &SavedTemplate| {
        other.new.workspace == template.new.workspace
            && other.new.version.name() == template.new.version.name()
            && other.new.version != template.new.version
            && matches!(other.state, SavedTemplateState::Ready | SavedTemplateState::Failed)
    };
    for earlier in inner.store.saved_templates().await?.into_iter().filter(is_earlier) {
        inner.store.set_saved_template(&earlier.new.version, SavedTemplateState::Deleting, None).await?;
    }
    Ok(())
}

async fn command(inner: &Inner, desktop: &Desktop, command: Command) {
    if let Err(error) = inner.command(desktop.id, command, By::ROLLTOP, None).await {
        tracing::warn!(desktop = %desktop.id, error = chain(&error), "a builder does not do as it is told");
    }
}

/// Removes templates that are to go and that nothing needs any more.
pub(super) async fn tidy(inner: &Inner) {
    let Ok(images) = inner.engine.images() else { return };
    let saved = match inner.store.saved_templates().await {
        Ok(saved) => saved,
        Err(error) => return tracing::warn!(error = chain(&error), "the saved templates can't be read"),
    };
    for template in saved.into_iter().filter(|saved| saved.state == SavedTemplateState::Deleting) {
        let version = &template.new.version;
        if let Err(error) = images.remove_template(version).await {
            tracing::debug!(%version, %error, "a template stays");
            continue;
        }
        inner.templates.forget().await;
        match inner.store.forget_saved_template(version).await {
            Ok(()) => tracing::info!(%version, "a template was removed"),
            Err(error) => tracing::warn!(%version, error = chain(&error), "a template's row stays"),
        }
    }
}
