//! Making a desktop out of a template or a snapshot.

use std::sync::Arc;
use std::time::Instant;

use rolltop_engine::{DiskLayer, EngineError, ForkRequest, Origin};
use rolltop_model::DesktopId;
use rolltop_template::Manifest;

use super::Host;
use super::desktop::{Desktop, Gated};
use crate::command_line::base_path;
use crate::layer;
use crate::layout::{layer_name, make_directory};
use crate::machine::Memory;
use crate::record::{ForkDecision, Phase, Record, decide_fork};

impl Host {
    pub(crate) async fn fork(self: Arc<Self>, request: ForkRequest) -> Result<(), EngineError> {
        let _still = match &request.from {
            Some(_) => Some(self.removing.read().await),
            None => None,
        };
        let (desktop, mut held) = self.hold(request.desktop).await;
        let outcome = self.fork_held(&desktop, &mut held, &request).await;
        self.let_go(request.desktop, &mut held);
        outcome
    }

    async fn fork_held(
        self: &Arc<Self>,
        desktop: &Arc<Desktop>,
        held: &mut Gated,
        request: &ForkRequest,
    ) -> Result<(), EngineError> {
        self.pass_fence(request.desktop, held, request.fence).await?;
        match decide_fork(held.record.as_ref(), request.boot) {
            ForkDecision::Done => return Ok(()),
            ForkDecision::Refuse(why) => return Err(EngineError::Host(why.into())),
            ForkDecision::Make => {}
        }
        let manifest = self.manifest(&request.template)?;
        let plan = match &request.from {
            None => self.plan_of_template(&manifest, request).await?,
            Some(origin) => self.plan_of_snapshot(&manifest, request, origin).await?,
        };
        let _room = self.room_for(0, Some(0))?;
        if held.record.is_some() {
            self.remove_all(desktop, held).await?;
        }
        self.begin(desktop, held, request, &plan).await?;
        let made = self.make(desktop, held, request, &manifest, plan).await;
        if made.is_err() {
            self.abandon(desktop, held).await;
        }
        made
    }

    async fn plan_of_template(
        &self,
        manifest: &Manifest,
        request: &ForkRequest,
    ) -> Result<Plan, EngineError> {
        let template = &request.template;
        let (base, memory) = match self.bake_for(manifest, request.size, &*self.qemu().await?)? {
            Some((bake, machine)) => (Some(bake.clone()), Memory::baked(template, &bake, machine)),
            None => (None, self.blank_memory(request.size)?),
        };
        let backing = base_path(&format!("../templates/{template}"), base.as_deref());
        let least = manifest.disk_virtual_bytes.div_ceil(1 << 30);
        let disk_gib = (least > request.size.disk_gib()).then_some(least);
        Ok(Plan { base, memory, backing, disk: vec![request.disk.clone()], disk_gib })
    }

    async fn plan_of_snapshot(
        &self,
        manifest: &Manifest,
        request: &ForkRequest,
        origin: &Origin,
    ) -> Result<Plan, EngineError> {
        let (snapshot, below) = self.snapshot_for(origin, &request.template)?;
        if snapshot.size != request.size {
            return Err(EngineError::Host("the snapshot is of another size".into()));
        }
        let now = self.fit(manifest, request.size).await?;
        let memory = match self.kept_memory(self.layout.snapshot(origin.snapshot), &origin.disk, now).await? {
            Some(memory) => memory,
            None => self.blank_memory(request.size)?,
        };
        let backing = layer_name(snapshot.layer());
        let disk = std::iter::once(&request.disk).chain(below).cloned().collect();
        Ok(Plan { base: snapshot.base, memory, backing, disk, disk_gib: snapshot.disk_gib })
    }

    /// Writes down that a desktop is being made.
    async fn begin(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        request: &ForkRequest,
        plan: &Plan,
    ) -> Result<(), EngineError> {
        let directory = self.layout.desktop(request.desktop);
        make_directory(&directory)?;
        let record = Record {
            desktop: request.desktop,
            fence: request.fence,
            boot: request.boot,
            template: request.template.clone(),
            size: request.size,
            next_size: None,
            disk_gib: plan.disk_gib,
            layers: plan.disk.iter().map(|layer| layer.layer).collect(),
            next: None,
            index: self.take_index()?,
            phase: Phase::Making,
            quarantined: true,
            was_released: false,
            has_disk: false,
            base: plan.base.clone(),
            started: None,
        };
        let saved = record.save(&self.layout).await;
        if saved.is_err() {
            self.give_back(record.index);
        } else {
            held.record = Some(record);
            desktop.show(held);
        }
        Ok(saved?)
    }

    async fn make(
        self: &Arc<Self>,
        desktop: &Arc<Desktop>,
        held: &mut Gated,
        request: &ForkRequest,
        manifest: &Manifest,
        plan: Plan,
    ) -> Result<(), EngineError> {
        let Some(record) = held.record.as_mut() else { return Err(EngineError::UnknownDesktop) };
        let since = Instant::now();
        let placing = self.place_layer(request.desktop, &request.disk, record.disk_gib(), &plan.backing);
        let (tap, disk) = tokio::join!(self.network.create(record.index), placing);
        disk?;
        let tap = tap?;
        record.has_disk = true;
        let ready = since.elapsed();
        self.boot(desktop, held, &plan.disk, manifest, plan.memory, tap).await?;
        tracing::debug!(desktop = %request.desktop, ?ready, running = ?since.elapsed(), "forked");
        Ok(())
    }

    /// Makes a layer over `backing`, a path as seen from where layers are.
    pub(super) async fn place_layer(
        &self,
        desktop: DesktopId,
        disk: &DiskLayer,
        disk_gib: u64,
        backing: &str,
    ) -> Result<(), EngineError> {
        if self.is_anothers(disk.layer, desktop) {
            return Err(EngineError::Host("the layer is under another desktop".into()));
        }
        let path = self.layout.layer(disk.layer);
        self.layers_making().insert(path.clone());
        let made = layer::create(&path, disk_gib, &disk.key, backing).await;
        self.layers_making().remove(&path);
        Ok(made?)
    }
}

/// What a fork is made of.
struct Plan {
    /// The bake its disk lies over.
    base: Option<String>,
    memory: Memory,
    /// What its own layer lies over.
    backing: String,
    disk: Vec<DiskLayer>,
    /// Where that is not what the size has.
    disk_gib: Option<u64>,
}
