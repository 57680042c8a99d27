//! Telling at once when a credential ends: revoked, signed out, expired.

use std::time::Duration;

use jiff::Timestamp;
use rolltop_boxed::boxed;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::account::authenticate::AuthenticateError;
use crate::kernel::caller::Caller;
use crate::kernel::clock;
use crate::kernel::control::{Control, Kernel};

/// A credential is looked at this often even when nothing is heard of it.
const RECHECK: Duration = Duration::from_secs(10);

/// When to look again whether something that lets somebody in still does.
#[derive(Clone)]
pub(crate) struct Looks {
    /// When it ends of itself.
    expires_at: Option<Timestamp>,
    /// Subscribed before it was first looked at, so that nothing that came after is missed.
    changes: watch::Receiver<u64>,
}

impl Looks {
    pub(crate) fn until(self, at: Option<Timestamp>) -> Self {
        Self { expires_at: at, ..self }
    }

    /// Waits until it may have ended.
    pub(crate) async fn next(&mut self) {
        let left = self.expires_at.map(|at| at.duration_since(clock::now()));
        let left = left.map(|left| Duration::try_from(left).unwrap_or_default()).unwrap_or(RECHECK);
        tokio::select! {
            changed = self.changes.changed() => if changed.is_err() { std::future::pending().await },
            () = sleep(left.min(RECHECK)) => {}
        }
    }
}

/// Watches over one credential. Whatever goes on after its request was answered holds one, and
/// ends when [`CredentialGuard::ended`] resolves.
#[derive(Clone)]
pub struct CredentialGuard {
    control: Control,
    bearer: SecretString,
    looks: Looks,
}

impl CredentialGuard {
    /// Resolves once the credential is not good any more. Trouble of ours does not end anything.
    pub async fn ended(mut self) {
        loop {
            self.looks.next().await;
            if matches!(self.control.authenticate(&self.bearer).await, Err(AuthenticateError::Invalid)) {
                return;
            }
        }
    }
}

#[boxed]
impl Control {
    /// Lets a request in: who asks, and what tells when that ends. `from` is the address.
    pub async fn admit(
        &self,
        bearer: SecretString,
        from: Option<&str>,
    ) -> Result<(Caller, CredentialGuard), AuthenticateError> {
        let looks = self.kernel.looks();
        let caller = self.identify(&bearer, from).await?;
        let looks = looks.until(caller.expires_at);
        Ok((caller, CredentialGuard { control: self.clone(), bearer, looks }))
    }
}

impl Kernel {
    /// From now on, for what does not end of itself.
    pub(crate) fn looks(&self) -> Looks {
        Looks { expires_at: None, changes: self.watch_credentials() }
    }
}
