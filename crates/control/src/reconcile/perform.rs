//! The one place that carries steps out.

use std::time::Duration;

use rolltop_engine::{DiskLayer, EngineError, ForkRequest, Origin, StartRequest, SuspendRequest};
use rolltop_guest_protocol::VNC_SOCKET;
use rolltop_model::{DesktopState, FailReason, Observation, Record, Silence, SilenceCause, Step};
use rolltop_store::{Desktop, Receipt, StoreError};
use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};

use super::fault::Fault;
use super::lighten::lighten;
use super::personalise;
use super::resize;
use super::snapshots::layer_of;
use crate::clock;
use crate::control::Inner;

/// For the engine to bring a machine up or take it away, under the load of many.
pub(super) const ENGINE_DEADLINE: Duration = Duration::from_secs(120);
/// On top of the guest's own grace.
const STOP_MARGIN: Duration = Duration::from_secs(30);
/// For one that is halted, in case that it only looked so.
const HALTED_GRACE: Duration = Duration::from_secs(10);
/// How long one step tries to see a picture before others get their turn.
const SCREEN_TRY: Duration = Duration::from_secs(10);
const SCREEN_PAUSE: Duration = Duration::from_millis(250);
/// Of the console, what explains a failure.
const CONSOLE_BYTES: usize = 4096;

pub(super) async fn perform(
    inner: &Inner,
    desktop: &Desktop,
    step: Step,
    observed: Observation,
) -> Result<(), Fault> {
    match step {
        Step::Rest | Step::Wait { .. } => Ok(()),
        Step::Adopt { .. } | Step::Settle(_) => save(inner, desktop, &done(desktop, step), None).await,
        Step::Plan { .. } | Step::AcceptStop(_) => {
            inner.hang_up(desktop.id).await;
            save(inner, desktop, &done(desktop, step), None).await
        }
        Step::Reboot { .. } => {
            inner.hang_up(desktop.id).await;
            tracing::info!(desktop = %desktop.id, "restarted from inside");
            let saved = inner.store.save_rebooted(desktop, &done(desktop, step), clock::now()).await?;
            if saved { Ok(()) } else { Err(Fault::Changed) }
        }
        Step::Fail(reason) => fail(inner, desktop, step, reason).await,
        Step::NoScreen { boot } => {
            end_step(inner, desktop, boot, "screen", Some("No picture came in time.")).await?;
            save(inner, desktop, &done(desktop, step), None).await
        }
        Step::Fork { boot } => fork(inner, desktop, step, boot).await,
        Step::Start { boot } => start(inner, desktop, step, boot).await,
        Step::Resume { boot } => resume(inner, desktop, step, boot).await,
        Step::Suspend => suspend(inner, desktop, step).await,
        Step::Discard => discard(inner, desktop).await,
        Step::Personalise { boot } => personalise::personalise(inner, desktop, step, boot, observed).await,
        Step::Release => {
            ask(ENGINE_DEADLINE, inner.engine.release(desktop.id, desktop.fence)).await?;
            save(inner, desktop, &done(desktop, step), None).await
        }
        Step::AwaitScreen { boot } => await_screen(inner, desktop, step, boot).await,
        Step::Stop => {
            inner.hang_up(desktop.id).await;
            let grace = grace(inner.config.stop_grace, inner.stillness.of(desktop.id));
            ask(grace.saturating_add(STOP_MARGIN), inner.engine.stop(desktop.id, desktop.fence, grace))
                .await?;
            save(inner, desktop, &done(desktop, step), None).await
        }
        Step::Destroy => destroy(inner, desktop).await,
        Step::Forget => {
            let forgotten = inner.store.forget_desktop(desktop, clock::now()).await?;
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

async fn fork(inner: &Inner, desktop: &Desktop, step: Step, boot: u32) -> Result<(), Fault> {
    inner.hang_up(desktop.id).await;
    let desktop = begin(inner, desktop, step, boot, "fork").await?;
    let still = inner.sweeping.read().await;
    let from = origin(inner, &desktop).await?;
    let over = from.as_ref().and_then(|origin| origin.disk.first()).map(|layer| layer.layer);
    let layer = inner.store.layer_for(desktop.id, desktop.size, over, clock::now()).await?;
    let request = ForkRequest {
        desktop: desktop.id,
        fence: desktop.fence,
        boot,
        template: desktop.template.clone(),
        size: desktop.size,
        disk: layer_of(&layer),
        from,
    };
    let forked = ask(ENGINE_DEADLINE, inner.engine.fork(&request)).await;
    drop(still);
    finish(inner, &desktop, step, boot, "fork", forked).await
}

async fn start(inner: &Inner, desktop: &Desktop, step: Step, boot: u32) -> Result<(), Fault> {
    inner.hang_up(desktop.id).await;
    let desktop = begin(inner, desktop, step, boot, "start").await?;
    resize::before_boot(inner, &desktop).await?;
    let disk = disk(inner, &desktop).await?;
    let request = StartRequest { desktop: desktop.id, fence: desktop.fence, boot, disk };
    let started = ask(ENGINE_DEADLINE, inner.engine.start(&request)).await;
    finish(inner, &desktop, step, boot, "start", started).await
}

async fn resume(inner: &Inner, desktop: &Desktop, step: Step, boot: u32) -> Result<(), Fault> {
    let memory = inner.engine.memory().map_err(|lacks| Fault::wrong(FailReason::ResumeFailed, &lacks))?;
    inner.hang_up(desktop.id).await;
    let desktop = begin(inner, desktop, step, boot, "resume").await?;
    let disk = disk(inner, &desktop).await?;
    let request = StartRequest { desktop: desktop.id, fence: desktop.fence, boot, disk };
    let resumed = ask(ENGINE_DEADLINE, memory.resume(&request)).await;
    finish(inner, &desktop, step, boot, "resume", resumed).await
}

async fn suspend(inner: &Inner, desktop: &Desktop, step: Step) -> Result<(), Fault> {
    let memory = inner.engine.memory().map_err(|lacks| Fault::wrong(FailReason::SuspendFailed, &lacks))?;
    let disk = disk(inner, desktop).await?;
    let top = disk.into_iter().next();
    let key = top.ok_or_else(|| Fault::wrong_because(FailReason::Lost, "it has no disk"))?.key;
    lighten(inner, desktop).await;
    // Who comes from now on waits for the end of this; who came before is seen here.
    let present = inner.store.desktop(desktop.id).await?;
    if present.is_none_or(|present| present.revision != desktop.revision) {
        return Err(Fault::Changed);
    }
    inner.hang_up(desktop.id).await;
    let request = SuspendRequest { desktop: desktop.id, fence: desktop.fence, key };
    match ask(ENGINE_DEADLINE, memory.suspend(&request)).await {
        Err(Fault::Wrong { reason: FailReason::StartFailed, why, detail }) => {
            Err(Fault::Wrong { reason: FailReason::SuspendFailed, why, detail })
        }
        suspended => {
            suspended?;
            save(inner, desktop, &done(desktop, step), None).await
        }
    }
}

async fn disk(inner: &Inner, desktop: &Desktop) -> Result<Vec<DiskLayer>, Fault> {
    let disk = inner.store.disk_of(desktop.id).await?;
    if disk.is_empty() {
        return Err(Fault::wrong_because(FailReason::Lost, "the key of its disk is gone"));
    }
    Ok(disk.iter().map(layer_of).collect())
}

/// The snapshot that a desktop is forked from.
async fn origin(inner: &Inner, desktop: &Desktop) -> Result<Option<Origin>, Fault> {
    let Some(id) = desktop.origin else { return Ok(None) };
    let gone = || Fault::wrong_because(FailReason::OriginGone, "its snapshot is gone");
    let snapshot = inner.store.snapshot(id).await?.ok_or_else(gone)?;
    let disk = inner.store.disk_from(snapshot.layer.ok_or_else(gone)?).await?;
    Ok(Some(Origin { snapshot: id, disk: disk.iter().map(layer_of).collect() }))
}

/// Writes that a start begins before anything of it does.
async fn begin(
    inner: &Inner,
    desktop: &Desktop,
    step: Step,
    boot: u32,
    name: &str,
) -> Result<Desktop, Fault> {
    let record = desktop.record.begun(step);
    save(inner, desktop, &record, None).await?;
    inner.store.begin_step(desktop.id, desktop.workspace, boot, name, clock::now()).await?;
    Ok(Desktop { record, ..desktop.clone() })
}

async fn finish(
    inner: &Inner,
    desktop: &Desktop,
    step: Step,
    boot: u32,
    name: &str,
    result: Result<(), Fault>,
) -> Result<(), Fault> {
    match &result {
        Ok(()) => end_step(inner, desktop, boot, name, None).await?,
        Err(Fault::Wrong { reason, .. }) => {
            end_step(inner, desktop, boot, name, Some(reason.sentence())).await?;
        }
        Err(Fault::Silent(_) | Fault::Lost | Fault::Changed | Fault::Store(_)) => {}
    }
    result?;
    save(inner, desktop, &done(desktop, step), None).await
}

/// Takes away a machine that belongs to nobody yet, so that the next fork begins from nothing.
async fn discard(inner: &Inner, desktop: &Desktop) -> Result<(), Fault> {
    inner.hang_up(desktop.id).await;
    ask(ENGINE_DEADLINE, inner.engine.destroy(desktop.id, desktop.fence)).await?;
    if inner.store.discard_identity(desktop, clock::now()).await? { Ok(()) } else { Err(Fault::Lost) }
}

/// Keys first: from then on what is on the disk is noise, whatever happens next.
async fn destroy(inner: &Inner, desktop: &Desktop) -> Result<(), Fault> {
    inner.hang_up(desktop.id).await;
    let keys_removed_at = inner.store.remove_keys(desktop, clock::now()).await?.ok_or(Fault::Lost)?;
    let removed = ask(ENGINE_DEADLINE, inner.engine.destroy(desktop.id, desktop.fence)).await?;
    let receipt = Receipt {
        desktop: desktop.id,
        workspace: desktop.workspace,
        name: desktop.name.to_string(),
        keys_removed_at,
        removed_at: removed.removed_at,
        bytes: removed.bytes,
        removed: removed.removed,
    };
    if inner.store.save_receipt(desktop, &receipt).await? { Ok(()) } else { Err(Fault::Lost) }
}

async fn fail(inner: &Inner, desktop: &Desktop, step: Step, reason: FailReason) -> Result<(), Fault> {
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
        let tail = ask(ENGINE_DEADLINE, inner.engine.console_tail(desktop.id, CONSOLE_BYTES)).await;
        detail = tail.ok().filter(|text| !text.trim().is_empty());
    }
    tracing::warn!(desktop = %desktop.id, reason = reason.as_str(), "the desktop has failed");
    save(inner, desktop, &done(desktop, step), detail.as_deref()).await
}

/// The first picture: the VNC server answers with its banner.
async fn await_screen(inner: &Inner, desktop: &Desktop, step: Step, boot: u32) -> Result<(), Fault> {
    inner.store.begin_step(desktop.id, desktop.workspace, boot, "screen", clock::now()).await?;
    let look = async {
        while !has_screen(inner, desktop).await {
            sleep(SCREEN_PAUSE).await;
        }
    };
    let seen = unless_changed(inner, desktop, timeout(SCREEN_TRY, look)).await?;
    seen.map_err(|_| Fault::wrong_because(FailReason::DoorTimeout, "no picture yet"))?;
    // Whatever it was when its memory was kept, or as a fresh one is.
    inner.apply_screen(desktop.id).await;
    end_step(inner, desktop, boot, "screen", None).await?;
    save(inner, desktop, &done(desktop, step), None).await
}

async fn has_screen(inner: &Inner, desktop: &Desktop) -> bool {
    let attempt = async {
        let door = inner.doors.door(desktop.id).await.ok()?;
        let mut screen = door.streamlocal(VNC_SOCKET).await.ok()?;
        let mut banner = [0u8; 12];
        screen.read_exact(&mut banner).await.ok()?;
        banner.starts_with(b"RFB ").then_some(())
    };
    attempt.await.is_some()
}

/// Waits for something, unless the owner wants something else meanwhile or we are told to stop: what a guest does not
/// do keeps nobody from that.
pub(super) async fn unless_changed<T>(
    inner: &Inner,
    desktop: &Desktop,
    waited_for: impl Future<Output = T>,
) -> Result<T, Fault> {
    let mut events = inner.store.watch_events();
    let changed = async {
        loop {
            let present = inner.store.desktop(desktop.id).await?;
            if present.is_none_or(|present| present.revision != desktop.revision) {
                return Ok::<_, StoreError>(());
            }
            if events.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
        }
    };
    tokio::select! {
        value = waited_for => Ok(value),
        () = inner.stopping.cancelled() => Err(Fault::Changed),
        changed = changed => changed.map_or_else(|error| Err(error.into()), |()| Err(Fault::Changed)),
    }
}

/// Asks the engine something, within a deadline.
pub(super) async fn ask<T>(
    deadline: Duration,
    answer: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, Fault> {
    Ok(in_time(deadline, answer).await??)
}

/// What the engine answers. That it answers late says nothing of what became of the question: it may be done yet, so it is
/// asked again, and whatever was given for it stays.
pub(super) async fn in_time<T>(deadline: Duration, answer: impl Future<Output = T>) -> Result<T, Fault> {
    let late = |_| Fault::Silent(EngineError::Timeout(format!("{} s", deadline.as_secs())));
    timeout(deadline, answer).await.map_err(late)
}

pub(super) fn done(desktop: &Desktop, step: Step) -> Record {
    desktop.record.done(step, clock::now())
}

/// Writes a finding, unless the lease was lost or the owner wants something else by now.
pub(super) async fn save(
    inner: &Inner,
    desktop: &Desktop,
    record: &Record,
    detail: Option<&str>,
) -> Result<(), Fault> {
    if *record == desktop.record && detail.is_none() {
        return Ok(());
    }
    if record.state != desktop.record.state && record.state == DesktopState::Running {
        tracing::info!(desktop = %desktop.id, "running");
    }
    let saved = inner.store.save_record(desktop, record, detail, clock::now()).await?;
    if saved { Ok(()) } else { Err(Fault::Changed) }
}

pub(super) async fn end_step(
    inner: &Inner,
    desktop: &Desktop,
    boot: u32,
    name: &str,
    error: Option<&str>,
) -> Result<(), Fault> {
    Ok(inner.store.end_step(desktop.id, desktop.workspace, boot, name, error, clock::now()).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_answered_late_is_no_failure_of_the_desktops() {
        let late = ask(ENGINE_DEADLINE, std::future::pending::<Result<(), EngineError>>()).await;
        assert!(matches!(late, Err(Fault::Silent(EngineError::Timeout(_)))), "it is asked again: {late:?}");
        let refused = ask(ENGINE_DEADLINE, async { Err::<(), _>(EngineError::DiskFull) }).await;
        assert!(matches!(refused, Err(Fault::Wrong { reason: FailReason::DiskFull, .. })), "{refused:?}");
    }

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
