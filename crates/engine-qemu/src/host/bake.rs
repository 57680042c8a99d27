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
use rolltop_template::{BOOTSTRAP_KEY, Manifest};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use super::Host;
use super::helper::{Errand, Helper, log_in_memory, logged};
use crate::accel;
use crate::cgroup::Share;
use crate::command_line::{CONSOLE, DISK};
use crate::durable;
use crate::fault::{Doing, Fault, told};
use crate::identity::{BAKE, BakeIdentity};
use crate::layer;
use crate::layout::make_directory;
use crate::machine::{self, Boot, LOG, Memory, Running};
use crate::memory;
use crate::network::GUEST;
use crate::process::{OwnFile, Process, View};
use crate::qemu::Qemu;

const RAM: &str = "ram";
const DEVICES: &str = "devices";
/// What a directory's name begins with until it is whole.
const TEMPORARY: &str = ".bake-";
/// How long a guest may take to boot, emulated on a busy host.
const BOOT_LIMIT: Duration = Duration::from_secs(600);
/// How long it may take to become calm after that.
const SETTLE_LIMIT: Duration = Duration::from_secs(300);
/// How long a script in it may take, and how much may be said meanwhile, bytes.
const TALK_LIMIT: Duration = Duration::from_secs(60);
const TALK_BYTES: u64 = 64 << 10;
/// What is in the view of who talks with it.
const KEY_FILE: &str = "/key";
const HOSTS_FILE: &str = "/hosts";
/// A machine is calm when it uses less than this share of a processor.
const CALM: f64 = 0.15;
/// For how many seconds on end it has to.
const CALM_SECONDS: u32 = 6;
/// True in a guest whose desktop is drawn.
const DRAWN: &str = "sudo -n test -S /run/rolltop/vnc.sock \
    && pgrep -u desk -x xfdesktop >/dev/null && pgrep -u desk -x xfwm4 >/dev/null";
/// Gives back blocks and memory that a fork would only have to copy.
const CLEAN: &str = "sudo -n sh -c 'fstrim -a || true; sync; echo 3 > /proc/sys/vm/drop_caches; sync'";

/// Whether a directory is a bake under way or cut short.
pub(super) fn is_temporary(path: &Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(TEMPORARY))
}

/// What a bake works on.
#[derive(Clone, Copy)]
struct Baking<'a> {
    directory: &'a Path,
    manifest: &'a Manifest,
    index: u32,
    /// Who talks with the guest: `ssh` reads what it says, and must have no right that it could be talked into using.
    talker: &'a Helper,
}

type Progress = dyn Fn(&str) + Send + Sync;

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
                let on = Baking { directory: &directory, manifest: &manifest, index, talker: &talker };
                let baked = self.bake_in(on, size, &qemu, share, progress).await;
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
        share: Share,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let Baking { directory, manifest, index, .. } = on;
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

    /// Waits until the guest has come up and nothing moves in it any more.
    async fn settle_guest(
        &self,
        on: Baking<'_>,
        process: Process,
        started: Instant,
        progress: &Progress,
    ) -> Result<(), Fault> {
        let boot_deadline = started + BOOT_LIMIT;
        while !self.door_answers(on.index).await {
            alive_before(process, boot_deadline, "a guest's sshd").await?;
        }
        progress(&format!("Its door opened after {:.1} s.", started.elapsed().as_secs_f64()));
        while let Err(fault) = self.in_guest(on, DRAWN).await {
            tracing::debug!(error = told(&fault), "the guest's desktop is not drawn yet");
            alive_before(process, boot_deadline, "a guest's desktop").await?;
        }
        progress(&format!("Its desktop was drawn after {:.1} s.", started.elapsed().as_secs_f64()));
        calm(process, Instant::now() + SETTLE_LIMIT).await?;
        progress(&format!("It was calm after {:.1} s.", started.elapsed().as_secs_f64()));
        self.in_guest(on, CLEAN).await?;
        calm(process, Instant::now() + SETTLE_LIMIT).await
    }

    async fn door_answers(&self, index: u32) -> bool {
        let Ok(mut stream) = self.network.connect(index).await else { return false };
        let mut banner = [0; 4];
        let reading = tokio::time::timeout(Duration::from_secs(5), stream.read_exact(&mut banner));
        matches!(reading.await, Ok(Ok(_))) && &banner == b"SSH-"
    }

    /// Runs a script in the guest. What it says is read by nobody but `ssh`.
    async fn in_guest(&self, on: Baking<'_>, script: &str) -> Result<(), Fault> {
        let Baking { directory, manifest, index, talker } = on;
        let key = directory.join("..").join(BOOTSTRAP_KEY);
        let key = std::fs::read(&key).doing_with("reading", &key)?;
        let own = |path, content, reader| OwnFile { path, content, reader };
        let hosts = format!("{GUEST} {}\n", manifest.host_key).into_bytes();
        // It wants to know who it is.
        let user = format!("talker:x:{0}:{0}::/:/bin/false\n", talker.uid).into_bytes();
        let mut arguments = ["-F", "none", "-q", "-T", "-o", "BatchMode=yes", "-o", "ConnectTimeout=20"]
            .map(str::to_owned)
            .to_vec();
        arguments
            .extend(["-o", "StrictHostKeyChecking=yes", "-o", "IdentitiesOnly=yes", "-o"].map(str::to_owned));
        arguments.push(format!("UserKnownHostsFile={HOSTS_FILE}"));
        arguments.extend([
            "-i".to_owned(),
            KEY_FILE.to_owned(),
            format!("rolltop@{GUEST}"),
            script.to_owned(),
        ]);
        let log = log_in_memory()?;
        let errand = Errand {
            program: "ssh".into(),
            arguments,
            view: View {
                files: vec![
                    own(KEY_FILE, key, Some(talker.uid)),
                    own(HOSTS_FILE, hosts, None),
                    own("/etc/passwd", user, None),
                ],
                ..self.layout.view(None, &[], &[])
            },
            network: Some(self.network.namespace(index)?),
            groups: Vec::new(),
            file_bytes: TALK_BYTES,
            keep: Vec::new(),
            log: log.try_clone().doing("opening a log")?,
        };
        let status = self.run_errand(talker, errand, TALK_LIMIT).await?;
        if status.success() {
            return Ok(());
        }
        let stderr = logged(&log, 1000).trim().to_owned();
        Err(Fault::Program { program: "ssh".into(), status: status.to_string(), stderr })
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

fn bake_name(index: u32) -> String {
    format!("bake-{index}")
}

/// Waits a moment, unless it has been long enough or the machine has ended.
async fn alive_before(process: Process, deadline: Instant, what: &str) -> Result<(), Fault> {
    if Instant::now() > deadline {
        return Err(Fault::Slow(what.to_owned()));
    }
    if tokio::time::timeout(Duration::from_millis(250), process.ended()).await.is_ok() {
        return Err(Fault::Ended(format!("it ended while waiting for {what}")));
    }
    Ok(())
}

/// Waits until the process has used little processor time for a while; a guest that never
/// becomes calm is taken as it is.
async fn calm(process: Process, deadline: Instant) -> Result<(), Fault> {
    let ticks_per_second = rustix::param::clock_ticks_per_second() as f64;
    let gone = || Fault::Ended("it ended while it was to become calm".into());
    let mut calm_seconds = 0;
    let mut before = process.cpu_ticks().ok_or_else(gone)?;
    while calm_seconds < CALM_SECONDS && Instant::now() < deadline {
        if tokio::time::timeout(Duration::from_secs(1), process.ended()).await.is_ok() {
            return Err(gone());
        }
        let now = process.cpu_ticks().ok_or_else(gone)?;
        let share = now.saturating_sub(before) as f64 / ticks_per_second;
        calm_seconds = if share < CALM { calm_seconds + 1 } else { 0 };
        before = now;
    }
    Ok(())
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
