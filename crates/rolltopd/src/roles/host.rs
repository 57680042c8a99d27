//! The host role: an engine behind a unix socket. Root, and nothing else of Rolltop in it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use rolltop_engine::{Engine, Known};
use rolltop_engine_qemu::QemuEngine;
use rolltop_sim::{SimConfig, SimEngine};
use tokio::net::UnixListener;

use crate::arguments::{EngineKind, Host};
use crate::config::Config;
use crate::privileges::{API_USER, Identity};
use crate::{layout, logging, privileges};

pub fn run(data: &Path, config: &Config, host: &Host) -> anyhow::Result<()> {
    logging::start("host");
    layout::enter(data)?;
    privileges::end_with_parent()?;
    let api =
        Identity::look_up(API_USER)?.context("the user rolltop-api is missing: `rolltopd up` makes it")?;
    super::serve(2, async {
        if host.clear {
            return clear(config, host.engine).await;
        }
        match host.engine {
            EngineKind::Qemu => {
                let engine = open_qemu(config).await?;
                tokio::select! {
                    served = serve(Arc::clone(&engine) as Arc<dyn Engine>, &api) => served?,
                    () = engine.keep_baked() => {}
                    () = engine.tend_network() => {}
                }
                engine.end_bakes().await?;
            }
            EngineKind::Sim | EngineKind::SimInstant => serve(open_sim(host.engine)?, &api).await?,
        }
        Ok(())
    })
}

/// Answers root and the api until it is asked to stop.
async fn serve(engine: Arc<dyn Engine>, api: &Identity) -> anyhow::Result<()> {
    let listener = listen()?;
    tokio::select! {
        () = rolltop_engine_qemu::remote::serve(engine, listener, vec![0, api.uid]) => {}
        () = super::asked_to_stop() => {}
    }
    Ok(())
}

async fn open_qemu(config: &Config) -> anyhow::Result<Arc<QemuEngine>> {
    QemuEngine::open(config.host.clone()).await.context("the QEMU engine can't start")
}

fn open_sim(kind: EngineKind) -> anyhow::Result<Arc<SimEngine>> {
    let config = match kind {
        EngineKind::SimInstant => SimConfig::instant(),
        EngineKind::Qemu | EngineKind::Sim => {
            SimConfig { directory: Some(PathBuf::from(layout::HOST_DATA)), ..SimConfig::default() }
        }
    };
    Ok(Arc::new(SimEngine::new(config)?))
}

fn listen() -> anyhow::Result<UnixListener> {
    // The socket of an earlier run; nobody listens on it, or binding would matter to them.
    let _ = std::fs::remove_file(layout::HOST_SOCKET);
    let listener = UnixListener::bind(layout::HOST_SOCKET).context("the host's socket can't be made")?;
    // Who may talk is decided by the peer's uid, so that the file's mode needs no group.
    std::fs::set_permissions(layout::HOST_SOCKET, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    Ok(listener)
}

/// Everything that this state directory has on this host, ended and removed.
async fn clear(config: &Config, kind: EngineKind) -> anyhow::Result<()> {
    let removed = match kind {
        EngineKind::Qemu => open_qemu(config).await?.clear().await?,
        EngineKind::Sim | EngineKind::SimInstant => open_sim(kind)?.sweep(&Known::default()).await?,
    };
    for leftover in removed {
        tracing::info!(kind = leftover.kind, name = leftover.name, "removed");
    }
    Ok(())
}
