//! The one place that carries steps out.

use std::time::Duration;

use rolltop_engine::{DiskLayer, ForkRequest, Origin, StartRequest, SuspendRequest};
use rolltop_guest_protocol::VNC_SOCKET;
use rolltop_model::{FailReason, Observation, Silence, SilenceCause, Step};
use rolltop_store::{Desktop, Receipt};
use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};

use crate::desktops::growing;
use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::engine::{ENGINE_DEADLINE, ask};
use crate::kernel::fault::Fault;
use crate::reconcile::lighten::lighten;
use crate::reconcile::personalise;
use crate::reconcile::steps::{done, end_step, save, unless_changed};
use crate::reconcile::stillness::Stillness;
use crate::snapshots::taking::layer_of;

/// On top of the guest's own grace.
const STOP_MARGIN: Duration = Duration::from_secs(30);
/// For one that is halted, in case that it only looked so.
const HALTED_GRACE: Duration = Duration::from_secs(10);
/// How long one step tries to see a picture before others get their turn.
const SCREEN_TRY: Duration = Duration::from_secs(10);
const SCREEN_PAUSE: Duration = Duration::from_millis(250);
/// Of the console, what explains a failure.
const CONSOLE_BYTES: usize = 4096;

pub(crate) async fn perform(
    kernel: &Kernel,
    desktop: &Desktop,
    step: Step,
    observed: Observation,
) -> Result<(), Fault> {
    match step {
        Step::Rest | Step::Wait { .. } => Ok(()),
        Step::Adopt { .. } | Step::Settle(_) => save(kernel, desktop, &done(desktop, step), None).await,
        Step::Plan { .. } | Step::AcceptStop(_) => {
            kernel.hang_up(desktop.id).await;
            save(kernel, desktop, &done(desktop, step), None).await
        }
        Step::Reboot { .. } => {
            kernel.hang_up(desktop.id).await;
            tracing::info!(desktop = %desktop.id, "restarted from inside");
            let saved = kernel.store.save_rebooted(desktop, &done(desktop, step), clock::now()).await?;
            if saved { Ok(()) } else { Err(Fault::Changed) }
        }
        Step::Fail(reason) => fail(kernel, desktop, step, reason).await,
        Step::NoScreen { boot } => {
            end_step(kernel, desktop, boot, "screen", Some("No picture came in time.")).await?;
            save(kernel, desktop, &done(desktop, step), None).await
        }
        Step::Fork { boot } => fork(kernel, desktop, step, boot).await,
        Step::Start { boot } => start(kernel, desktop, step, boot).await,
        Step::Resume { boot } => resume(kernel, desktop, step, boot).await,
        Step::Suspend => suspend(kernel, desktop, step).await,
        Step::Discard => discard(kernel, desktop).await,
        Step::Personalise { boot } => personalise::personalise(kernel, desktop, step, boot, observed).await,
        Step::Release => {
            ask(ENGINE_DEADLINE, kernel.engine.release(desktop.id, desktop.fence)).await?;
            save(kernel, desktop, &done(desktop, step), None).await
        }
        Step::AwaitScreen { boot } => await_screen(kernel, desktop, step, boot).await,
        Step::Stop => {
            kernel.hang_up(desktop.id).await;
            let grace = grace(kernel.config.stop_grace, kernel.state::<Stillness>().of(desktop.id));
            ask(grace.saturating_add(STOP_MARGIN), kernel.engine.stop(desktop.id, desktop.fence, grace))
                .await?;
            save(kernel, desktop, &done(desktop, step), None).await
        }
        Step::Destroy => destroy(kernel, desktop).await,
        Step::Forget => {
            let forgotten = kernel.store.forget_desktop(desktop, clock::now()).await?;
            tracing::info!(desktop = %desktop.id, "destroyed");
            if forgotten { Ok(()) } else { Err(Fault::Lost) }
        }
    }
}

/// How long a guest is given to shut down: one whose processors do nothing at all hears no power button.
fn grace(usual: Duration, silence: Option<Silence>) -> Duration {
    match silence {
        Some(Silence { cause: SilenceCause::Halted, .. }) => usual.min(HALTED_GRACE),
        _ => usual,
    }
}

async fn fork(kernel: &Kernel, desktop: &Desktop, step: Step, boot: u32) -> Result<(), Fault> {
    kernel.hang_up(desktop.id).await;
    let desktop = begin(kernel, desktop, step, boot, "fork").await?;
    let still = kernel.sweeping.read().await;
    let from = origin(kernel, &desktop).await?;
    let over = from.as_ref().and_then(|origin| origin.disk.first()).map(|layer| layer.layer);
    let layer = kernel.store.layer_for(desktop.id, desktop.size, over, clock::now()).await?;
    let request = ForkRequest {
        desktop: desktop.id,
        fence: desktop.fence,
        boot,
        template: desktop.template.clone(),
        size: desktop.size,
        disk: layer_of(&layer),
        from,
    };
    let forked = ask(ENGINE_DEADLINE, kernel.engine.fork(&request)).await;
    drop(still);
    finish(kernel, &desktop, step, boot, "fork", forked).await
}

async fn start(kernel: &Kernel, desktop: &Desktop, step: Step, boot: u32) -> Result<(), Fault> {
    kernel.hang_up(desktop.id).await;
    let desktop = begin(kernel, desktop, step, boot, "start").await?;
    growing::before_boot(kernel, &desktop).await?;
    let disk = disk(kernel, &desktop).await?;
    let request = StartRequest { desktop: desktop.id, fence: desktop.fence, boot, disk };
    let started = ask(ENGINE_DEADLINE, kernel.engine.start(&request)).await;
    finish(kernel, &desktop, step, boot, "start", started).await
}

async fn resume(kernel: &Kernel, desktop: &Desktop, step: Step, boot: u32) -> Result<(), Fault> {
    let memory = kernel.engine.memory().map_err(|lacks| Fault::wrong(FailReason::ResumeFailed, &lacks))?;
    kernel.hang_up(desktop.id).await;
    let desktop = begin(kernel, desktop, step, boot, "resume").await?;
    let disk = disk(kernel, &desktop).await?;
    let request = StartRequest { desktop: desktop.id, fence: desktop.fence, boot, disk };
    let resumed = ask(ENGINE_DEADLINE, memory.resume(&request)).await;
    finish(kernel, &desktop, step, boot, "resume", resumed).await
}

async fn suspend(kernel: &Kernel, desktop: &Desktop, step: Step) -> Result<(), Fault> {
    let memory = kernel.engine.memory().map_err(|lacks| Fault::wrong(FailReason::SuspendFailed, &lacks))?;
    let disk = disk(kernel, desktop).await?;
    let top = disk.into_iter().next();
    let key = top.ok_or_else(|| Fault::wrong_because(FailReason::Lost, "it has no disk"))?.key;
    lighten(kernel, desktop).await;
    // Who comes from now on waits for the end of this; who came before is seen here.
    let present = kernel.store.desktop(desktop.id).await?;
    if present.is_none_or(|present| present.revision != desktop.revision) {
        return Err(Fault::Changed);
    }
    kernel.hang_up(desktop.id).await;
    let request = SuspendRequest { desktop: desktop.id, fence: desktop.fence, key };
    match ask(ENGINE_DEADLINE, memory.suspend(&request)).await {
        Err(Fault::Wrong { reason: FailReason::StartFailed, why, detail }) => {
            Err(Fault::Wrong { reason: FailReason::SuspendFailed, why, detail })
        }
        suspended => {
            suspended?;
            save(kernel, desktop, &done(desktop, step), None).await
        }
    }
}

async fn disk(kernel: &Kernel, desktop: &Desktop) -> Result<Vec<DiskLayer>, Fault> {
    let disk = kernel.store.disk_of(desktop.id).await?;
    if disk.is_empty() {
        return Err(Fault::wrong_because(FailReason::Lost, "the key of its disk is gone"));
    }
    Ok(disk.iter().map(layer_of).collect())
}

/// The snapshot that a desktop is forked from.
async fn origin(kernel: &Kernel, desktop: &Desktop) -> Result<Option<Origin>, Fault> {
    let Some(id) = desktop.origin else { return Ok(None) };
    let gone = || Fault::wrong_because(FailReason::OriginGone, "its snapshot is gone");
    let snapshot = kernel.store.snapshot(id).await?.ok_or_else(gone)?;
    let disk = kernel.store.disk_from(snapshot.layer.ok_or_else(gone)?).await?;
    Ok(Some(Origin { snapshot: id, disk: disk.iter().map(layer_of).collect() }))
}

/// Writes that a start begins before anything of it does.
async fn begin(
    kernel: &Kernel,
    desktop: &Desktop,
    step: Step,
    boot: u32,
    name: &str,
) -> Result<Desktop, Fault> {
    let record = desktop.record.begun(step);
    save(kernel, desktop, &record, None).await?;
    kernel.store.begin_step(desktop.id, desktop.workspace, boot, name, clock::now()).await?;
    Ok(Desktop { record, ..desktop.clone() })
}

async fn finish(
    kernel: &Kernel,
    desktop: &Desktop,
    step: Step,
    boot: u32,
    name: &str,
    result: Result<(), Fault>,
) -> Result<(), Fault> {
    match &result {
        Ok(()) => end_step(kernel, desktop, boot, name, None).await?,
        Err(Fault::Wrong { reason, .. }) => {
            end_step(kernel, desktop, boot, name, Some(reason.sentence())).await?;
        }
        Err(Fault::Silent(_) | Fault::Lost | Fault::Changed | Fault::NotYet | Fault::Store(_)) => {}
    }
    result?;
    save(kernel, desktop, &done(desktop, step), None).await
}

/// Takes away a machine that belongs to nobody yet, so that the next fork begins from nothing.
async fn discard(kernel: &Kernel, desktop: &Desktop) -> Result<(), Fault> {
    kernel.hang_up(desktop.id).await;
    ask(ENGINE_DEADLINE, kernel.engine.destroy(desktop.id, desktop.fence)).await?;
    if kernel.store.discard_identity(desktop, clock::now()).await? { Ok(()) } else { Err(Fault::Lost) }
}

/// Keys first: from then on what is on the disk is noise, whatever happens next.
async fn destroy(kernel: &Kernel, desktop: &Desktop) -> Result<(), Fault> {
    kernel.hang_up(desktop.id).await;
    let keys_removed_at = kernel.store.remove_keys(desktop, clock::now()).await?.ok_or(Fault::Lost)?;
    let removed = ask(ENGINE_DEADLINE, kernel.engine.destroy(desktop.id, desktop.fence)).await?;
    let receipt = Receipt {
        desktop: desktop.id,
        workspace: desktop.workspace,
        name: desktop.name.to_string(),
        keys_removed_at,
        removed_at: removed.removed_at,
        bytes: removed.bytes,
        removed: removed.removed,
    };
    if kernel.store.save_receipt(desktop, &receipt).await? { Ok(()) } else { Err(Fault::Lost) }
}

async fn fail(kernel: &Kernel, desktop: &Desktop, step: Step, reason: FailReason) -> Result<(), Fault> {
    let explained_by_console = match reason {
        FailReason::Died
        | FailReason::StartFailed
        | FailReason::DoorTimeout
        | FailReason::ResumeFailed
        | FailReason::PersonaliseFailed => true,
        FailReason::Lost
        | FailReason::TemplateGone
        | FailReason::BaseMismatch
        | FailReason::OriginGone
        | FailReason::MemoryUnusable
        | FailReason::SuspendFailed
        | FailReason::RestoreFailed
        | FailReason::NotAnswering
        | FailReason::SlowedHostDisk
        | FailReason::SlowedQuota
        | FailReason::PausedHostDisk
        | FailReason::PausedQuota
        | FailReason::DiskFull
        | FailReason::NoMemory
        | FailReason::HostUnreachable => false,
    };
    let mut detail = desktop.detail.clone();
    if detail.is_none() && explained_by_console {
        let tail = ask(ENGINE_DEADLINE, kernel.engine.console_tail(desktop.id, CONSOLE_BYTES)).await;
        detail = tail.ok().filter(|text| !text.trim().is_empty());
    }
    tracing::warn!(desktop = %desktop.id, reason = reason.as_str(), "the desktop has failed");
    save(kernel, desktop, &done(desktop, step), detail.as_deref()).await
}

/// The first picture: the VNC server answers with its banner.
async fn await_screen(kernel: &Kernel, desktop: &Desktop, step: Step, boot: u32) -> Result<(), Fault> {
    kernel.store.begin_step(desktop.id, desktop.workspace, boot, "screen", clock::now()).await?;
    let look = async {
        while !has_screen(kernel, desktop).await {
            sleep(SCREEN_PAUSE).await;
        }
    };
    let seen = unless_changed(kernel, desktop, timeout(SCREEN_TRY, look)).await?;
    seen.map_err(|_| Fault::NotYet)?;
    // Whatever it was when its memory was kept, or as a fresh one is.
    kernel.apply_screen(desktop.id).await;
    end_step(kernel, desktop, boot, "screen", None).await?;
    save(kernel, desktop, &done(desktop, step), None).await
}

async fn has_screen(kernel: &Kernel, desktop: &Desktop) -> bool {
    let attempt = async {
        let door = kernel.doors.door(desktop.id).await.ok()?;
        let mut screen = door.streamlocal(VNC_SOCKET).await.ok()?;
        let mut banner = [0u8; 12];
        screen.read_exact(&mut banner).await.ok()?;
        banner.starts_with(b"RFB ").then_some(())
    };
    attempt.await.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_halted_is_not_waited_for() {
        const USUAL: Duration = Duration::from_secs(60);
        let silence = |cause| Some(Silence { since: clock::now(), cause });
        assert_eq!(grace(USUAL, silence(SilenceCause::Halted)), HALTED_GRACE);
        assert_eq!(grace(Duration::ZERO, silence(SilenceCause::Halted)), Duration::ZERO);
        // It may hear the power button, and what runs in it has something to save.
        for other in [None, silence(SilenceCause::Processes), silence(SilenceCause::Unknown)] {
            assert_eq!(grace(USUAL, other), USUAL);
        }
    }
}
