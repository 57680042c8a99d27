//! Making a desktop out of a template, and the layers it needs for that.

use std::sync::Arc;
use std::time::Instant;

use rolltop_engine::{EngineError, ForkRequest, LayerKey, LayerSpec};
use rolltop_model::{LayerId, Size};
use rolltop_template::Manifest;

use super::Host;
use super::desktop::{Desktop, Held};
use crate::command_line::DISK;
use crate::durable;
use crate::host_status;
use crate::layer;
use crate::layout::make_directory;
use crate::machine::Memory;
use crate::record::{ForkDecision, Phase, Record, decide_fork};

impl Host {
    pub(crate) async fn prepare_layer(&self, spec: &LayerSpec) -> Result<(), EngineError> {
        let in_use =
            self.desktops().values().any(|desktop| desktop.record().is_some_and(|r| r.layer == spec.layer));
        if in_use {
            return Ok(());
        }
        host_status::room(self.layout.root(), self.config.min_free_disk, 0)?;
        self.make_layer(spec.layer, spec.size, &spec.key).await
    }

    async fn make_layer(&self, id: LayerId, size: Size, key: &LayerKey) -> Result<(), EngineError> {
        let path = self.layout.layer(id);
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
        let entries = std::fs::read_dir(self.layout.layers()).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        names.filter_map(|name| name.strip_suffix(".qcow2")?.parse().ok()).collect()
    }

    pub(crate) async fn fork(self: Arc<Self>, request: ForkRequest) -> Result<(), EngineError> {
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
        let base = self.bake_for(&manifest, request.size, self.accel().await)?;
        let memory = match &base {
            Some(bake) => Memory::baked(&request.template, bake),
            None => self.blank_memory(request.size)?,
        };
        host_status::room(self.layout.root(), self.config.min_free_disk, self.config.min_free_memory)?;
        if held.record.is_some() {
            self.remove_all(desktop, held).await?;
        }
        self.begin(desktop, held, request, base).await?;
        let made = self.make(desktop, held, request, &manifest, memory).await;
        if made.is_err() {
            self.abandon(desktop, held).await;
        }
        made
    }

    /// Writes down that a desktop is being made.
    async fn begin(
        &self,
        desktop: &Desktop,
        held: &mut Held,
        request: &ForkRequest,
        base: Option<String>,
    ) -> Result<(), EngineError> {
        let directory = self.layout.desktop(request.desktop);
        make_directory(&directory)?;
        let record = Record {
            desktop: request.desktop,
            fence: request.fence,
            boot: request.boot,
            template: request.template.clone(),
            size: request.size,
            layer: request.layer,
            index: self.take_index()?,
            phase: Phase::Making,
            quarantined: true,
            was_released: false,
            has_disk: false,
            base,
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
        memory: Memory,
    ) -> Result<(), EngineError> {
        let Some(record) = held.record.as_mut() else { return Err(EngineError::UnknownDesktop) };
        let since = Instant::now();
        let base = record.base.as_deref();
        let (tap, disk) = tokio::join!(self.network.create(record.index), self.place_layer(request, base));
        disk?;
        let tap = tap?;
        record.has_disk = true;
        let ready = since.elapsed();
        self.boot(desktop, held, &request.key, manifest, memory, tap).await?;
        tracing::debug!(desktop = %request.desktop, ?ready, running = ?since.elapsed(), "forked");
        Ok(())
    }

    /// Puts the layer into the desktop's directory, over the template's disk.
    async fn place_layer(&self, request: &ForkRequest, base: Option<&str>) -> Result<(), EngineError> {
        let disk = self.layout.desktop(request.desktop).join(DISK);
        let prepared = self.layout.layer(request.layer);
        if layer::virtual_size(&prepared) != Some(request.size.disk_gib() << 30) {
            durable::remove(&prepared)?;
            self.make_layer(request.layer, request.size, &request.key).await?;
        }
        durable::rename(&prepared, &disk)?;
        let template = &request.template;
        let backing = match base {
            Some(bake) => format!("../../templates/{template}/{bake}/disk.qcow2"),
            None => format!("../../templates/{template}/disk.qcow2"),
        };
        Ok(layer::hang(&disk, &backing, &request.key).await?)
    }
}
