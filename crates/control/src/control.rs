//! The handle, and what it is made of.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rolltop_door::{DoorPool, Lanes};
use rolltop_engine::Engine;
use rolltop_model::{DesktopId, JobKind, LayerId};
use rolltop_store::{INSTALLATION, Location, Store};
use rolltop_vault::{Vault, VaultError};
use tokio::sync::{Mutex, Notify, RwLock, mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::account::SignInLimiter;
use crate::caller::{Caller, DesktopAccess, Purpose};
use crate::config::ControlConfig;
use crate::copies::{Copies, OpenCopiesError};
use crate::entrance::Credentials;
use crate::error::{AccessError, NoSuchDesktop};
use crate::in_flight::InFlight;
use crate::inside::{AccessNotes, ScreenTurns, Screenshots, Uses, Viewers};
use crate::jobs;
use crate::metrics::Metrics;
use crate::preview::Tickets;
use crate::reconcile::{
    self, Bootstraps, Clocks, DiskRoom, Ongoing, Standings, Stillness, UsageMeter, Vitals,
};
use crate::setup::SettingUp;
use crate::ssh::{GatewayView, Reconnecting};
use crate::templates::Templates;
use crate::transfer::Transfers;

/// For steps under way to end when the process does.
const CLOSE_DEADLINE: Duration = Duration::from_secs(5);

/// Everything the control plane does. Cheap to clone.
#[derive(Clone)]
pub struct Control {
    pub(crate) inner: Arc<Inner>,
    reconciler: Arc<Mutex<Option<JoinHandle<()>>>>,
}

pub(crate) struct Inner {
    pub(crate) store: Store,
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) config: ControlConfig,
    pub(crate) doors: DoorPool,
    /// For connections to ports inside desktops.
    pub(crate) lanes: Lanes,
    /// What is under way, by credential and memory.
    pub(crate) in_flight: InFlight,
    /// What is open to each desktop.
    pub(crate) uses: Uses,
    /// SSH clients that come back by themselves.
    pub(crate) reconnecting: Reconnecting,
    /// Who looks at each desktop's screen.
    pub(crate) viewers: Viewers,
    pub(crate) screen_turns: ScreenTurns,
    /// Seals passes to previews.
    pub(crate) vault: Vault,
    pub(crate) tickets: Tickets,
    /// This process, as the holder of leases.
    pub(crate) holder: String,
    /// Desktops to look at now.
    pub(crate) nudges: mpsc::UnboundedSender<DesktopId>,
    pub(crate) standings: Standings,
    pub(crate) vitals: Vitals,
    pub(crate) usage: UsageMeter,
    pub(crate) stillness: Stillness,
    pub(crate) clocks: Clocks,
    pub(crate) disk_room: DiskRoom,
    pub(crate) suspending: Ongoing,
    /// In which what runs is being ended.
    pub(crate) ending: Ongoing,
    pub(crate) metrics: Metrics,
    /// When this process began to look after desktops.
    pub(crate) since: Timestamp,
    pub(crate) bootstraps: Bootstraps,
    pub(crate) templates: Templates,
    pub(crate) screenshots: Screenshots,
    pub(crate) access_notes: AccessNotes,
    pub(crate) setting_up: SettingUp,
    pub(crate) transfers: Transfers,
    /// `None` where the operator named no place for them.
    pub(crate) copies: Option<Copies>,
    pub(crate) sign_ins: SignInLimiter,
    /// Codes of devices, by who types them.
    pub(crate) device_codes: SignInLimiter,
    /// Read while something is made on the host, written while leftovers are swept: a sweep must
    /// not take what was made after it had asked for what is known.
    pub(crate) sweeping: RwLock<()>,
    /// Tells whenever a job was tried.
    pub(crate) job_ended: Notify,
    /// Changes with each credential that ends before its time.
    pub(crate) credentials_changed: watch::Sender<u64>,
    /// Changes with each SSH key that comes or goes.
    pub(crate) ssh_keys_changed: watch::Sender<u64>,
    /// The jump host, once it has introduced itself.
    pub(crate) gateway: std::sync::Mutex<Option<GatewayView>>,
    pub(crate) stopping: CancellationToken,
}

/// What a control plane is put together from.
pub struct Parts {
    /// Holds keys and, unless it is elsewhere, the database: `vault.key`, `copies.key`, `rolltop.db`. Must exist.
    pub directory: PathBuf,
    pub engine: Arc<dyn Engine>,
    pub config: ControlConfig,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("the database can't be opened")]
    Store(#[from] rolltop_store::StoreError),
    #[error("the vault can't be opened")]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Copies(#[from] OpenCopiesError),
}

impl Control {
    /// Opens database and vault and starts the reconciler in the background. At most one control
    /// plane may work on a directory; should another still live, its fences are outdated by this.
    pub async fn open(parts: Parts) -> Result<Self, OpenError> {
        let Parts { directory, engine, config } = parts;
        let vitals = Vitals::new(config.measuring);
        let usage = UsageMeter::new(config.usage_every, config.usage_kept_every);
        let key = directory.join("copies.key");
        let copies = config.copies.as_ref().map(|config| Copies::open(config, &key)).transpose()?;
        let vault = Vault::open_or_create(&directory.join("vault.key"))?;
        let location = match &config.database {
            Some(database) => Location::Postgres(database.clone()),
            None => Location::Sqlite(directory.join("rolltop.db")),
        };
        let store = Store::open(&location, vault.clone()).await?;
        store.end_all_leases().await?;
        store.renew_deadlines(crate::clock::now()).await?;
        let (nudges, nudged) = mpsc::unbounded_channel();
        let credentials = Arc::new(Credentials { store: store.clone(), engine: engine.clone() });
        let inner = Arc::new(Inner {
            doors: DoorPool::new(credentials.clone()),
            lanes: Lanes::new(credentials),
            in_flight: InFlight::new(config.transfer_memory),
            uses: Uses::default(),
            reconnecting: Reconnecting::new(config.leaving),
            viewers: Viewers::default(),
            screen_turns: ScreenTurns::default(),
            vault,
            tickets: Tickets::default(),
            store,
            engine,
            config,
            // Any new id will do; it only has to differ from every other process's.
            holder: LayerId::generate().to_string(),
            nudges,
            standings: Standings::default(),
            vitals,
            usage,
            stillness: Stillness::default(),
            clocks: Clocks::default(),
            disk_room: DiskRoom::default(),
            suspending: Ongoing::default(),
            ending: Ongoing::default(),
            metrics: Metrics::default(),
            since: crate::clock::now(),
            bootstraps: Bootstraps::default(),
            templates: Templates::default(),
            screenshots: Screenshots::default(),
            access_notes: AccessNotes::default(),
            setting_up: SettingUp::default(),
            transfers: Transfers::default(),
            copies,
            sign_ins: SignInLimiter::default(),
            device_codes: SignInLimiter::default(),
            sweeping: RwLock::default(),
            job_ended: Notify::new(),
            credentials_changed: watch::Sender::new(0),
            ssh_keys_changed: watch::Sender::new(0),
            gateway: std::sync::Mutex::default(),
            stopping: CancellationToken::new(),
        });
        inner.store.ask_job(JobKind::Retain, INSTALLATION, inner.since).await?;
        let (reconciling, jobs) = (reconcile::run(inner.clone(), nudged), jobs::run(inner.clone()));
        let reconciler = tokio::spawn(async move {
            tokio::join!(reconciling, jobs);
        });
        Ok(Self { inner, reconciler: Arc::new(Mutex::new(Some(reconciler))) })
    }

    /// Stops the reconciler after the steps under way, within seconds, and closes the database.
    /// Desktops are not touched.
    pub async fn close(&self) {
        self.inner.stopping.cancel();
        if let Some(mut reconciler) = self.reconciler.lock().await.take()
            && timeout(CLOSE_DEADLINE, &mut reconciler).await.is_err()
        {
            reconciler.abort();
        }
        if let Err(error) = self.inner.store.clone().close().await {
            tracing::warn!(%error, "the database did not close well");
        }
    }

    /// Ends the reconciler wherever it is, as a kill would. For tests of what a kill leaves.
    #[doc(hidden)]
    pub async fn abort(&self) {
        if let Some(reconciler) = self.reconciler.lock().await.take() {
            reconciler.abort();
            let _ = reconciler.await;
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
        match self.inner.store.desktop(desktop).await? {
            Some(row) if row.workspace == caller.workspace => Ok(DesktopAccess::new(desktop, caller.clone())),
            Some(_) | None => Err(NoSuchDesktop.into()),
        }
    }
}

impl Inner {
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
}
