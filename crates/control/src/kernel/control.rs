//! The handle, and what all capabilities share.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rolltop_api_types::Scope;
use rolltop_boxed::boxed;
use rolltop_door::{DoorPool, Lanes};
use rolltop_engine::Engine;
use rolltop_model::{DesktopId, LayerId};
use rolltop_store::{Desktop, Store};
use rolltop_vault::Vault;
use tokio::sync::{Mutex, Notify, RwLock, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::kernel::caller::{Caller, DesktopAccess, Purpose};
use crate::kernel::clock;
use crate::kernel::config::ControlConfig;
use crate::kernel::entrance::Credentials;
use crate::kernel::error::{AccessError, NoSuchDesktop};
use crate::kernel::state::{State, States};

/// For steps under way to end when the process does.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// Everything the control plane does. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    pub(crate) kernel: Arc<Kernel>,
    background: Arc<Mutex<Option<JoinHandle<()>>>>,
}

pub(crate) struct Kernel {
    pub(crate) store: Store,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) config: ControlConfig,
    pub(crate) vault: Vault,
    pub(crate) doors: DoorPool,
    /// For connections to ports inside desktops.
    pub(crate) lanes: Lanes,
    /// This process, as the holder of leases.
    pub(crate) holder: String,
    /// When this process began to look after desktops.
    pub(crate) since: Timestamp,
    /// Desktops to look at now.
    nudges: mpsc::UnboundedSender<DesktopId>,
    /// Read while something is made on the host, written while leftovers are swept: a sweep must
    /// not take what was made after it had asked for what is known.
    pub(crate) sweeping: RwLock<()>,
    /// Tells whenever a job was tried.
    pub(crate) job_ended: Notify,
    /// Changes with each credential that ends before its time.
    credentials_changed: watch::Sender<u64>,
    pub(crate) stopping: CancellationToken,
    states: States,
}

#[boxed]
impl Kernel {
    /// With the desktops that it is asked to look at.
    pub(crate) fn new(
        store: Store,
        vault: Vault,
        engine: Arc<dyn Engine>,
        config: ControlConfig,
    ) -> (Self, mpsc::UnboundedReceiver<DesktopId>) {
        let (nudges, nudged) = mpsc::unbounded_channel();
        let credentials = Arc::new(Credentials { store: store.clone(), engine: engine.clone() });
        let kernel = Self {
            doors: DoorPool::new(credentials.clone()),
            lanes: Lanes::new(credentials),
            store,
            engine,
            config,
            vault,
            // Any new id will do; it only has to differ from every other process's.
            holder: LayerId::generate().to_string(),
            since: clock::now(),
            nudges,
            sweeping: RwLock::default(),
            job_ended: Notify::new(),
            credentials_changed: watch::Sender::new(0),
            stopping: CancellationToken::new(),
            states: States::default(),
        };
        (kernel, nudged)
    }

    /// What a capability keeps in memory.
    pub(crate) fn state<S: State>(&self) -> Arc<S> {
        self.states.get(&self.config)
    }

    /// Keeps what is made of more than the configuration, before anybody asks for it.
    pub(crate) fn keep<S: State>(&self, state: S) {
        self.states.put(state);
    }

    /// Whether its machine is here; else its row is all there is of it, and nothing is done with it.
    pub(crate) fn has_engine_of(&self, desktop: &Desktop) -> bool {
        desktop.engine.as_ref().is_none_or(|engine| *engine == self.config.engine)
    }

    /// Closes whatever is open to a desktop.
    pub(crate) async fn hang_up(&self, desktop: DesktopId) {
        self.doors.forget(desktop).await;
        self.lanes.forget(desktop).await;
    }

    /// Has the reconciler look at a desktop now.
    pub(crate) fn nudge(&self, desktop: DesktopId) {
        // Nobody listens only while the process ends.
        let _ = self.nudges.send(desktop);
    }

    /// Has everybody who watches over a credential look whether it was meant.
    pub(crate) fn credentials_changed(&self) {
        self.credentials_changed.send_modify(|count| *count = count.wrapping_add(1));
    }

    pub(crate) fn watch_credentials(&self) -> watch::Receiver<u64> {
        self.credentials_changed.subscribe()
    }
}

#[boxed]
impl Control {
    pub(crate) fn new(kernel: Arc<Kernel>, background: JoinHandle<()>) -> Self {
        Self { kernel, background: Arc::new(Mutex::new(Some(background))) }
    }

    /// Stops the reconciler after the steps under way, within seconds, and closes the database.
    /// Desktops are not touched.
    pub async fn close(&self) {
        self.kernel.stopping.cancel();
        if let Some(mut background) = self.background.lock().await.take()
            && timeout(CLOSE_DEADLINE, &mut background).await.is_err()
        {
            background.abort();
        }
        if let Err(error) = self.kernel.store.clone().close().await {
            tracing::warn!(%error, "the database did not close well");
        }
    }

    /// Ends the reconciler wherever it is, as a kill would. For tests of what a kill leaves.
    #[doc(hidden)]
    pub async fn abort(&self) {
        if let Some(background) = self.background.lock().await.take() {
            background.abort();
            let _ = background.await;
        }
    }

    /// The ticket to one desktop, if the caller may have it. The purpose follows from what the
    /// ticket is used for.
    pub async fn authorise<P: Purpose>(
        &self,
        caller: &Caller,
        desktop: DesktopId,
    ) -> Result<DesktopAccess<P>, AccessError> {
        caller.needs(P::SCOPE)?;
        if caller.only.is_some_and(|only| only != desktop) {
            return Err(NoSuchDesktop.into());
        }
        match self.kernel.store.desktop(desktop).await? {
            Some(row) if row.workspace == caller.workspace => {
                if P::SCOPE != Scope::DesktopsRead && !self.kernel.has_engine_of(&row) {
                    return Err(AccessError::OtherEngine(row.engine.unwrap_or_default()));
                }
                Ok(DesktopAccess::new(desktop, caller.clone()))
            }
            Some(_) | None => Err(NoSuchDesktop.into()),
        }
    }
}
