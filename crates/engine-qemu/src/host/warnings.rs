//! What the host's operator should know before it is in somebody's way.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rolltop_engine::HostWarning;
use rolltop_model::{DesktopId, Size, SnapshotId, TemplateVersion};

use super::Host;
use crate::fault::{Fault, blocking};
use crate::memory;
use crate::network::forwarding_dropped;

/// The disk is read and another program is asked, so not for every look at the host's page.
const LOOK_AGAIN: Duration = Duration::from_secs(20);

/// What was found, and when.
pub(super) type Looked = Option<(Instant, Vec<HostWarning>)>;

/// Where a memory is kept, and of what machine.
struct KeptMemory {
    directory: PathBuf,
    template: TemplateVersion,
    size: Size,
    desktop: Option<DesktopId>,
    snapshot: Option<SnapshotId>,
}

impl Host {
    pub(super) async fn warnings(&self) -> Result<Vec<HostWarning>, Fault> {
        let mut looked = self.warnings.lock().await;
        if let Some((_, found)) = looked.as_ref().filter(|(at, _)| at.elapsed() < LOOK_AGAIN) {
            return Ok(found.clone());
        }
        let mut found = self.unusable_memories().await?;
        let prefix = self.config.network.prefix.clone();
        let table = blocking(move || Ok(forwarding_dropped(&prefix))).await?;
        found.extend(table.map(|table| HostWarning::ForwardingDropped { table }));
        *looked = Some((Instant::now(), found.clone()));
        Ok(found)
    }

    /// Memories that would be refused if somebody wanted them back now.
    async fn unusable_memories(&self) -> Result<Vec<HostWarning>, Fault> {
        let mut found = Vec::new();
        for place in self.memory_places() {
            let directory = place.directory.clone();
            let why = match blocking(move || memory::Manifest::load(&directory)).await {
                Ok(None) => None,
                Ok(Some(kept)) => match self.manifest(&place.template) {
                    Ok(template) => {
                        let (now, qemu) = self.fit(&template, place.size).await?;
                        kept.machine.mismatch(&now, &qemu)
                    }
                    Err(_) => Some(format!("it is of the template {}, which is not here", place.template)),
                },
                Err(Fault::Memory(why)) => Some(why),
                Err(other) => return Err(other),
            };
            let KeptMemory { desktop, snapshot, .. } = place;
            found.extend(why.map(|why| HostWarning::MemoryUnusable { desktop, snapshot, why }));
        }
        Ok(found)
    }

    fn memory_places(&self) -> Vec<KeptMemory> {
        let mut places = Vec::new();
        for (id, desktop) in self.desktops().iter() {
            places.extend(desktop.record().map(|record| KeptMemory {
                directory: self.layout.desktop(*id),
                template: record.template,
                size: record.size,
                desktop: Some(*id),
                snapshot: None,
            }));
        }
        places.extend(self.snapshot_records().into_iter().filter(|record| record.has_memory).map(|record| {
            KeptMemory {
                directory: self.layout.snapshot(record.snapshot),
                template: record.template,
                size: record.size,
                desktop: None,
                snapshot: Some(record.snapshot),
            }
        }));
        places
    }
}
