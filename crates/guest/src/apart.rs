//! What people's programs may take of a desktop, so that the door is left enough to answer.
//!
//! ```text
//!  system.slice      the door, the screen
//!  user.slice        people's own sessions, the desktop
//!  rolltop           what the door starts: no more memory than leaves the door some
//!    commands        `exec`, each call in a group of its own: no more processes than leave the next call some
//!    terminals
//! ```
//!
//! Programs that the door starts would otherwise count as the door's own, and a fork bomb among them would leave it none. All
//! are control groups of version 2; a desktop whose kernel or template has none goes without.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub(crate) const ROOT: &str = "/sys/fs/cgroup";
/// The group with all that the door starts.
pub(crate) const OURS: &str = "rolltop";
const CONTROLLERS: &str = "+cpu +memory +pids";
/// Most processes and threads of one group, where the kernel allows so many.
const MOST_PROCESSES: u64 = 8192;
/// Of the memory, what is left to all others, as a divisor and at least in bytes.
const RESERVE_PART: u64 = 8;
const RESERVE_LEAST: u64 = 128 << 20;

/// What of the door's starts a program.
#[derive(Debug, Clone, Copy)]
pub enum Group {
    Commands,
    Terminals,
}

impl Group {
    fn name(self) -> &'static str {
        match self {
            Self::Commands => "commands",
            Self::Terminals => "terminals",
        }
    }
}

/// Puts a process, with what it starts from now on, into a group. For root.
pub fn put(group: Group, pid: u32) -> io::Result<()> {
    put_below(Path::new(ROOT), group, pid, &Machine::read())
}

fn put_below(root: &Path, group: Group, pid: u32, machine: &Machine) -> io::Result<()> {
    let all = machine.most_processes();
    let mut own = within(root, OURS, all, machine)?;
    own = within(&own, group.name(), all, machine)?;
    if let Group::Commands = group {
        remove_ended(&own);
        own = within(&own, &pid.to_string(), all / 4 * 3, machine)?;
    }
    fs::write(own.join("cgroup.procs"), pid.to_string())
}

/// The group of that name within another, made with its limits where it is not there.
fn within(parent: &Path, name: &str, processes: u64, machine: &Machine) -> io::Result<PathBuf> {
    let group = parent.join(name);
    if group.is_dir() {
        return Ok(group);
    }
    fs::write(parent.join("cgroup.subtree_control"), CONTROLLERS)?;
    match fs::create_dir(&group) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        Ok(()) | Err(_) => {}
    }
    for (file, limit) in [("pids.max", processes), ("memory.max", machine.most_memory())] {
        fs::write(group.join(file), limit.to_string())?;
    }
    Ok(group)
}

/// Groups of calls that are over: the kernel removes none in which there is still a process.
fn remove_ended(commands: &Path) {
    for entry in fs::read_dir(commands).into_iter().flatten().flatten() {
        let _ = fs::remove_dir(entry.path());
    }
}

/// What there is to divide.
struct Machine {
    threads: u64,
    memory: u64,
}

impl Machine {
    fn read() -> Self {
        let threads = fs::read_to_string("/proc/sys/kernel/threads-max").unwrap_or_default();
        let memory = fs::read_to_string("/proc/meminfo").unwrap_or_default();
        Self {
            threads: threads.trim().parse().unwrap_or(MOST_PROCESSES),
            memory: bytes_of(&memory, "MemTotal:").unwrap_or(u64::MAX),
        }
    }

    fn most_processes(&self) -> u64 {
        MOST_PROCESSES.min(self.threads / 4)
    }

    fn most_memory(&self) -> u64 {
        self.memory.saturating_sub((self.memory / RESERVE_PART).max(RESERVE_LEAST))
    }
}

/// Bytes of one line of `/proc/meminfo`.
pub(crate) fn bytes_of(meminfo: &str, name: &str) -> Option<u64> {
    let rest = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kibibytes: u64 = rest.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kibibytes.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MACHINE: Machine = Machine { threads: 15_000, memory: 2 << 30 };

    /// Folders and files in place of the kernel's, which makes files by itself.
    #[test]
    fn a_group_is_made_once_with_its_limits() {
        let root = tempfile::tempdir().unwrap();
        put_below(root.path(), Group::Commands, 41, &MACHINE).unwrap();
        put_below(root.path(), Group::Terminals, 42, &MACHINE).unwrap();
        let read = |file: &str| fs::read_to_string(root.path().join("rolltop").join(file)).unwrap();
        assert_eq!(read("terminals/cgroup.procs"), "42");
        assert_eq!(read("terminals/pids.max"), "3750");
        assert_eq!(read("commands/41/cgroup.procs"), "41");
        assert_eq!(
            (read("commands/41/pids.max"), read("commands/pids.max")),
            ("2811".to_owned(), "3750".to_owned())
        );
        for group in ["memory.max", "commands/memory.max", "commands/41/memory.max"] {
            assert_eq!(read(group), ((2_u64 << 30) - (256 << 20)).to_string(), "{group}");
        }
        assert_eq!(read("cgroup.subtree_control"), CONTROLLERS);
        // What somebody has set since stays.
        fs::write(root.path().join("rolltop/terminals/pids.max"), "9").unwrap();
        put_below(root.path(), Group::Terminals, 43, &MACHINE).unwrap();
        assert_eq!(read("terminals/pids.max"), "9");
    }

    #[test]
    fn small_and_large_machines_keep_something_back() {
        let small = Machine { threads: 4_000, memory: 512 << 20 };
        assert_eq!((small.most_processes(), small.most_memory()), (1000, 384 << 20));
        let large = Machine { threads: 250_000, memory: 32 << 30 };
        assert_eq!((large.most_processes(), large.most_memory()), (8192, 28 << 30));
    }

    #[test]
    fn memory_is_read_as_the_kernel_writes_it() {
        let meminfo = "MemTotal:        2014212 kB\nMemFree:  1 kB\n";
        assert_eq!(bytes_of(meminfo, "MemTotal:"), Some(2_014_212 * 1024));
        assert_eq!(bytes_of(meminfo, "MemAvailable:"), None);
    }
}
