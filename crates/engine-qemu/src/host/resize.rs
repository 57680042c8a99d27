//! Giving machines another size.
//!
//! A disk grows while its guest works. Processors and memory are those of the next boot from the disk: a memory that is
//! kept, or baked, is of one size. Disks never shrink, because a file system would be cut off.

use std::sync::Arc;

use rolltop_engine::{EngineError, ResizeRequest};
use rolltop_model::MOST_DISK_GIB;
use serde_json::json;

use super::Host;
use super::desktop::{Desktop, Gated};
use crate::fault::Fault;
use crate::machine::{Running, file_limit};
use crate::record::Record;

impl Host {
    pub(crate) async fn resize(self: Arc<Self>, request: ResizeRequest) -> Result<(), EngineError> {
        let (desktop, mut held) = self.hold(request.desktop).await;
        let outcome = self.resize_held(&desktop, &mut held, &request).await;
        self.let_go(request.desktop, &mut held);
        outcome
    }

    async fn resize_held(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
        request: &ResizeRequest,
    ) -> Result<(), EngineError> {
        self.pass_fence(request.desktop, held, request.fence).await?;
        if request.disk_gib > MOST_DISK_GIB {
            return Err(EngineError::Host("there is no such large disk".into()));
        }
        let record = held.record.as_mut().ok_or(EngineError::UnknownDesktop)?;
        if request.disk_gib < record.disk_gib() {
            return Err(EngineError::Host("a disk does not shrink".into()));
        }
        let next_size = (request.size != record.size).then_some(request.size);
        let grows = request.disk_gib > record.disk_gib();
        if next_size != record.next_size || record.disk_gib != Some(request.disk_gib) {
            let larger = |record: &mut Record| {
                record.next_size = next_size;
                record.disk_gib = Some(request.disk_gib);
            };
            record.change(&self.layout, larger).await?;
            desktop.show(held);
        }
        if grows && held.running.is_some() {
            self.end_flattening(desktop, held).await?;
        }
        if let Gated { record: Some(record), running: Some(running), .. } = &*held {
            self.grow_disk(record, running).await?;
        }
        Ok(())
    }

    /// Has a running machine's disk be as large as its record says.
    pub(super) async fn grow_disk(&self, record: &Record, running: &Running) -> Result<(), Fault> {
        // One that was never resized has the size it was made with.
        let Some(gib) = record.disk_gib else { return Ok(()) };
        running.process.may_write(file_limit(record.size, gib))?;
        let size = json!({ "node-name": record.layer().to_string(), "size": gib << 30 });
        running.monitor()?.run("block_resize", size).await?;
        Ok(())
    }
}
