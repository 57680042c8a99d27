//! Making templates of desktops, by way of their builders.
//!
//! A builder is a fork like any other until it runs. Then it is cleaned, its disk becomes the template, and it goes. Its
//! own door key and host key become the way into what is made of the template, so nobody else ever had them.

use std::time::Duration;

use rolltop_engine::{Bootstrap, EngineError, SaveTemplateRequest};
use rolltop_model::{
    Actor, Command, Desired, DesktopState, FailReason, SavedTemplateState, StopReason, TemplateVersion,
};
use rolltop_store::{AccessEntry, By, Desktop, SavedTemplate, StoreError};

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::engine::ask;
use crate::kernel::fault::{Fault, chain};
use crate::kernel::jobs::{Then, Tried};
use crate::templates::list::Templates;
use rolltop_model::DesktopId;

/// All of a disk is copied, twice.
const DEADLINE: Duration = Duration::from_secs(1800);

/// How often it is looked at.
const EVERY: Duration = Duration::from_secs(2);

/// Goes on with the template that a desktop at rest is the builder of, if it is one.
pub(crate) async fn carry_on(kernel: &Kernel, desktop: &Desktop) -> Result<(), Fault> {
    if desktop.origin.is_none() || desktop.record.desired == Desired::Destroyed {
        return Ok(());
    }
    let Some(template) = kernel.store.template_of_builder(desktop.id).await? else { return Ok(()) };
    let version = &template.version;
    let failed = |why: &str| tracing::warn!(%version, why, "a template was not made");
    let outcome = match (template.state, desktop.record.state) {
        (SavedTemplateState::Saving, DesktopState::Running) => make(kernel, desktop, &template).await,
        (SavedTemplateState::Saving, DesktopState::Failed(reason)) => {
            Err(Fault::wrong_because(reason, reason.sentence()))
        }
        (
            SavedTemplateState::Saving,
            DesktopState::Stopped(StopReason::HostRestarted) | DesktopState::Suspended,
        ) => {
            command(kernel, desktop, Command::Start).await;
            return Ok(());
        }
        (SavedTemplateState::Saving, DesktopState::Stopped(_)) => {
            Err(Fault::wrong_because(FailReason::StartFailed, "it was stopped in the middle"))
        }
        (SavedTemplateState::Saving, _) => return Ok(()),
        (SavedTemplateState::Ready | SavedTemplateState::Failed | SavedTemplateState::Deleting, _) => {
            command(kernel, desktop, Command::Destroy).await;
            return Ok(());
        }
    };
    match outcome {
        Ok(()) => {
            kernel.state::<Templates>().forget().await;
            supersede(kernel, &template).await?;
            kernel.store.set_saved_template(version, SavedTemplateState::Ready, None, clock::now()).await?;
            tracing::info!(%version, "a template was made");
        }
        Err(Fault::Wrong { reason, why, .. }) => {
            failed(&why);
            let sentence = match reason {
                FailReason::DiskFull | FailReason::NoMemory => reason.sentence(),
                _ => "The desktop could not be made a template; try again.",
            };
            kernel
                .store
                .set_saved_template(version, SavedTemplateState::Failed, Some(sentence), clock::now())
                .await?;
        }
        Err(fault) => return Err(fault),
    }
    command(kernel, desktop, Command::Destroy).await;
    Ok(())
}

async fn make(kernel: &Kernel, desktop: &Desktop, template: &SavedTemplate) -> Result<(), Fault> {
    let entry = AccessEntry { at: clock::now(), why: "template".to_owned(), who: Actor::PLATFORM };
    kernel.store.log_access(desktop.id, desktop.workspace, entry).await?;
    let wrong =
        |error: &(dyn std::error::Error + 'static)| Fault::wrong(FailReason::PersonaliseFailed, error);
    let door = kernel.doors.door(desktop.id).await.map_err(|error| wrong(&error))?;
    door.clean(&template.keep).await.map_err(|error| wrong(&error))?;
    let identity = kernel.store.identity(desktop.id).await?;
    let Some((private_key, host_key)) = identity.and_then(|known| Some((known.door_key, known.host_key?)))
    else {
        return Err(Fault::wrong_because(FailReason::PersonaliseFailed, "the way into it is not known"));
    };
    let request = SaveTemplateRequest {
        desktop: desktop.id,
        fence: desktop.fence,
        version: template.version.clone(),
        title: template.title.clone(),
        description: template.description.clone(),
        bootstrap: Bootstrap { private_key, host_key },
    };
    ask(DEADLINE, kernel.engine.images()?.save_template(&request)).await
}

/// Earlier versions of the workspace's own template go once nothing needs them.
async fn supersede(kernel: &Kernel, template: &SavedTemplate) -> Result<(), StoreError> {
    let is_earlier = |other: &SavedTemplate| {
        other.workspace == template.workspace
            && other.version.name() == template.version.name()
            && other.version != template.version
            && matches!(other.state, SavedTemplateState::Ready | SavedTemplateState::Failed)
    };
    for earlier in kernel.store.saved_templates().await?.into_iter().filter(is_earlier) {
        kernel
            .store
            .set_saved_template(&earlier.version, SavedTemplateState::Deleting, None, clock::now())
            .await?;
    }
    Ok(())
}

async fn command(kernel: &Kernel, desktop: &Desktop, command: Command) {
    if let Err(error) = kernel.command(desktop.id, command, By::ROLLTOP, None).await {
        tracing::warn!(desktop = %desktop.id, error = chain(&error), "a builder does not do as it is told");
    }
}

/// Has a builder go on, until it is gone.
pub(crate) async fn look_at(kernel: &Kernel, builder: DesktopId) -> Tried {
    if kernel.store.desktop(builder).await?.is_none() {
        return Ok(Then::Over);
    }
    kernel.nudge(builder);
    Ok(Then::after(EVERY))
}

/// Removes a template that is to go, once nothing needs it any more.
pub(crate) async fn remove(kernel: &Kernel, version: TemplateVersion) -> Tried {
    let saved = kernel.store.saved_template(&version).await?;
    if saved.is_none_or(|saved| saved.state != SavedTemplateState::Deleting) {
        return Ok(Then::Over);
    }
    if let Err(error) = kernel.engine.images().map_err(EngineError::from)?.remove_template(&version).await {
        tracing::debug!(%version, %error, "a template stays");
        return Ok(Then::NotYet);
    }
    kernel.state::<Templates>().forget().await;
    kernel.store.forget_saved_template(&version).await?;
    tracing::info!(%version, "a template was removed");
    Ok(Then::Over)
}
