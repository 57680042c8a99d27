//! Keeping desktops connected whatever happens to the host's network: a firewall that was reloaded without our rules, and
//! a resolver that is another one by now.

use std::sync::Arc;
use std::time::Duration;

use super::Host;
use crate::fault::Fault;

const LOOK_AGAIN: Duration = Duration::from_secs(20);

impl Host {
    /// Looks after the network. Never returns.
    pub(crate) async fn tend_network(self: Arc<Self>) {
        loop {
            tokio::time::sleep(LOOK_AGAIN).await;
            if let Err(error) = self.mend_network().await {
                tracing::warn!(%error, "the desktops' network could not be mended");
            }
        }
    }

    /// Loads rules that are missing or name another resolver.
    pub(crate) async fn mend_network(&self) -> Result<(), Fault> {
        let asks_another = self.network.look_at_resolver();
        let prepared = self.network.is_prepared().await;
        if !prepared {
            tracing::warn!(
                "the host's rules for desktops were gone, as after a reloaded firewall; they are loaded again"
            );
        }
        if asks_another || !prepared {
            self.network.prepare_host().await?;
        }
        if asks_another {
            let all: Vec<_> = self.desktops().keys().copied().collect();
            for id in all {
                let (_, mut held) = self.hold(id).await;
                let open =
                    held.record.as_ref().filter(|record| !record.quarantined && held.running.is_some());
                let index = open.map(|record| record.index);
                let released = match index {
                    Some(index) => self.network.release(index).await,
                    None => Ok(()),
                };
                self.let_go(id, &mut held);
                released?;
            }
        }
        Ok(())
    }
}
