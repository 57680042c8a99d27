//! Everything the engine has on this host, and the operations on it, one file each.
//!
//! Invariants: whoever changes a desktop holds its gate; different desktops never wait for
//! each other. What is in memory here can be read back from the directory and the running
//! processes ([`adopt`]), and is, whenever the host process starts.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rolltop_engine::{Accelerator, DiskAllowance, EngineError};
use rolltop_model::{DesktopId, Size, TemplateVersion};
use rolltop_template::Manifest;
use tokio::time::Instant;

use crate::accel;
use crate::cgroup::{Cgroups, DiskLimits};
use crate::claim::{self, Claim};
use crate::command_line::Accel;
use crate::config::QemuConfig;
use crate::fault::{Doing, Fault, told};
use crate::host_status::CpuMeter;
use crate::identity::BakeIdentity;
use crate::layout::Layout;
use crate::machine::Memory;
use crate::network::Network;
use crate::process::is_in_use;
use crate::qemu::{self, Qemu};
use crate::record::free_index;
use crate::users;

mod adopt;
mod bake;
mod desktop;
mod destroy;
mod flatten;
mod fork;
mod helper;
mod keep_baked;
mod leftovers;
mod observe;
mod power;
mod prove;
mod resize;
mod save_template;
mod settle;
mod snapshot;
mod suspend;
mod templates;
mod tend_network;
mod transfer;
mod warnings;
mod writing;

use desktop::Desktop;

pub(crate) struct Host {
    config: QemuConfig,
    layout: Layout,
    network: Network,
    cgroups: Cgroups,
    /// Who the desktop with number 0 runs as.
    first_uid: u32,
    /// What it was found to be, and which file that was.
    qemu: tokio::sync::Mutex<Option<(qemu::Stamp, Arc<Qemu>)>>,
    accelerator: tokio::sync::Mutex<Option<Accelerator>>,
    desktops: Mutex<HashMap<DesktopId, Arc<Desktop>>>,
    /// Numbers in use, bakes included.
    indices: Mutex<BTreeSet<u32>>,
    /// How much of the disk machines may take; as much as there is, where nothing was said.
    allowances: Mutex<HashMap<DesktopId, DiskAllowance>>,
    promised: writing::Promised,
    /// Layers being made right now, so that they are taken for no leftovers.
    layers_making: Mutex<BTreeSet<PathBuf>>,
    /// Directories of snapshots that are being taken right now, for the same reason.
    snapshots_making: Mutex<BTreeSet<PathBuf>>,
    /// Held alone while a snapshot is removed, and together while machines are made from snapshots.
    removing: tokio::sync::RwLock<()>,
    /// Held while a bake is under way.
    baking: tokio::sync::Mutex<()>,
    cpu: CpuMeter,
    warnings: tokio::sync::Mutex<warnings::Looked>,
    /// Held as long as we are: two engines on one directory would be two owners.
    _lock: File,
}

impl Host {
    /// Opens the directory and makes the host ready; adopts nothing yet.
    pub(crate) async fn open(config: QemuConfig) -> Result<Self, Fault> {
        let layout = Layout::open(&config.directory)?;
        let lock = lock(layout.root().join("lock")).await?;
        // Without one there is nothing to do here.
        qemu::version(&config.qemu).await?;
        let others = claim::of_others(Path::new(claim::PLACE), layout.absolute_root());
        let network = Network::new(&config.network, layout.root(), &others)?;
        let plan = network.plan();
        let uids = plan.capacity();
        let first_uid = users::first_uid(config.first_uid, layout.root(), uids, &others)?;
        let claim = Claim {
            directory: layout.absolute_root().to_owned(),
            prefix: plan.prefix.clone(),
            range: plan.range,
            first_uid,
            uids,
        };
        claim::claim(Path::new(claim::PLACE), claim)?;
        network.prepare_host().await?;
        let disk =
            DiskLimits::of(layout.root(), config.disk_bytes_per_second, config.disk_operations_per_second);
        let cgroups = Cgroups::open(&config.cgroup_root, &network.plan().table(), disk)?;
        Ok(Self {
            layout,
            network,
            cgroups,
            first_uid,
            qemu: tokio::sync::Mutex::new(None),
            accelerator: tokio::sync::Mutex::new(None),
            desktops: Mutex::default(),
            indices: Mutex::default(),
            allowances: Mutex::default(),
            promised: writing::Promised::default(),
            layers_making: Mutex::default(),
            snapshots_making: Mutex::default(),
            removing: tokio::sync::RwLock::default(),
            baking: tokio::sync::Mutex::default(),
            cpu: CpuMeter::default(),
            warnings: tokio::sync::Mutex::default(),
            _lock: lock,
            config,
        })
    }

    /// Takes back what [`Host::open`] made outside the directory.
    pub(crate) async fn withdraw(&self) -> Result<(), EngineError> {
        self.network.withdraw_host().await?;
        self.cgroups.remove_parents().await?;
        claim::give_up(Path::new(claim::PLACE), self.layout.absolute_root())?;
        Ok(())
    }

    fn desktops(&self) -> MutexGuard<'_, HashMap<DesktopId, Arc<Desktop>>> {
        self.desktops.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn indices(&self) -> MutexGuard<'_, BTreeSet<u32>> {
        self.indices.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn layers_making(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.layers_making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn snapshots_making(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.snapshots_making.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the lowest free number; it is given back with [`Host::give_back`].
    fn take_index(&self) -> Result<u32, EngineError> {
        let mut indices = self.indices();
        let mut taken = indices.clone();
        loop {
            let index = free_index(taken.iter().copied(), self.network.plan().capacity())
                .ok_or_else(|| EngineError::Host("the network range has no addresses left".into()))?;
            taken.insert(index);
            // A process that outlived its machine would be its next one's equal.
            if is_in_use(self.uid(index)) {
                tracing::warn!(
                    uid = self.uid(index),
                    "a process runs as a user that no desktop has; its number is not given out"
                );
                continue;
            }
            indices.insert(index);
            return Ok(index);
        }
    }

    fn give_back(&self, index: u32) {
        self.indices().remove(&index);
    }

    fn uid(&self, index: u32) -> u32 {
        self.first_uid.saturating_add(index)
    }

    /// The template's manifest.
    fn manifest(&self, version: &TemplateVersion) -> Result<Manifest, EngineError> {
        match Manifest::load(&self.layout.template(version)) {
            Ok(manifest) if manifest.version == *version => Ok(manifest),
            Ok(_) => Err(EngineError::UnknownTemplate(version.to_string())),
            Err(error) => {
                tracing::debug!(error = told(&error), %version, "a template was asked for that can't be read");
                Err(EngineError::UnknownTemplate(version.to_string()))
            }
        }
    }

    /// What machines run on, and why. Proven once, with a template's kernel.
    async fn accelerator(&self) -> Accelerator {
        let mut known = self.accelerator.lock().await;
        if let Some(accelerator) = known.as_ref() {
            return accelerator.clone();
        }
        // What came from a desktop or an import decides nothing for the host.
        let template: Option<PathBuf> = rolltop_template::installed(&self.layout.templates())
            .into_iter()
            .map(|(path, _)| path)
            .find(|path| rolltop_template::is_built(path));
        let memory = self.layout.accelerator();
        let version = qemu::version(&self.config.qemu).await.unwrap_or_default();
        let boot = |template| self.boot_under_kvm(template);
        *known = accel::prove(self.config.accelerator, &version, template, &memory, boot).await;
        match known.as_ref() {
            Some(accelerator) => {
                tracing::info!(?accelerator, "what desktops run on");
                accelerator.clone()
            }
            None => Accelerator::Tcg { why: "There is no template yet to prove KVM with.".into() },
        }
    }

    async fn accel(&self) -> Accel {
        match self.accelerator().await {
            Accelerator::Kvm => Accel::Kvm,
            Accelerator::Tcg { .. } | Accelerator::Simulated => Accel::Tcg,
        }
    }

    /// The installed QEMU. It may be upgraded while we run.
    async fn qemu(&self) -> Result<Arc<Qemu>, Fault> {
        let accel = self.accel().await;
        let stamp = qemu::stamp(&self.config.qemu);
        let mut known = self.qemu.lock().await;
        if let Some((of, qemu)) = known.as_ref()
            && *of == stamp
            && qemu.accel == accel
        {
            return Ok(Arc::clone(qemu));
        }
        let asked = Arc::new(Qemu::ask(&self.config.qemu, accel).await?);
        tracing::info!(version = asked.version, board = asked.board(), processor = asked.processor(), "QEMU");
        *known = Some((stamp, Arc::clone(&asked)));
        Ok(asked)
    }

    /// What a memory has to fit to be loaded as a machine of that template and size.
    async fn fit(&self, manifest: &Manifest, size: Size) -> Result<(BakeIdentity, Arc<Qemu>), Fault> {
        let qemu = self.qemu().await?;
        Ok((BakeIdentity::current(&qemu, size, &manifest.cmdline), qemu))
    }

    /// The bake a fork of this size is made of, `None` where the size is not baked. One that
    /// does not fit this host is an error rather than a slow start nobody can explain.
    fn bake_for(
        &self,
        manifest: &Manifest,
        size: Size,
        qemu: &Qemu,
    ) -> Result<Option<(String, BakeIdentity)>, EngineError> {
        let now = BakeIdentity::current(qemu, size, &manifest.cmdline);
        let mut mismatch = None;
        for bake in self.layout.bakes(&manifest.version, size) {
            let Some(baked) = BakeIdentity::load(&self.layout.template(&manifest.version).join(&bake)) else {
                continue;
            };
            match baked.mismatch(&now, qemu) {
                None => return Ok(Some((bake, baked))),
                Some(why) => mismatch = mismatch.or(Some(why)),
            }
        }
        mismatch.map_or(Ok(None), |why| Err(EngineError::BaseMismatch(format!("{why}; bake it again"))))
    }

    fn blank_memory(&self, size: Size) -> Result<Memory, EngineError> {
        self.layout.blank_ram(size)?;
        Ok(Memory::Blank { ram: format!("../../{}", crate::layout::blank_ram_name(size)) })
    }
}

/// Waits a little for whoever has the directory: a host that is ending, or `doctor` with its question.
async fn lock(path: PathBuf) -> Result<File, Fault> {
    const PATIENCE: Duration = Duration::from_secs(10);
    let file = File::options().create(true).append(true).open(&path).doing_with("opening", &path)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Err(rustix::io::Errno::WOULDBLOCK) if Instant::now() < deadline => {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            outcome => {
                outcome.doing_with("another host process works on this directory; locking", &path)?;
                return Ok(file);
            }
        }
    }
}
