//! Making a desktop out of a template, and the layers it needs for that.

use std::sync::Arc;
use std::time::Instant;

use rolltop_engine::{DiskLayer, EngineError, ForkRequest, LayerKey, LayerSpec, Origin};
use rolltop_model::{DesktopId, LayerId, Size};
use rolltop_template::Manifest;

use super::Host;
use super::desktop::{Desktop, Held};
use crate::durable;
use crate::host_status;
use crate::layer;
use crate::layout::{layer_name, make_directory};
use crate::machine::Memory;
use crate::record::{ForkDecision, Phase, Record, decide_fork};

impl Host {
    pub(crate) async fn prepare_layer(&self, spec: &LayerSpec) -> Result<(), EngineError> {
        if self.layout.layer(spec.layer).exists() {
            return Ok(()); // a machine has it
        }
        host_status::room(self.layout.root(), self.config.min_free_disk, 0)?;
        self.make_layer(spec.layer, spec.size, &spec.key).await
    }

    async fn make_layer(&self, id: LayerId, size: Size, key: &LayerKey) -> Result<(), EngineError> {
        let path = self.layout.blank_layer(id);
        loop {
            let place = self.layer_places.acquire().await;
            if path.exists() {
                return Ok(());
            }
            if self.layers_making().insert(path.clone()) {
                let made = layer::create(&path, size, key).await;
                self.layers_making().remove(&path);
                return Ok(made?);
            }
            // Somebody else makes this very layer; what they make will do.
            drop(place);
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }

    pub(crate) fn blank_layers(&self) -> Vec<LayerId> {
        let entries = std::fs::read_dir(self.layout.blank_layers()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".qcow2")?.parse().ok()).collect()
    }

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
        held: &mut Held,
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
        host_status::room(self.layout.root(), self.config.min_free_disk, self.config.min_free_memory)?;
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
        let base = self.bake_for(manifest, request.size, self.accel().await)?;
        let (memory, backing) = match &base {
            Some(bake) => {
                (Memory::baked(template, bake), format!("../templates/{template}/{bake}/disk.qcow2"))
            }
            None => (self.blank_memory(request.size)?, format!("../templates/{template}/disk.qcow2")),
        };
        Ok(Plan { base, memory, backing, disk: vec![request.disk.clone()] })
    }

    async fn plan_of_snapshot(
        &self,
        manifest: &Manifest,
        request: &ForkRequest,
        origin: &Origin,
    ) -> Result<Plan, EngineError> {
        let snapshot = self.snapshot_for(origin, &request.template, request.size)?;
        let now = self.identity(manifest, request.size, self.accel().await);
        let memory = match self.kept_memory(self.layout.snapshot(origin.snapshot), &origin.disk, now).await? {
            Some(memory) => memory,
            None => self.blank_memory(request.size)?,
        };
        let backing = layer_name(snapshot.layer());
        let disk = std::iter::once(&request.disk).chain(&origin.disk).cloned().collect();
        Ok(Plan { base: snapshot.base, memory, backing, disk })
    }

    /// Writes down that a desktop is being made.
    async fn begin(
        &self,
        desktop: &Desktop,
        held: &mut Held,
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
        held: &mut Held,
        request: &ForkRequest,
        manifest: &Manifest,
        plan: Plan,
    ) -> Result<(), EngineError> {
        let Some(record) = held.record.as_mut() else { return Err(EngineError::UnknownDesktop) };
        let since = Instant::now();
        let placing = self.place_layer(request.desktop, &request.disk, request.size, &plan.backing);
        let (tap, disk) = tokio::join!(self.network.create(record.index), placing);
        disk?;
        let tap = tap?;
        record.has_disk = true;
        let ready = since.elapsed();
        self.boot(desktop, held, &plan.disk, manifest, plan.memory, tap).await?;
        tracing::debug!(desktop = %request.desktop, ?ready, running = ?since.elapsed(), "forked");
        Ok(())
    }

    /// Puts a blank layer among those in use, over `backing`, a path as seen from there.
    pub(super) async fn place_layer(
        &self,
        desktop: DesktopId,
        disk: &DiskLayer,
        size: Size,
        backing: &str,
    ) -> Result<(), EngineError> {
        if self.is_anothers(disk.layer, desktop) {
            return Err(EngineError::Host("the layer is under another desktop".into()));
        }
        let (blank, layer) = (self.layout.blank_layer(disk.layer), self.layout.layer(disk.layer));
        if layer::virtual_size(&blank) != Some(size.disk_gib() << 30) {
            durable::remove(&blank)?;
            self.make_layer(disk.layer, size, &disk.key).await?;
        }
        durable::rename(&blank, &layer)?;
        Ok(layer::hang(&layer, backing).await?)
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
}
