//! Putting a control plane together. Each capability is registered here, on one line; nothing imports this.

use std::path::PathBuf;
use std::sync::Arc;

use rolltop_boxed::boxed;
use rolltop_engine::Engine;
use rolltop_model::JobKind;
use rolltop_store::{INSTALLATION, Location, Store, StoreError};
use rolltop_vault::{Vault, VaultError};

use crate::copies::place::{Copies, OpenCopiesError};
use crate::desktops::metrics::DesktopMetrics;
use crate::host::metrics::HostMetrics;
use crate::inside::uses::Uses;
use crate::kernel::clock;
use crate::kernel::config::ControlConfig;
use crate::kernel::control::{Control, Kernel};
use crate::kernel::jobs::{self, Work};
use crate::kernel::metrics::{self, Register, Told};
use crate::reconcile::metrics::StepMetrics;
use crate::{copies, reconcile, retention, setups, sleep, snapshots, ssh, templates};

/// The jobs of each capability that has any.
const JOBS: [&[(JobKind, Work)]; 7] =
    [copies::JOBS, retention::JOBS, setups::JOBS, sleep::JOBS, snapshots::JOBS, ssh::JOBS, templates::JOBS];

/// The metrics of each capability that has any.
const METRICS: [Register; 4] = [
    metrics::of::<DesktopMetrics>,
    metrics::of::<HostMetrics>,
    metrics::of::<StepMetrics>,
    metrics::of::<Uses>,
];

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
    Store(#[from] StoreError),
    #[error("the vault can't be opened")]
    Vault(#[from] VaultError),
    #[error(transparent)]
    Copies(#[from] OpenCopiesError),
}

#[boxed]
impl Control {
    /// Opens database and vault and starts the reconciler in the background. At most one control
    /// plane may work on a directory; should another still live, its fences are outdated by this.
    pub async fn open(parts: Parts) -> Result<Self, OpenError> {
        let Parts { directory, engine, config } = parts;
        let copies = Copies::open(config.copies.as_ref(), &directory.join("copies.key"))?;
        let vault = Vault::open_or_create(&directory.join("vault.key"))?;
        let location = match &config.database {
            Some(database) => Location::Postgres(database.clone()),
            None => Location::Sqlite(directory.join("rolltop.db")),
        };
        let store = Store::open(&location, vault.clone()).await?;
        store.adopt_for_engine(&config.engine).await?;
        store.end_all_leases().await?;
        store.renew_deadlines(clock::now()).await?;
        let (kernel, nudged) = Kernel::new(store, vault, engine, config);
        kernel.keep(copies);
        kernel.keep(Told::of(&kernel, &METRICS));
        kernel.store.ask_job(JobKind::Retain, INSTALLATION, kernel.since).await?;
        let kernel = Arc::new(kernel);
        let (reconciling, jobs) =
            (reconcile::run(kernel.clone(), nudged), jobs::run(kernel.clone(), works()));
        let background = tokio::spawn(async move {
            tokio::join!(reconciling, jobs);
        });
        Ok(Self::new(kernel, background))
    }
}

fn works() -> jobs::Works {
    JOBS.into_iter().flatten().copied().collect()
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;

    #[test]
    fn every_kind_of_job_is_done_by_one_capability() {
        let of = |kind| JOBS.into_iter().flatten().filter(|(of, _)| *of == kind).count();
        for kind in JobKind::iter() {
            assert_eq!(of(kind), 1, "{kind}");
        }
    }
}
