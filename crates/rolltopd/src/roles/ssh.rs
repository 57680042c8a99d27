//! The ssh role: the jump host for people's own SSH clients.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rolltop_ssh_gateway::GatewayConfig;

use crate::arguments::Ssh;
use crate::config::Config;
use crate::privileges::{Identity, SSH_USER};
use crate::{layout, logging, privileges};

pub fn run(data: &Path, config: &Config, arguments: &Ssh) -> anyhow::Result<()> {
    logging::start("ssh");
    layout::enter(data)?;
    if let Some(ssh) = Identity::look_up(SSH_USER)? {
        privileges::become_user(ssh)?;
    }
    privileges::end_with_parent()?;
    let gateway = GatewayConfig {
        listen: arguments.ssh_listen.unwrap_or(config.ssh.listen),
        limits: config.ssh.limits(),
        ..GatewayConfig::new(PathBuf::from(layout::GATEWAY_SOCKET), PathBuf::from(layout::SSH_DATA))
    };
    super::serve(2, async {
        let gateway = rolltop_ssh_gateway::bind(gateway).await.context("the jump host can't start")?;
        // Whoever finds it finds a jump host that listens.
        std::fs::write(layout::SSH_ADDRESS, format!("{}\n", gateway.address()))
            .context("the address can't be written")?;
        tracing::info!(address = %gateway.address(), host_key = gateway.host_key(), "listening");
        gateway.serve(super::asked_to_stop()).await;
        Ok(())
    })
}
