//! What is on the host and belongs to nobody.
//!
//! A desktop the caller does not know is a leftover with all that belongs to it, and listed
//! once. Everything else is listed by itself: processes, networks, control groups, files and
//! half-made layers that belong to no desktop there is.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rolltop_engine::{EngineError, Known, Leftover};
use rolltop_model::{DesktopId, SnapshotId};

use super::Host;
use crate::durable;
use crate::fault::{Doing, Fault, told};
use crate::process::{Process, ours};

/// One leftover, as it can be removed.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    Desktop(DesktopId),
    Snapshot(SnapshotId),
    Process(Process),
    Network(u32),
    ControlGroup(String),
    Directory(PathBuf),
    File(PathBuf),
}

impl Host {
    pub(crate) async fn leftovers(self: Arc<Self>, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        Ok(self.find_leftovers(known).iter().map(|found| self.named(found)).collect())
    }

    pub(crate) async fn sweep(self: Arc<Self>, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        self.forget_old_fences();
        let mut swept = Vec::new();
        for found in self.find_leftovers(known) {
            let leftover = self.named(&found);
            // One that stays, such as the control group of a process that isn't ours, keeps no other.
            let stays = self.remove_leftover(found).await.err().map(|error| told(&error));
            swept.push(Leftover { stays, ..leftover });
        }
        self.forget_imported()?;
        Ok(swept)
    }

    /// Removes what an earlier process was in the middle of making when it ended: nobody else
    /// works on this directory. A desktop's directory stays even where its record can't be read, and
    /// so does any layer then that may be its disk.
    pub(super) async fn tidy(self: &Arc<Self>) {
        let known = Known {
            desktops: self.desktops().keys().copied().collect(),
            snapshots: self.snapshots().into_iter().map(|info| info.snapshot).collect(),
        };
        let (desktops, layers) = (self.layout.desktops(), self.layout.layers());
        let found = self.find_leftovers(&known);
        let is_unread =
            |found: &Found| matches!(found, Found::Directory(path) if path.starts_with(&desktops));
        let any_unread = found.iter().any(is_unread);
        for found in found {
            // Nobody knows which layers a desktop has whose record can't be read.
            let may_be_a_disk =
                any_unread && matches!(&found, Found::File(path) if path.parent() == Some(layers.as_path()));
            if is_unread(&found) || may_be_a_disk {
                continue;
            }
            let Leftover { kind, name, .. } = self.named(&found);
            match self.remove_leftover(found).await {
                Ok(()) => tracing::info!(kind, name, "removed what was left half done"),
                Err(error) => tracing::warn!(kind, name, error = told(&error), "can't be removed"),
            }
        }
    }

    /// Ends machines that are being baked; what else there is of them goes at the next start.
    pub(crate) async fn end_bakes(&self) -> Result<(), EngineError> {
        for process in ours(&self.layout.templates()).into_values().flatten() {
            process.kill().await?;
        }
        Ok(())
    }

    fn named(&self, found: &Found) -> Leftover {
        let (kind, name) = match found {
            Found::Desktop(id) => ("machine", id.to_string()),
            Found::Snapshot(id) => ("snapshot", id.to_string()),
            Found::Process(process) => ("process", process.pid.to_string()),
            Found::Network(index) => ("network namespace", self.network.plan().namespace(*index)),
            Found::ControlGroup(name) => ("control group", name.clone()),
            Found::Directory(path) => ("directory", path.display().to_string()),
            Found::File(path) => ("file", path.display().to_string()),
        };
        Leftover { kind: kind.to_owned(), name, stays: None }
    }

    fn find_leftovers(&self, known: &Known) -> Vec<Found> {
        let held: Vec<DesktopId> = self.desktops().keys().copied().collect();
        let mut found: Vec<Found> =
            held.iter().filter(|id| !known.desktops.contains(id)).map(|id| Found::Desktop(*id)).collect();
        found.extend(self.stray_processes().into_iter().map(Found::Process));
        // Read before the numbers in use: a network that is begun in between is then in both.
        let networks = self.network.existing();
        let taken = self.indices().clone();
        found.extend(networks.difference(&taken).map(|index| Found::Network(*index)));
        found.extend(self.stray_groups().into_iter().map(Found::ControlGroup));
        found.extend(self.stray_directories().into_iter().map(Found::Directory));
        let snapshots = self.snapshots().into_iter().map(|info| info.snapshot);
        found.extend(snapshots.filter(|id| !known.snapshots.contains(id)).map(Found::Snapshot));
        found.extend(self.stray_files().into_iter().map(Found::File));
        found
    }

    /// Processes of ours that are neither a desktop's nor a bake's under way.
    fn stray_processes(&self) -> Vec<Process> {
        let machines = ours(&self.layout.desktops()).into_iter().flat_map(|(id, processes)| {
            let desktop = id.and_then(|id| self.find(id));
            let recorded = id.and_then(|id| crate::machine::recorded_process(&self.layout.desktop(id)));
            // While it is being started, nothing about its process is written down yet.
            let mine = move |process: &Process| {
                desktop.as_ref().is_some_and(|desktop| desktop.is_busy() || recorded == Some(*process))
            };
            processes.into_iter().filter(move |process| !mine(process)).collect::<Vec<_>>()
        });
        let baking = self.bakes_under_way();
        let bakes = if baking {
            Vec::new()
        } else {
            ours(&self.layout.templates()).into_values().flatten().collect()
        };
        machines.chain(bakes).collect()
    }

    fn stray_groups(&self) -> BTreeSet<String> {
        let of_ours = |name: &String| name.parse::<DesktopId>().is_ok_and(|id| self.find(id).is_some());
        let baking = self.bakes_under_way();
        let groups = self.cgroups.existing().into_iter();
        let taken = self.indices().clone();
        let of_helper = |name: &str| super::helper::number(name).is_some_and(|index| taken.contains(&index));
        groups
            .filter(|name| {
                !(of_ours(name) || of_helper(name) || baking && super::bake::number(name).is_some())
            })
            .collect()
    }

    /// Directories of desktops without a record, and bakes that were cut short.
    fn stray_directories(&self) -> Vec<PathBuf> {
        let without_record = entries(&self.layout.desktops()).into_iter().filter(|path| {
            let id = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            id.is_none_or(|id: DesktopId| self.find(id).is_none())
        });
        let baking = self.bakes_under_way();
        let half_baked = entries(&self.layout.templates()).into_iter().flat_map(|version| entries(&version));
        let half_baked = half_baked.filter(|path| !baking && super::bake::is_temporary(path));
        let half_kept = entries(&self.layout.snapshots()).into_iter().filter(|path| {
            let busy = self.snapshots_making().contains(path);
            !busy && super::snapshot::SnapshotRecord::load(path).is_none()
        });
        without_record.chain(half_baked).chain(half_kept).collect()
    }

    /// Half-made layers, and whatever else lies among them.
    fn stray_files(&self) -> Vec<PathBuf> {
        let needed: BTreeSet<PathBuf> =
            self.needed_layers().into_iter().map(|id| self.layout.layer(id)).collect();
        let making = self.layers_making();
        let layers = entries(&self.layout.layers()).into_iter().filter(|path| path.is_file());
        let is_being_made = |path: &PathBuf| making.contains(&path.with_extension("qcow2"));
        layers.filter(|path| !needed.contains(path) && !is_being_made(path)).collect()
    }

    async fn remove_leftover(&self, found: Found) -> Result<(), EngineError> {
        match found {
            Found::Desktop(id) => {
                let (desktop, mut held) = self.hold(id).await;
                if let Some(fence) = held.record.as_ref().map(|record| record.fence) {
                    self.bury_fence(id, fence)?;
                }
                let outcome = self.remove_all(&desktop, &mut held).await;
                self.let_go(id, &mut held);
                outcome?;
            }
            Found::Snapshot(id) => {
                self.remove_snapshot_files(id)?;
            }
            Found::Process(process) => process.kill().await?,
            Found::Network(index) => {
                self.network.remove(index).await?;
            }
            // What an earlier process of ours had sent out, or was baking in a template that is gone.
            Found::ControlGroup(name)
                if super::helper::number(&name).is_some() || super::bake::number(&name).is_some() =>
            {
                self.cgroups.end(&name).await?;
            }
            Found::ControlGroup(name) => {
                self.cgroups.remove(&name).await?;
            }
            Found::Directory(path) => remove_directory(path).await?,
            Found::File(path) => {
                durable::remove(&path)?;
            }
        }
        Ok(())
    }
}

async fn remove_directory(path: PathBuf) -> Result<(), Fault> {
    let removing =
        tokio::task::spawn_blocking(move || std::fs::remove_dir_all(&path).doing_with("removing", &path));
    removing.await.unwrap_or_else(|_| Err(Fault::Other("removing a directory broke off".into())))
}

fn entries(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).collect()
}
