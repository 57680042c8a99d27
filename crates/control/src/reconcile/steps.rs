//! Writing down how far a step has come.

use rolltop_model::{DesktopState, Record, Step};
use rolltop_store::{Desktop, StoreError};

use crate::kernel::clock;
use crate::kernel::control::Kernel;
use crate::kernel::fault::Fault;

/// Waits for something, unless the owner wants something else meanwhile or we are told to stop: what a guest does not
/// do keeps nobody from that.
pub(crate) async fn unless_changed<T>(
    kernel: &Kernel,
    desktop: &Desktop,
    waited_for: impl Future<Output = T>,
) -> Result<T, Fault> {
    let mut events = kernel.store.watch_events();
    let changed = async {
        loop {
            let present = kernel.store.desktop(desktop.id).await?;
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
