//! Removing everything of a desktop.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use rolltop_engine::{DestroyReceipt, EngineError};
use rolltop_model::{DesktopId, LayerId};

use super::Host;
use super::desktop::{Desktop, Gated};
use super::transfer::IMPORTED;
use crate::command_line::CONSOLE;
use crate::durable;
use crate::fault::Doing;
use crate::layout::disk_bytes;
use crate::machine::{LOG, recorded_process};
use crate::memory::SEALED;
use crate::record::RECORD;

impl Host {
    pub(crate) async fn destroy(
        self: Arc<Self>,
        id: DesktopId,
        fence: u64,
    ) -> Result<DestroyReceipt, EngineError> {
        let (desktop, mut held) = self.hold(id).await;
        let outcome = async {
            self.pass_fence(id, &mut held, fence).await?;
            self.bury_fence(id, fence)?;
            self.remove_all(&desktop, &mut held).await
        };
        let outcome = outcome.await;
        self.let_go(id, &mut held);
        let (removed, bytes) = outcome?;
        Ok(DestroyReceipt { removed_at: Timestamp::now(), bytes, removed })
    }

    /// Removes process, network, control groups and files; the record last, so that what is
    /// cut short is found again. Returns what it was, and bytes of disk.
    pub(super) async fn remove_all(
        &self,
        desktop: &Desktop,
        held: &mut Gated,
    ) -> Result<(Vec<String>, u64), EngineError> {
        let mut removed = Vec::new();
        let Some(record) = held.record.clone() else { return Ok((removed, 0)) };
        let directory = self.layout.desktop(record.desktop);
        let process = held.running.as_ref().map(|running| running.process);
        if let Some(process) =
            process.or_else(|| recorded_process(&directory)).filter(|process| process.alive())
        {
            process.kill().await?;
            removed.push("process".to_owned());
        }
        held.running = None;
        desktop.show(held);
        if self.network.remove(record.index).await? {
            removed.push("network namespace".to_owned());
        }
        if self.cgroups.end(&record.desktop.to_string()).await? {
            removed.push("control group".to_owned());
        }
        let bytes = disk_bytes(&directory);
        for (name, what) in [(SEALED, "suspended memory"), (CONSOLE, "console log"), (LOG, "machine log")] {
            if durable::remove(&directory.join(name))? {
                removed.push(what.to_owned());
            }
        }
        remove_rest(&directory)?;
        let layers: Vec<LayerId> = record.all_layers().collect();
        durable::remove(&directory.join(RECORD))?;
        std::fs::remove_dir(&directory).doing_with("removing", &directory)?;
        removed.push("record".to_owned());
        durable::sync_directory(&self.layout.desktops())?;
        self.give_back(record.index);
        held.record = None;
        desktop.show(held);
        let freed = self.remove_unneeded(&layers)?;
        if record.template.name() == IMPORTED {
            self.forget_imported()?;
        }
        if freed > 0 {
            removed.insert(0, "disk layer".to_owned());
        }
        Ok((removed, bytes + freed))
    }
}

/// Removes all files but the record.
fn remove_rest(directory: &Path) -> Result<(), EngineError> {
    for entry in std::fs::read_dir(directory).doing_with("reading", directory)? {
        let entry = entry.doing_with("reading", directory)?;
        if entry.file_name() != RECORD {
            durable::remove(&entry.path())?;
        }
    }
    Ok(())
}
