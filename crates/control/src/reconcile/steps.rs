//! Writing down how far a step has come.

use std::time::Duration;

use rolltop_model::{DesktopState, Record, Step};
use rolltop_store::{Desktop, StoreError};
use tokio::time::sleep;

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::Fault;

/// From one look at whether the owner wants something else to the next.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Waits for something, unless the owner wants something else meanwhile or we are told to stop: what a guest does not
/// do keeps nobody from that.
pub(crate) async fn unless_changed<T>(
    kernel: &Kernel,
    desktop: &Desktop,
    waited_for: impl Future<Output = T>,
) -> Result<T, Fault> {
    let mut events = kernel.store.watch_events();
    let (id, revision) = (desktop.id, desktop.revision);
    let changed = async {
        loop {
            let store = kernel.store.clone();
            // In a task: a question that is dropped while it is asked costs the database's connection.
            let Ok(present) = tokio::spawn(async move { store.desktop(id).await }).await else {
                return std::future::pending().await;
            };
            if present?.is_none_or(|present| present.revision != revision) {
                return Ok::<_, StoreError>(());
            }
            if events.changed().await.is_err() {
                std::future::pending::<()>().await;
            }
            // Whatever happens to any desktop is an event.
            sleep(LOOK_AGAIN).await;
        }
    };
    tokio::select! {
        value = waited_for => Ok(value),
        () = kernel.stopping.cancelled() => Err(Fault::Changed),
        changed = changed => changed.map_or_else(|error| Err(error.into()), |()| Err(Fault::Changed)),
    }
}

pub(crate) fn done(desktop: &Desktop, step: Step) -> Record {
    desktop.record.done(step, clock::now())
}

/// Writes a finding, unless the lease was lost or the owner wants something else by now.
pub(crate) async fn save(
    kernel: &Kernel,
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
    let saved = kernel.store.save_record(desktop, record, detail, clock::now()).await?;
    if saved { Ok(()) } else { Err(Fault::Changed) }
}

pub(crate) async fn end_step(
    kernel: &Kernel,
    desktop: &Desktop,
    boot: u32,
    name: &str,
    error: Option<&str>,
) -> Result<(), Fault> {
    Ok(kernel.store.end_step(desktop.id, desktop.workspace, boot, name, error, clock::now()).await?)
}
