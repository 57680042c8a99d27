//! The api role: control behind three unix sockets: for the web tier, for the jump host and for root.

use std::fs::File;
use std::io::Read as _;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use bytes::Bytes;
use rolltop_api_server::{ApiConfig, serve_metrics, serve_only_to, serve_unix};
use rolltop_control::{Control, ControlConfig, Parts};
use rolltop_engine_qemu::remote::HostClient;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::arguments::Api;
use crate::config::Config;
use crate::doctor::meminfo;
use crate::privileges::{API_USER, Identity, SSH_USER};
use crate::{layout, logging, privileges};

/// Largest guest program that is read, bytes; it has two MB.
const MOST_GUEST: u64 = 64 << 20;

pub fn run(data: &Path, config: &Config, api: &Api) -> anyhow::Result<()> {
    logging::start("api");
    // Its secret may be root's alone.
    let copies = config.copies.read()?;
    let database = config.database.read()?;
    let guest_program = guest_program(&api.guest);
    let engine = api.engine.name().to_owned();
    layout::enter(data)?;
    if let Some(api) = Identity::look_up(API_USER)? {
        privileges::become_user(api)?;
    }
    privileges::end_with_parent()?;
    database_is_the_right_one(database.is_some())?;
    super::serve(
        2,
        serve(config, ControlConfig { copies, database, guest_program, engine, ..control_config(config) }),
    )
}

/// Rows in the place that is not looked at would mean that desktops are taken for leftovers.
fn database_is_the_right_one(is_postgres: bool) -> anyhow::Result<()> {
    let exists = |path: &str| Path::new(path).exists();
    ensure!(
        !(is_postgres && exists(layout::DATABASE)),
        "rolltop.toml names a PostgreSQL database, and there is {} too: copy that with `rolltopd admin move-database`, \
         or remove it if nothing in it is needed",
        layout::DATABASE
    );
    ensure!(
        is_postgres || exists(layout::DATABASE) || !exists(layout::MOVED_DATABASE),
        "the database was moved to PostgreSQL, and rolltop.toml does not name one: write it under [database], or rename \
         {} to {} to go back to what was there then",
        layout::MOVED_DATABASE,
        layout::DATABASE
    );
    Ok(())
}

/// What desktops get back that have lost it. Without it they are as they are.
fn guest_program(path: &Path) -> Option<Bytes> {
    let read = File::open(path).and_then(|file| {
        let mut program = Vec::new();
        file.take(MOST_GUEST).read_to_end(&mut program)?;
        Ok(program)
    });
    match read {
        Ok(program) => Some(program.into()),
        Err(error) => {
            let path = path.display();
            tracing::info!(%path, %error, "no guest program to put back into desktops that have lost it");
            None
        }
    }
}

async fn serve(config: &Config, control: ControlConfig) -> anyhow::Result<()> {
    let host = HostClient::new(layout::HOST_SOCKET);
    let parts =
        Parts { directory: PathBuf::from(layout::API_DATA), engine: Arc::new(host.clone()), config: control };
    let metrics = match config.api.metrics {
        Some(address) => Some(listen_in_private(address).await?),
        None => None,
    };
    let control = Control::open(parts).await.context("the control plane can't be opened")?;
    let shutdown = CancellationToken::new();
    let api = ApiConfig { shutdown: shutdown.clone(), ..ApiConfig::default() };
    let public = rolltop_api_server::router(control.clone(), api);
    let admin = rolltop_api_server::admin_router(control.clone());
    // The directory decides who may knock at all: the api's user, and the web tier by its group.
    let public_socket = rolltop_api_server::bind(Path::new(layout::API_SOCKET), 0o666)?;
    let admin_socket = rolltop_api_server::bind(Path::new(layout::ADMIN_SOCKET), 0o600)?;
    let gateway = rolltop_api_server::gateway_router(control.clone(), shutdown.clone());
    let gateway_socket = rolltop_api_server::bind(Path::new(layout::GATEWAY_SOCKET), 0o666)?;
    let own = rustix::process::geteuid().as_raw();
    let jump_host = Identity::look_up(SSH_USER)?.map_or(own, |ssh| ssh.uid);
    let signal = async {
        super::asked_to_stop().await;
        shutdown.cancel();
        Ok(())
    };
    let served = tokio::try_join!(
        async { serve_unix(public_socket, public, shutdown.clone()).await.context("the api's socket") },
        async {
            serve_only_to(admin_socket, admin, vec![0, own], shutdown.clone())
                .await
                .context("the admin socket")
        },
        async {
            serve_only_to(gateway_socket, gateway, vec![jump_host, own], shutdown.clone())
                .await
                .context("the jump host's socket")
        },
        async {
            match metrics {
                Some(listener) => {
                    let counted = control.clone();
                    let render = Arc::new(move || counted.metrics());
                    serve_metrics(listener, render, shutdown.clone()).await.context("the metrics")
                }
                None => Ok(()),
            }
        },
        async {
            host.meet().await;
            Ok(())
        },
        signal
    );
    control.close().await;
    served.map(|_| ())
}

async fn listen_in_private(address: SocketAddr) -> anyhow::Result<TcpListener> {
    ensure!(
        is_private(address.ip()),
        "metrics = \"{address}\" is refused: everybody could read it there; take a loopback or private address"
    );
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("{address} can't be listened on for metrics"))
}

/// Not reachable from the internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
    }
}

/// Of the host's memory, what the api may keep of what is on its way between desktops and whoever uses them.
const PART_OF_MEMORY: u64 = 8;
const LEAST_MEMORY: u64 = 512 << 20;

fn control_config(config: &Config) -> ControlConfig {
    let transfer_memory = (meminfo("MemTotal:") / PART_OF_MEMORY).max(LEAST_MEMORY);
    let mut control = ControlConfig {
        desktop_limit: config.api.max_desktops,
        disk_limit: config.api.max_disk_bytes,
        transfer_memory,
        ..ControlConfig::default()
    };
    control.limits.first_boot = Duration::from_secs(config.api.first_boot_seconds);
    control.limits.later_boot = Duration::from_secs(config.api.later_boot_seconds);
    control
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_told_in_private_only() {
        for fine in ["127.0.0.1", "10.1.2.3", "192.168.0.9", "::1", "fd12::1"] {
            assert!(is_private(fine.parse().unwrap()), "{fine}");
        }
        for public in ["0.0.0.0", "::", "203.0.113.7", "2001:db8::1", "100.64.0.1"] {
            assert!(!is_private(public.parse().unwrap()), "{public}");
        }
    }
}
