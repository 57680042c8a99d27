//! Limits on what one machine's process may use of the host: control groups, version 2 where
//! its controllers are there, else version 1.

use std::fs::{self, File};
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rolltop_model::Size;
use rustix::process::{Pid, Signal, kill_process};

use crate::fault::{Doing, Fault};

/// The controllers in use.
const CONTROLLERS: [&str; 3] = ["memory", "cpu", "pids"];
/// Where version 1 limits disks, if the kernel has it.
const DISK_CONTROLLER: &str = "blkio";
/// What QEMU may use beside the guest's memory, MiB: emulation buffers, device state, caches.
const OVERHEAD_MIB: u64 = 1024;
/// Threads: processors, workers for the disk, and some of QEMU's own.
const MAX_THREADS: u32 = 192;
/// How long what was killed may take to be gone.
const END_LIMIT: Duration = Duration::from_secs(20);
/// The scheduler's period, microseconds.
const PERIOD: u64 = 100_000;

/// Who comes first when there is not enough for all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Share {
    /// A desktop somebody uses.
    Full,
    /// Work that nobody waits for while desktops are busy: less than half of what one of them gets. With a twentieth, QEMU did not
    /// even answer, and a bake beside two busy desktops would take most of an hour.
    Background,
}

/// How hard one machine may work the disk that the engine's directory is on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DiskLimits {
    /// The whole disk, as `major:minor`; partitions have no limits of their own.
    pub disk: String,
    pub bytes_per_second: u64,
    pub operations_per_second: u64,
}

impl DiskLimits {
    /// The disk under a directory; `None` where it is no block device (overlay, network, some btrfs).
    pub(crate) fn of(directory: &Path, bytes_per_second: u64, operations_per_second: u64) -> Option<Self> {
        use std::os::unix::fs::MetadataExt;
        let device = fs::metadata(directory).ok()?.dev();
        let number = format!("{}:{}", rustix::fs::major(device), rustix::fs::minor(device));
        let entry = fs::canonicalize(Path::new("/sys/dev/block").join(&number)).ok()?;
        let whole = if entry.join("partition").exists() { entry.parent()? } else { &entry };
        let disk = fs::read_to_string(whole.join("dev")).ok()?.trim().to_owned();
        Some(Self { disk, bytes_per_second, operations_per_second })
    }

    fn unified(&self) -> Vec<(&'static str, String)> {
        let Self { disk, bytes_per_second: bytes, operations_per_second: operations } = self;
        vec![("io.max", format!("{disk} rbps={bytes} wbps={bytes} riops={operations} wiops={operations}"))]
    }

    fn separate(&self) -> Vec<(&'static str, String)> {
        let limit = |value: u64| format!("{} {value}", self.disk);
        vec![
            ("blkio.throttle.read_bps_device", limit(self.bytes_per_second)),
            ("blkio.throttle.write_bps_device", limit(self.bytes_per_second)),
            ("blkio.throttle.read_iops_device", limit(self.operations_per_second)),
            ("blkio.throttle.write_iops_device", limit(self.operations_per_second)),
        ]
    }
}

/// Where the groups are.
#[derive(Debug, Clone)]
pub(crate) struct Cgroups {
    /// Directories that hold our machines' groups, one for each hierarchy.
    parents: Vec<PathBuf>,
    unified: bool,
    disk: Option<DiskLimits>,
}

impl Cgroups {
    /// Looks at what is mounted under `root` and makes the parent groups, named `name`.
    pub(crate) fn open(root: &Path, name: &str, disk: Option<DiskLimits>) -> Result<Self, Fault> {
        let available = fs::read_to_string(root.join("cgroup.controllers")).unwrap_or_default();
        let unified =
            CONTROLLERS.iter().all(|wanted| available.split_whitespace().any(|have| have == *wanted));
        let parents: Vec<PathBuf> = if unified {
            vec![root.join(name)]
        } else {
            let wanted = CONTROLLERS.iter().chain([&DISK_CONTROLLER]);
            wanted.map(|c| root.join(c)).filter(|path| path.is_dir()).map(|p| p.join(name)).collect()
        };
        if parents.len() < if unified { 1 } else { CONTROLLERS.len() } {
            tracing::warn!(root = %root.display(), "not all control groups are there; some limits don't hold");
        }
        for parent in &parents {
            fs::create_dir_all(parent).doing_with("making the control group", parent)?;
            // All desktops together would else count as much as one other program on this host.
            let (weight, value) = if unified { ("cpu.weight", "400") } else { ("cpu.shares", "4096") };
            let weight = parent.join(weight);
            if weight.exists() {
                fs::write(&weight, value).doing_with("setting", &weight)?;
            }
            if unified {
                for directory in [root, parent] {
                    let control = directory.join("cgroup.subtree_control");
                    fs::write(&control, "+memory +cpu +pids").doing_with("setting", &control)?;
                    // Not every kernel has it, and desktops run without.
                    let _ = fs::write(&control, "+io");
                }
            }
        }
        Ok(Self { parents, unified, disk })
    }

    /// Makes a machine's groups and opens the files by which a process joins them.
    pub(crate) fn create(&self, machine: &str, size: Size, share: Share) -> Result<Vec<OwnedFd>, Fault> {
        let settings = if self.unified { unified_limits(size, share) } else { separate_limits(size, share) };
        let mut joins = Vec::new();
        for parent in &self.parents {
            let group = parent.join(machine);
            fs::create_dir_all(&group).doing_with("making the control group", &group)?;
            for (name, value) in &settings {
                let setting = group.join(name);
                if setting.exists() {
                    fs::write(&setting, value).doing_with("setting", &setting)?;
                }
            }
            self.limit_disk(&group);
            let procs = group.join("cgroup.procs");
            joins.push(File::options().write(true).open(&procs).doing_with("opening", &procs)?.into());
        }
        Ok(joins)
    }

    /// A kernel that limits no disk, or not this one, is no reason to have no desktop.
    fn limit_disk(&self, group: &Path) {
        let Some(disk) = &self.disk else { return };
        let settings = if self.unified { disk.unified() } else { disk.separate() };
        for (name, value) in settings {
            let setting = group.join(name);
            if setting.exists()
                && let Err(error) = fs::write(&setting, value)
            {
                tracing::warn!(setting = %setting.display(), %error, "the disk's limit does not hold");
            }
        }
    }

    /// Removes a machine's groups once it has ended; `true` if there were any.
    pub(crate) async fn remove(&self, machine: &str) -> Result<bool, Fault> {
        let mut removed = false;
        for parent in &self.parents {
            removed |= remove_group(&parent.join(machine)).await?;
        }
        Ok(removed)
    }

    /// Ends all that is in a machine's groups, and removes them; `true` if there were any.
    pub(crate) async fn end(&self, machine: &str) -> Result<bool, Fault> {
        let deadline = tokio::time::Instant::now() + END_LIMIT;
        loop {
            let left = self.parents.iter().filter(|parent| kill_group(&parent.join(machine))).count();
            if left == 0 {
                break;
            }
            if tokio::time::Instant::now() > deadline {
                return Err(Fault::Slow(format!("the end of all that is in control group {machine}")));
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.remove(machine).await
    }

    /// Removes the parents too, once no machine has a group.
    pub(crate) async fn remove_parents(&self) -> Result<(), Fault> {
        for parent in &self.parents {
            remove_group(parent).await?;
        }
        Ok(())
    }

    /// Names of machines that have groups.
    pub(crate) fn existing(&self) -> std::collections::BTreeSet<String> {
        let groups = self.parents.iter().filter_map(|parent| fs::read_dir(parent).ok()).flatten().flatten();
        let directories = groups.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        directories.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }
}

/// Kills what is in a group; `false` if nothing was.
fn kill_group(group: &Path) -> bool {
    let inside = fs::read_to_string(group.join("cgroup.procs")).unwrap_or_default();
    let inside: Vec<i32> = inside.lines().filter_map(|line| line.parse().ok()).collect();
    if inside.is_empty() {
        return false;
    }
    // Version 2 does it at one stroke, so that nothing can be started meanwhile.
    let all = group.join("cgroup.kill");
    let killed = all.exists() && fs::write(all, "1").is_ok();
    if !killed {
        for pid in inside.iter().filter_map(|pid| Pid::from_raw(*pid)) {
            // It may have ended in between; the group is looked at again.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
    true
}

async fn remove_group(group: &Path) -> Result<bool, Fault> {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(5);
    loop {
        match fs::remove_dir(group) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            // The kernel lets go of a group a moment after its last process has ended.
            Err(error)
                if error.kind() == io::ErrorKind::ResourceBusy && tokio::time::Instant::now() < deadline =>
            {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => return Err(error).doing_with("removing the control group", group),
        }
    }
}

fn memory_limit(size: Size) -> String {
    ((size.memory_mib() + OVERHEAD_MIB) << 20).to_string()
}

/// Processor time within a period: all virtual processors and half of one for the devices.
fn quota(size: Size) -> u64 {
    u64::from(size.vcpus()) * PERIOD + PERIOD / 2
}

fn unified_limits(size: Size, share: Share) -> Vec<(&'static str, String)> {
    vec![
        ("memory.max", memory_limit(size)),
        ("cpu.max", format!("{} {PERIOD}", quota(size))),
        // The kernel's default for a group is 100.
        ("cpu.weight", if share == Share::Full { "100" } else { "40" }.to_owned()),
        ("pids.max", MAX_THREADS.to_string()),
    ]
}

fn separate_limits(size: Size, share: Share) -> Vec<(&'static str, String)> {
    vec![
        ("memory.limit_in_bytes", memory_limit(size)),
        ("cpu.cfs_period_us", PERIOD.to_string()),
        ("cpu.cfs_quota_us", quota(size).to_string()),
        // The kernel's default for a group is 1024.
        ("cpu.shares", if share == Share::Full { "1024" } else { "410" }.to_owned()),
        ("pids.max", MAX_THREADS.to_string()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn version_one_is_used_where_version_two_has_no_controllers() {
        let root = tempfile::tempdir().unwrap();
        for controller in CONTROLLERS {
            fs::create_dir(root.path().join(controller)).unwrap();
        }
        fs::write(root.path().join("cgroup.controllers"), "\n").unwrap();
        let groups = Cgroups::open(root.path(), "rolltop", None).unwrap();
        assert!(!groups.unified);
        for controller in CONTROLLERS {
            let group = root.path().join(controller).join("rolltop/x");
            fs::create_dir(&group).unwrap();
            fs::write(group.join("cgroup.procs"), "").unwrap();
        }
        let limit = root.path().join("memory/rolltop/x/memory.limit_in_bytes");
        fs::write(&limit, "").unwrap();
        assert_eq!(groups.create("x", Size::S, Share::Full).unwrap().len(), 3);
        assert_eq!(fs::read_to_string(limit).unwrap(), (3072u64 << 20).to_string());
        assert_eq!(groups.existing().into_iter().collect::<Vec<_>>(), ["x"]);
    }

    #[test]
    fn version_two_is_used_where_it_has_them() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("cgroup.controllers"), "cpuset cpu io memory pids\n").unwrap();
        let groups = Cgroups::open(root.path(), "rolltop", None).unwrap();
        assert!(groups.unified);
        assert_eq!(groups.parents, [root.path().join("rolltop")]);
        assert_eq!(
            fs::read_to_string(root.path().join("cgroup.subtree_control")).unwrap(),
            "+io" // a real file takes each of them; this one keeps the last
        );
    }

    #[test]
    fn a_disk_is_limited_in_both_ways_of_writing_it() {
        let disk = DiskLimits { disk: "8:0".into(), bytes_per_second: 1000, operations_per_second: 10 };
        assert_eq!(disk.unified(), [("io.max", "8:0 rbps=1000 wbps=1000 riops=10 wiops=10".to_owned())]);
        let separate = disk.separate();
        assert_eq!(separate.first().unwrap(), &("blkio.throttle.read_bps_device", "8:0 1000".to_owned()));
        assert_eq!(separate.last().unwrap(), &("blkio.throttle.write_iops_device", "8:0 10".to_owned()));
    }
}
