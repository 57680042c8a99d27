//! Making a template of a machine's disk.
//!
//! The machine's own QEMU reads the disk, which nobody else could, and writes all of it to a raw image; that has no
//! header, so nothing of what a guest or its QEMU wrote is ever believed. The template is made of the image.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use rolltop_engine::{EngineError, SaveTemplateRequest};
use rolltop_model::{Size, TemplateVersion};
use rolltop_template::{Manifest, Saved};
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::Host;
use super::desktop::{Desktop, Gated};
use super::writing::Promise;
use crate::durable;
use crate::fault::{Doing, Fault, blocking, told};
use crate::layout::{disk_bytes, file_bytes};
use crate::machine::{Running, hand_over};
use crate::record::Record;

/// The copying's name in QEMU, and that of the node that is copied to.
const JOB: &str = "template";
/// In the machine's directory.
const IMAGE: &str = "template.raw";
/// How long all of a disk may take.
const LIMIT: Duration = Duration::from_secs(900);

impl Host {
    pub(crate) async fn save_template(
        self: Arc<Self>,
        request: SaveTemplateRequest,
    ) -> Result<(), EngineError> {
        let (desktop, mut held) = self.hold(request.desktop).await;
        let outcome = self.save_template_held(&desktop, &mut held, &request).await;
        self.let_go(request.desktop, &mut held);
        outcome
    }

    async fn save_template_held(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        request: &SaveTemplateRequest,
    ) -> Result<(), EngineError> {
        self.pass_fence(request.desktop, held, request.fence).await?;
        if self.manifest(&request.version).is_ok() {
            return Ok(());
        }
        self.end_flattening(desktop, held).await?;
        let Gated { record, running, .. } = &*held;
        let record = record.as_ref().ok_or(EngineError::UnknownDesktop)?;
        let running = running.as_ref().ok_or(EngineError::NotRunning)?;
        let parent = self.manifest(&record.template)?;
        let _room = self.room_for_template(record)?;
        let image = self.layout.desktop(record.desktop).join(IMAGE);
        let saved = async {
            self.copy_disk(record, running, &image).await?;
            self.make_template(record, &parent, request, &image).await
        };
        let saved = saved.await;
        durable::remove(&image)?;
        Ok(saved?)
    }

    /// Twice what the disk has at most: once as it is, once as the template's.
    fn room_for_template(&self, record: &Record) -> Result<Promise, EngineError> {
        let layers = record.layers.iter().map(|layer| file_bytes(&self.layout.layer(*layer)));
        let all = layers.fold(disk_bytes(&self.layout.template(&record.template)), u64::saturating_add);
        self.room_for(all.saturating_mul(2), None)
    }

    async fn copy_disk(&self, record: &Record, running: &Running, image: &Path) -> Result<(), Fault> {
        durable::remove(image)?;
        let (path, uid, bytes) = (image.to_owned(), running.process.uid()?, record.disk_gib() << 30);
        blocking(move || {
            let file = std::fs::File::create_new(&path).doing_with("making", &path)?;
            file.set_len(bytes).doing_with("making", &path)?;
            hand_over(&path, uid)
        })
        .await?;
        let monitor = running.monitor()?;
        monitor.run("stop", json!({})).await?;
        let copied = copy(record, running).await;
        if let Err(fault) = running.monitor()?.run("blockdev-del", json!({ "node-name": JOB })).await {
            tracing::debug!(error = told(&fault), "an image was not opened, or stays open unused");
        }
        running.monitor()?.run("cont", json!({})).await?;
        copied
    }

    async fn make_template(
        &self,
        record: &Record,
        parent: &Manifest,
        request: &SaveTemplateRequest,
        image: &Path,
    ) -> Result<(), Fault> {
        let manifest = Manifest {
            version: request.version.clone(),
            title: request.title.clone(),
            description: request.description.clone(),
            built_at: Timestamp::now(),
            cmdline: parent.cmdline.clone(),
            host_key: request.bootstrap.host_key.clone(),
            // A disk never shrinks.
            sizes: Size::ALL.into_iter().filter(|size| size.disk_gib() >= record.disk_gib()).collect(),
            disk_virtual_bytes: record.disk_gib() << 30,
        };
        let (templates, image) = (self.layout.templates(), image.to_owned());
        let kernel_of = self.layout.template(&record.template);
        let key = request.bootstrap.private_key.clone();
        blocking(move || {
            crate::machine::freeze(&image)?;
            let saved = Saved {
                disk: &image,
                kernel_of: &kernel_of,
                manifest: &manifest,
                bootstrap_key: key.expose_secret(),
            };
            rolltop_template::save(&templates, &saved).map_err(|error| Fault::Other(told(&error)))
        })
        .await
    }

    pub(crate) async fn remove_template(
        self: Arc<Self>,
        version: TemplateVersion,
    ) -> Result<(), EngineError> {
        let of_machine = self
            .desktops()
            .values()
            .any(|desktop| desktop.record().is_some_and(|record| record.template == version));
        let of_snapshot = || self.snapshot_records().iter().any(|record| record.template == version);
        if of_machine || of_snapshot() {
            return Err(EngineError::Host("desktops or snapshots lie over this template".into()));
        }
        let Ok(_baking) = self.baking.try_lock() else {
            return Err(EngineError::Host("a template is being baked".into()));
        };
        let directory = self.layout.template(&version);
        blocking(move || match std::fs::remove_dir_all(&directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).doing_with("removing", &directory)
            }
            _ => Ok(()),
        })
        .await?;
        Ok(())
    }
}

/// Writes all of the machine's disk to the image. It stands still meanwhile.
async fn copy(record: &Record, running: &Running) -> Result<(), Fault> {
    let node = json!({
        "driver": "raw",
        "node-name": JOB,
        "discard": "unmap",
        "detect-zeroes": "unmap",
        "file": { "driver": "file", "filename": IMAGE, "discard": "unmap" },
    });
    running.monitor()?.run("blockdev-add", node).await?;
    let backup = json!({
        "job-id": JOB,
        "device": record.layer().to_string(),
        "target": JOB,
        "sync": "full",
        "auto-dismiss": false,
    });
    running.monitor()?.run("blockdev-backup", backup).await?;
    let deadline = Instant::now() + LIMIT;
    loop {
        let jobs = running.monitor()?.run("query-jobs", json!({})).await?;
        let jobs = jobs.as_array().map(Vec::as_slice).unwrap_or_default();
        let job = jobs.iter().find(|job| job.get("id").and_then(Value::as_str) == Some(JOB));
        let Some(job) = job else { return Err(Fault::Other("copying a disk has gone".into())) };
        if job.get("status").and_then(Value::as_str) == Some("concluded") {
            let error = job.get("error").and_then(Value::as_str).map(str::to_owned);
            running.monitor()?.run("job-dismiss", json!({ "id": JOB })).await?;
            return error
                .map_or(Ok(()), |error| Err(Fault::Other(format!("a disk was not copied: {error}"))));
        }
        if Instant::now() > deadline {
            let _ = running.monitor()?.run("job-cancel", json!({ "id": JOB, "force": true })).await;
            return Err(Fault::Slow("copying a disk".into()));
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
