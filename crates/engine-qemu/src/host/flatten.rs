//! Making a disk of many layers one of a single layer again.
//!
//! QEMU copies what the layers below have into the one that the guest writes to, while the guest works. That changes
//! nothing of what the disk holds, so it may be cut short anywhere and begun again: a layer with everything copied
//! lies as well over the others as over the template. Only our record says which it lies over.

use std::sync::Arc;

use rolltop_engine::{EngineError, Flattening};
use rolltop_model::{DesktopId, LayerId};
use serde_json::{Value, json};

use super::Host;
use super::desktop::{Desktop, Gated};
use super::snapshot::remove_layer;
use crate::command_line::{BASE, base_path};
use crate::fault::{Fault, told};
use crate::layout::file_bytes;
use crate::machine::Running;
use crate::record::Record;

/// The copying's name in QEMU.
const JOB: &str = "flatten";
/// Bytes a second, so that the guest's own work goes on beside it.
const SPEED: u64 = 100 << 20;

impl Host {
    pub(crate) async fn flatten(
        self: Arc<Self>,
        id: DesktopId,
        fence: u64,
    ) -> Result<Flattening, EngineError> {
        let (desktop, mut held) = self.hold(id).await;
        let outcome = self.flatten_held(&desktop, &mut held, (id, fence)).await;
        self.let_go(id, &mut held);
        outcome
    }

    async fn flatten_held(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        (id, fence): (DesktopId, u64),
    ) -> Result<Flattening, EngineError> {
        self.pass_fence(id, held, fence).await?;
        let Gated { record, running, .. } = &mut *held;
        let record = record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        let running = running.as_ref().ok_or(EngineError::NotRunning)?;
        match job(running).await? {
            None if record.layers.len() <= 1 => Ok(Flattening::Flat),
            None => {
                self.begin_flattening(record, running).await?;
                Ok(Flattening::Copying)
            }
            Some(job) if is_concluded(&job) => {
                self.conclude(desktop, held, &job).await?;
                Ok(Flattening::Flat)
            }
            Some(_) => Ok(Flattening::Copying),
        }
    }

    async fn begin_flattening(&self, record: &Record, running: &Running) -> Result<(), EngineError> {
        let below = record.layers.iter().skip(1).map(|layer| file_bytes(&self.layout.layer(*layer)));
        let _room = self.room_for(below.fold(0, u64::saturating_add), None)?;
        let template = format!("../templates/{}", record.template);
        let stream = json!({
            "job-id": JOB,
            "device": record.layer().to_string(),
            "base-node": BASE,
            "backing-file": base_path(&template, record.base.as_deref()),
            "speed": SPEED,
            "auto-dismiss": false,
        });
        running.monitor()?.run("block-stream", stream).await?;
        Ok(())
    }

    /// Takes note of what has become of copying. Whether or not all of it is copied, it is over afterwards.
    async fn conclude(&self, desktop: &Desktop, held: &mut Gated, job: &Value) -> Result<(), Fault> {
        let Gated { record: Some(record), running: Some(running), .. } = &mut *held else { return Ok(()) };
        running.monitor()?.run("job-dismiss", json!({ "id": JOB })).await?;
        if let Some(error) = job.get("error").and_then(Value::as_str) {
            return Err(Fault::Other(format!("the layers of a disk were not copied: {error}")));
        }
        let below: Vec<LayerId> = record.layers.drain(1..).collect();
        record.save(&self.layout).await?;
        for layer in &below {
            if let Err(fault) = remove_layer(running, *layer).await {
                tracing::debug!(error = told(&fault), "a layer stays open unused");
            }
        }
        tracing::info!(desktop = %record.desktop, layers = below.len() + 1, "a disk has one layer again");
        desktop.show(held);
        self.remove_unneeded(&below)?;
        Ok(())
    }

    /// Ends copying, if there is any: for whatever needs the disk for itself.
    pub(super) async fn end_flattening(&self, desktop: &Desktop, held: &mut Gated) -> Result<(), Fault> {
        let mut is_ending = false;
        while let Some(running) = &held.running
            && let Some(job) = job(running).await?
        {
            if is_concluded(&job) {
                if let Err(fault) = self.conclude(desktop, held, &job).await {
                    tracing::debug!(error = told(&fault), "copying of layers was ended");
                }
                return Ok(());
            }
            if !is_ending {
                is_ending = true;
                // It may have concluded meanwhile, and is found so.
                let _ = running.monitor()?.run("job-cancel", json!({ "id": JOB })).await;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
        Ok(())
    }
}

fn is_concluded(job: &Value) -> bool {
    job.get("status").and_then(Value::as_str) == Some("concluded")
}

/// What QEMU says of the copying: `None` where there is none.
async fn job(running: &Running) -> Result<Option<Value>, Fault> {
    let jobs = running.monitor()?.run("query-jobs", json!({})).await?;
    let jobs = jobs.as_array().cloned().unwrap_or_default();
    Ok(jobs.into_iter().find(|job| job.get("id").and_then(Value::as_str) == Some(JOB)))
}
