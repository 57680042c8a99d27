//! What the jump host may ask: whether somebody has a key, and for a stream of bytes to the door of
//! a desktop which that key opens.
//!
//! It is told nothing else, and decides nothing: each tunnel is authorised here, by the key, as if
//! the key's owner had asked.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rolltop_api_types::{self as api, Scope};
use rolltop_boxed::boxed;
use rolltop_engine::{DoorStream, EngineError};
use rolltop_guest_protocol::SESSION_USER;
use rolltop_model::{Desired, DesktopId, SshKeyId, Use};
use rolltop_store::{By, Desktop, SshKey};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::inside::notes::Reason;
use crate::inside::uses::UseGuard;
use crate::inside::uses::Uses;
use crate::kernel::caller::{Caller, DesktopAccess, Who, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{AccessError, InternalError, NoSuchDesktop, explained};
use crate::kernel::state::default_state;
use crate::sleep::wake::{Starting, WakeError};
use crate::ssh::keys::KeyChanges;
use crate::ssh::public_key::fingerprint;
use crate::ssh::reconnecting::Connected;
use crate::ssh::reconnecting::Reconnecting;

/// For the engine to reach a desktop's sshd.
const CONNECT_DEADLINE: Duration = Duration::from_secs(30);

/// The jump host as it has introduced itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayView {
    /// Its host key, one OpenSSH public line.
    pub host_key: String,
    pub port: u16,
}

/// `None` until it has.
#[derive(Default)]
struct Gateway(Mutex<Option<GatewayView>>);
default_state!(Gateway);

/// Bytes to and from a desktop's sshd.
pub struct Tunnel {
    pub stream: DoorStream,
    pub desktop: DesktopId,
    guard: KeyGuard,
}

impl Tunnel {
    /// The stream, and what tells when it has to end.
    pub fn split(self) -> (DoorStream, KeyGuard) {
        (self.stream, self.guard)
    }
}

/// Tells when a key is gone.
pub struct KeyGuard {
    control: Control,
    key: SshKeyId,
    changes: watch::Receiver<u64>,
    /// The desktop is in use as long as this is held.
    _place: Option<UseGuard>,
    _connected: Connected,
}

impl KeyGuard {
    /// Resolves once the key was removed. Trouble of ours does not end anybody's connection.
    pub async fn removed(&mut self) {
        loop {
            if matches!(self.control.kernel.store.has_ssh_key(self.key).await, Ok(false)) {
                return;
            }
            if self.changes.changed().await.is_err() {
                return;
            }
        }
    }
}

explained! {
    pub enum TunnelError: NotFound(NoSuchDesktop) or Internal {
        Ambiguous => AmbiguousName, "More than one of your desktops has this name; use its id, dsk_….";
        /// It can't be entered, and one sentence why.
        NotRunning(String) => NotRunning, "{0}";
        StartTimedOut => DesktopUnreachable, "The desktop did not start in time; try again shortly.";
        Unreachable(#[source] EngineError) => DesktopUnreachable, "The desktop does not answer; try again shortly.";
    }
}

#[boxed]
impl Control {
    /// The jump host says who it is.
    pub fn introduce_gateway(&self, gateway: GatewayView) {
        *self.kernel.state::<Gateway>().0.lock().unwrap_or_else(PoisonError::into_inner) = Some(gateway);
    }

    /// Whether anybody has the key with this fingerprint.
    pub async fn has_ssh_key(&self, fingerprint: &str) -> Result<bool, InternalError> {
        Ok(!self.kernel.store.ssh_keys_with(fingerprint, clock::now()).await?.is_empty())
    }

    /// A way to the sshd of the desktop called `target`, or with that id, which the key opens. One
    /// that is off is started and waited for.
    pub async fn ssh_tunnel(&self, fingerprint: &str, target: &str) -> Result<Tunnel, TunnelError> {
        let changes = self.kernel.state::<KeyChanges>().0.subscribe();
        let (key, row) = self.target_of(fingerprint, target).await?;
        let caller = caller(&key);
        let access: DesktopAccess<purpose::Control> =
            self.authorise(&caller, row.id).await.map_err(barred)?;
        let place = self.kernel.state::<Uses>().take(row.id, Use::Ssh);
        self.let_lie(&row, key.id)?;
        // From here on, so that it counts although the desktop is switched off before it has got any further.
        let connected = self.kernel.state::<Reconnecting>().connected(row.id, key.id);
        let by = By::somebody(caller.actor()).because("ssh");
        self.awake(access.desktop(), Starting::SuspendedOrStopped, by).await?;
        self.kernel.note_access(row.id, row.workspace, Reason::Ssh, &caller).await?;
        self.kernel.store.touch_ssh_key(key.id, clock::now()).await?;
        let connecting = timeout(CONNECT_DEADLINE, self.kernel.engine.connect(row.id)).await;
        let stream = connecting
            .unwrap_or_else(|_| Err(EngineError::Timeout("the desktop's sshd".to_owned())))
            .map_err(|error| match error {
                EngineError::NotRunning | EngineError::UnknownDesktop => {
                    TunnelError::NotRunning("The desktop is not running any more.".to_owned())
                }
                error => TunnelError::Unreachable(error),
            })?;
        tracing::info!(desktop = %row.id, key = %key.id, "a person's SSH connection was let through");
        let guard =
            KeyGuard { control: self.clone(), key: key.id, changes, _place: place, _connected: connected };
        Ok(Tunnel { stream, desktop: row.id, guard })
    }

    /// Refuses a client that comes back by itself to what a person has switched off.
    fn let_lie(&self, row: &Desktop, key: SshKeyId) -> Result<(), TunnelError> {
        let (is_off, name) = (row.record.desired != Desired::Running, row.name.as_str());
        if is_off && self.kernel.state::<Reconnecting>().comes_by_itself(row.id, key) {
            return Err(TunnelError::NotRunning(format!(
                "{name} was switched off while this key was connected to it, and is not brought back by clients that \
                 connect again by themselves. Start it:  rolltop start {name}"
            )));
        }
        Ok(())
    }

    /// What a client needs to know to enter with certainty of whom it speaks to.
    pub async fn desktop_ssh(
        &self,
        access: &DesktopAccess<purpose::Read>,
    ) -> Result<api::DesktopSsh, AccessError> {
        let row = self.kernel.store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        let gateway = self.kernel.state::<Gateway>().0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok(api::DesktopSsh {
            id: row.id,
            name: row.name.to_string(),
            user: SESSION_USER.to_owned(),
            fingerprint: row.host_key.as_deref().and_then(fingerprint),
            host_key: row.host_key,
            jump: gateway.map(|gateway| api::JumpHost {
                user: api::JUMP_USER.to_owned(),
                port: gateway.port,
                fingerprint: fingerprint(&gateway.host_key).unwrap_or_default(),
                host_key: gateway.host_key,
            }),
        })
    }

    /// The one desktop that `target` means to whoever has this key. The same key may be in several
    /// workspaces, as anybody can add anybody's public key; so a name that means a desktop in more
    /// than one is no answer, or a stranger could put one of theirs in the place of another's.
    async fn target_of(&self, fingerprint: &str, target: &str) -> Result<(SshKey, Desktop), TunnelError> {
        let id = target.parse::<DesktopId>().ok();
        let mut found = None;
        for key in self.kernel.store.ssh_keys_with(fingerprint, clock::now()).await? {
            let row = match id {
                Some(id) => self.kernel.store.desktop(id).await?.filter(|row| row.workspace == key.workspace),
                None => self.kernel.store.desktop_named(key.workspace, target).await?,
            };
            if let Some(row) = row
                && found.replace((key, row)).is_some()
            {
                return Err(TunnelError::Ambiguous);
            }
        }
        Ok(found.ok_or(NoSuchDesktop)?)
    }
}

impl From<WakeError> for TunnelError {
    fn from(error: WakeError) -> Self {
        match error {
            WakeError::Gone(error) => error.into(),
            WakeError::NotRunning(why) => TunnelError::NotRunning(why),
            WakeError::TimedOut => TunnelError::StartTimedOut,
            WakeError::Internal(error) => error.into(),
        }
    }
}

/// Whoever has proved to the jump host to hold this key: its owner, as far as entering goes.
fn caller(key: &SshKey) -> Caller {
    Caller {
        who: Who::SshKey(key.id),
        workspace: key.workspace,
        scopes: vec![Scope::DesktopsControl],
        only: None,
        expires_at: None,
        label: key.name.clone(),
    }
}

fn barred(error: AccessError) -> TunnelError {
    match error {
        AccessError::NotFound(_) | AccessError::Forbidden(_) => NoSuchDesktop.into(),
        other @ AccessError::OtherEngine(_) => TunnelError::NotRunning(other.to_string()),
        AccessError::Internal(error) => error.into(),
    }
}
