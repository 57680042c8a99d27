//! One role, one process: change into the state directory, drop what privileges it does not need,
//! then start the runtime and serve until asked to stop.

pub mod api;
pub mod host;
pub mod ssh;
pub mod web;

use std::future::Future;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a role's server on a runtime of its own. Called with one thread, after privileges are gone.
fn serve<F: Future<Output = anyhow::Result<()>>>(workers: usize, role: F) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(workers)
        .enable_all()
        .build()
        .context("the runtime can't be started")?
        .block_on(role)
}

/// Resolves when the role is asked to stop (SIGTERM, or SIGINT from a terminal).
async fn asked_to_stop() {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = term.recv() => {}
        _ = int.recv() => {}
    }
    tracing::info!("asked to stop");
}
