//! Keeping desktops connected, and out of the host's own networks, whatever happens to those: a firewall that was reloaded
//! without our rules, a resolver that is another one by now, an interface with other addresses.

use std::sync::Arc;
use std::time::Duration;

use super::Host;
use crate::fault::{Fault, blocking};

const LOOK_AGAIN: Duration = Duration::from_secs(20);

impl Host {
    /// Looks after the network. Never returns.
    pub(crate) async fn tend_network(self: Arc<Self>) {
        // Those that were taken over have the rules of an earlier version, perhaps.
        if let Err(error) = self.load_rules_again().await {
            tracing::warn!(%error, "the desktops' rules could not be loaded again");
        }
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if let Err(error) = self.mend_network().await {
                tracing::warn!(%error, "the desktops' network could not be mended");
            }
        }
    }

    /// Loads rules that are missing or name another resolver.
    pub(crate) async fn mend_network(&self) -> Result<(), Fault> {
        let network = self.network.clone();
        let is_another = blocking(move || Ok(network.look_at_host())).await?;
        let prepared = self.network.is_prepared().await;
        if !prepared {
            tracing::warn!(
                "the host's rules for desktops were gone, as after a reloaded firewall; they are loaded again"
            );
        }
        if is_another || !prepared {
            self.network.prepare_host().await?;
        }
        if is_another { self.load_rules_again().await } else { Ok(()) }
    }

    /// Those of every desktop that is not in quarantine.
    async fn load_rules_again(&self) -> Result<(), Fault> {
        let all: Vec<_> = self.desktops().keys().copied().collect();
        for id in all {
            let (_, mut held) = self.hold(id).await;
            let open = held.record.as_ref().filter(|record| !record.quarantined && held.running.is_some());
            let index = open.map(|record| record.index);
            let released = match index {
                Some(index) => self.network.release(index).await,
                None => Ok(()),
            };
            self.let_go(id, &mut held);
            released?;
        }
        Ok(())
    }
}
