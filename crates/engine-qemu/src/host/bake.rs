//! Baking: booting a template once and keeping the memory of the machine that has come up.
//!
//! It has the same devices as a fork and a network of its own in quarantine. Nothing personal
//! is in it, so its disk is plain. A bake is a directory that gets its name last; one that was
//! cut short is a leftover.

use std::fs::{File, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rolltop_engine::EngineError;
use rolltop_model::{Size, TemplateVersion};
use rolltop_template::Manifest;
use serde_json::json;
use tokio::time::Instant;

use super::Host;
use super::helper::Helper;
use crate::accel;
use crate::cgroup::Share;
use crate::command_line::{CONSOLE, DISK};
use crate::durable;
use crate::fault::{Doing, Fault};
use crate::identity::{BAKE, BakeIdentity};
use crate::layer;
use crate::layout::make_directory;
use crate::machine::{self, Boot, LOG, Memory, Running};
use crate::memory;
use crate::process::View;
use crate::qemu::Qemu;

const RAM: &str = "ram";
const DEVICES: &str = "devices";
/// What a directory's name begins with until it is whole.
const TEMPORARY: &str = ".bake-";

/// Whether a directory is a bake under way or cut short.
pub(super) fn is_temporary(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(TEMPORARY))
}

/// What a bake works on.
#[derive(Clone, Copy)]
pub(super) struct Baking<'a> {
    pub directory: &'a Path,
    pub manifest: &'a Manifest,
    pub index: u32,
    /// Who talks with the guest: `ssh` reads what it says, and must have no right that it could be talked into using.
    pub talker: &'a Helper,
    /// What machine and talker get of the processors while they are not enough.
    pub share: Share,
}

pub(super) type Progress = dyn Fn(&str) + Send + Sync;

impl Host {
    /// Whether any bake is under way.
    pub(super) fn bakes_under_way(&self) -> bool {
        self.baking.try_lock().is_err()
    }

    pub(crate) async fn bake(
        self: Arc<Self>,
        version: &TemplateVersion,
        size: Size,
        share: Share,
        progress: &Progress,
    ) -> Result<(), EngineError> {
        // One at a time: a bake takes all the processors it gets.
        let _baking = self.baking.lock().await;
        let manifest = self.manifest(version)?;
        let qemu = self.qemu().await?;
        if self.is_baked(&manifest, size, &qemu) {
            progress(&format!("Size {size} of {version} is baked already."));
            return Ok(());
        }
        let memory = size.memory_mib() << 20;
        let _room = self.room_for(memory, Some(memory))?;
        let index = self.take_index()?;
        let directory = self.layout.template(version).join(format!("{TEMPORARY}{size}"));
        let baked = match self.engage() {
            Ok(talker) => {
                let on = Baking { directory: &directory, manifest: &manifest, index, talker: &talker, share };
                let baked = self.bake_in(on, size, &qemu, progress).await;
                self.dismiss(talker).await;
                baked.map_err(EngineError::from)
            }
            Err(error) => Err(error),
        };
        let cleaned = self.clean_up(&directory, index).await;
        self.give_back(index);
        baked?;
        Ok(cleaned?)
    }

    async fn bake_in(
        &self,
        on: Baking<'_>,
        size: Size,
        qemu: &Qemu,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let Baking { directory, manifest, index, share, .. } = on;
        let started = Instant::now();
        let identity = BakeIdentity::current(qemu, size, &manifest.cmdline);
        progress(&format!("Booting {} as size {size}.", manifest.version));
        self.clean_up(directory, index).await?;
        make_directory(directory)?;
        layer::plain_overlay(&directory.join(DISK), size.disk_gib(), "../disk.qcow2").await?;
        let tap = self.network.create(index).await?;
        let name = bake_name(index);
        let (running, _watched) = machine::boot(Boot {
            name: name.clone(),
            directory: directory.to_owned(),
            program: self.config.qemu.clone(),
            accel: qemu.accel,
            machine: identity.clone(),
            size,
            disk_gib: size.disk_gib(),
            template: "..".to_owned(),
            kernel_arguments: manifest.cmdline.clone(),
            memory: Memory::Shared { ram: RAM.to_owned() },
            disk: Vec::new(),
            base: None,
            layers: self.layout.layers(),
            uid: self.uid(index),
            groups: accel::groups(qemu.accel),
            view: View {
                devices: accel::devices(qemu.accel),
                ..self.layout.view(Some(directory), &[], &[self.layout.template(&manifest.version)])
            },
            cgroups: self.cgroups.create(&name, size, share)?,
            tap,
        })
        .await?;
        let baked = async {
            self.settle_guest(on, running.process, started, progress).await?;
            tokio::time::sleep(until_moment(SystemTime::now())).await;
            progress("Keeping its memory.");
            self.keep(directory, &running, index).await
        };
        let baked = baked.await;
        running.end().await?;
        baked?;
        let from = directory.to_owned();
        let to = self.layout.template(&manifest.version).join(self.layout.next_bake(&manifest.version, size));
        tokio::task::spawn_blocking(move || {
            let identity =
                serde_json::to_vec_pretty(&identity).map_err(|error| Fault::Other(error.to_string()))?;
            finish(&from, &to, &identity)
        })
        .await
        .unwrap_or_else(|_| Err(Fault::Other("keeping a bake broke off".into())))?;
        progress(&format!("Baked in {} s.", started.elapsed().as_secs()));
        Ok(())
    }

    async fn keep(&self, directory: &Path, running: &Running, index: u32) -> Result<(), Fault> {
        let devices = directory.join(DEVICES);
        let file = File::create(&devices).doing_with("making", &devices)?;
        let uid = self.uid(index);
        std::os::unix::fs::fchown(&file, Some(uid), Some(uid)).doing_with("giving away", &devices)?;
        let monitor = running.monitor()?;
        monitor.run("stop", json!({})).await?;
        monitor.run("xen-save-devices-state", json!({ "filename": DEVICES, "live": false })).await?;
        Ok(())
    }

    async fn clean_up(&self, directory: &Path, index: u32) -> Result<(), Fault> {
        for process in crate::process::ours(directory).into_values().flatten() {
            process.kill().await?;
        }
        self.network.remove(index).await?;
        self.cgroups.end(&bake_name(index)).await?;
        match std::fs::remove_dir_all(directory) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(error).doing_with("removing", directory)
            }
            _ => Ok(()),
        }
    }
}

/// How long until the moment of a minute at which memory is kept.
///
/// A clock on the screen is drawn again when the minute ends that was under way in the bake; until
/// then every fork shows the time of the bake. So the minute has almost ended: time enough for a
/// fork to be told the real time first, and nobody has to look at a wrong one for long.
fn until_moment(now: SystemTime) -> Duration {
    const MINUTE: Duration = Duration::from_secs(60);
    const LEFT: Duration = Duration::from_secs(10);
    let since = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let into_minute = Duration::from_millis((since.as_millis() % MINUTE.as_millis()) as u64);
    let wait = (MINUTE + MINUTE - LEFT) - into_minute;
    if wait >= MINUTE { wait - MINUTE } else { wait }
}

/// What names of machines that are being baked, and of their control groups, begin with.
const GROUP: &str = "bake-";

fn bake_name(index: u32) -> String {
    format!("{GROUP}{index}")
}

/// The number of a bake by its control group's name.
pub(super) fn number(group: &str) -> Option<u32> {
    group.strip_prefix(GROUP)?.parse().ok()
}

/// Makes the files root's and read-only, and gives the directory its name. Memory of zeros becomes holes.
fn finish(from: &Path, to: &Path, identity: &[u8]) -> Result<(), Fault> {
    machine::remove_sockets(from)?;
    let dug = memory::dig(&from.join(RAM))?;
    tracing::debug!(dug, "memory that the guest does not use is not kept");
    for name in [CONSOLE, LOG] {
        durable::remove(&from.join(name))?;
    }
    for name in [RAM, DEVICES, DISK] {
        let path: PathBuf = from.join(name);
        std::os::unix::fs::chown(&path, Some(0), Some(0)).doing_with("keeping", &path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o444)).doing_with("keeping", &path)?;
        File::open(&path).and_then(|file| file.sync_all()).doing_with("keeping", &path)?;
    }
    durable::write(&from.join(BAKE), identity, 0o444)?;
    durable::rename(from, to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_kept_ten_seconds_before_a_minute_ends() {
        for (into_minute, wait) in [(0, 50), (49, 1), (50, 0), (51, 59), (59, 51)] {
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000 + into_minute);
            assert_eq!(until_moment(now), Duration::from_secs(wait), "{into_minute} s into the minute");
        }
    }
}
