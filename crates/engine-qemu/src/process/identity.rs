//! Knowing a process again.

use std::collections::HashMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use rolltop_model::DesktopId;
use rustix::process::{Pid, PidfdFlags, Resource, Rlimit, Signal, pidfd_open, pidfd_send_signal, prlimit};
use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};
use tokio::io::Ready;

use super::given::within;
use super::watched::watched;
use crate::durable;
use crate::fault::{Doing, Fault};

/// How long a process that was killed may take to be gone: its memory is given back first.
const END_LIMIT: Duration = Duration::from_secs(20);

/// A process, told apart from any later one of the same number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    pub pid: i32,
    /// When it was started, in the kernel's clock ticks since the machine's start.
    pub start: u64,
}

/// Whether limits of other users' processes can be raised: root in a container often can't.
pub(crate) fn may_raise_limits() -> bool {
    let sets = rustix::thread::capabilities(None);
    sets.is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_RESOURCE))
}

/// Whether any process runs as this user. Such a user's number is given to nobody else.
pub(crate) fn is_in_use(uid: u32) -> bool {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes =
        entries.filter(|entry| entry.file_name().as_bytes().first().is_some_and(u8::is_ascii_digit));
    processes.filter_map(|entry| entry.metadata().ok()).any(|metadata| metadata.uid() == uid)
}

impl Process {
    /// The process that has this number now.
    pub fn of(pid: i32) -> Option<Self> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let (state, start) = state_and_start(&stat)?;
        (!matches!(state, 'Z' | 'X')).then_some(Self { pid, start })
    }

    /// Reads a desktop's `pid` file.
    pub fn load(path: &Path) -> Option<Self> {
        serde_json::from_slice(&fs::read(path).ok()?).ok()
    }

    /// Writes it.
    pub fn save(&self, path: &Path) -> Result<(), Fault> {
        let text = serde_json::to_vec(self).map_err(|error| Fault::Other(error.to_string()))?;
        durable::write(path, &text, 0o600)
    }

    /// Has files that it writes be as long as this, bytes.
    pub fn may_write(&self, bytes: u64) -> Result<(), Fault> {
        if self.file_limit().is_none_or(|limit| limit >= bytes) {
            return Ok(());
        }
        let limit = Rlimit { current: Some(bytes), maximum: Some(bytes) };
        let set = prlimit(Pid::from_raw(self.pid), Resource::Fsize, limit);
        set.map(drop).map_err(std::io::Error::from).doing("raising a process's limit")
    }

    /// Longest file it may write, bytes; `None` for no limit.
    fn file_limit(&self) -> Option<u64> {
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", self.pid)).unwrap_or_default();
        let line = limits.lines().find_map(|line| line.strip_prefix("Max file size"))?;
        line.split_whitespace().next()?.parse().ok()
    }

    /// Whether it still runs.
    pub fn alive(&self) -> bool {
        Self::of(self.pid) == Some(*self)
    }

    /// A handle that stays with this very process; `None` if it is gone.
    pub fn handle(&self) -> Option<OwnedFd> {
        let handle = pidfd_open(Pid::from_raw(self.pid)?, PidfdFlags::NONBLOCK).ok()?;
        // Asked after opening: had the number been given away before, the start would differ.
        self.alive().then_some(handle)
    }

    /// Returns when it has ended.
    pub async fn ended(&self) {
        let Some(handle) = self.handle() else { return };
        let Ok(watched) = watched(handle) else { return };
        while self.alive() {
            if let Ok(mut guard) = watched.readable().await {
                guard.clear_ready_matching(Ready::READABLE);
            }
        }
    }

    /// Kills it and waits until it is gone.
    pub async fn kill(&self) -> Result<(), Fault> {
        if let Some(handle) = self.handle() {
            // It may end by itself in between; then there is nothing to signal.
            let _ = pidfd_send_signal(&handle, Signal::KILL);
        }
        let ended = within(END_LIMIT, [*self], self.ended()).await;
        ended.ok_or_else(|| Fault::Slow("a killed program's end".into()))
    }

    /// Whether it has a mount namespace of its own.
    pub(crate) fn has_own_view(&self) -> bool {
        let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
        namespace(&self.pid.to_string()) != namespace("self")
    }

    /// The user it runs as.
    pub(crate) fn uid(&self) -> Result<u32, Fault> {
        use std::os::unix::fs::MetadataExt;
        let metadata = fs::metadata(format!("/proc/{}", self.pid)).doing("looking at a process")?;
        Ok(metadata.uid())
    }

    /// Proportional share of memory, bytes: what would be free if it ended.
    pub fn memory_bytes(&self) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).unwrap_or_default();
        let kib = text.lines().find_map(|line| line.strip_prefix("Pss:"));
        kib.and_then(|rest| rest.trim().trim_end_matches("kB").trim().parse::<u64>().ok()).unwrap_or(0) << 10
    }

    /// Processor time used so far, milliseconds; 0 where it has ended.
    pub(crate) fn cpu_ms(&self) -> u64 {
        self.cpu_ticks().unwrap_or(0).saturating_mul(1000) / rustix::param::clock_ticks_per_second().max(1)
    }

    /// Whether any of its threads works, or would if it were given a processor or what it reads.
    pub(crate) fn wants_to_work(&self) -> bool {
        let threads = fs::read_dir(format!("/proc/{}/task", self.pid)).into_iter().flatten().flatten();
        let stats = threads.filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok());
        stats.filter_map(|stat| state_and_start(&stat)).any(|(state, _)| matches!(state, 'R' | 'D'))
    }

    /// Processor time used so far, in clock ticks.
    pub(crate) fn cpu_ticks(&self) -> Option<u64> {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.pid)).ok()?;
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
    }
}

/// State and start time from `/proc/PID/stat`. The name in brackets may hold anything.
fn state_and_start(stat: &str) -> Option<(char, u64)> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?.chars().next()?;
    Some((state, fields.nth(18)?.parse().ok()?))
}

/// All QEMU processes whose working directory lies in `directory`, by the desktop they name;
/// those that name none (a bake) under `None`.
pub fn ours(directory: &Path) -> HashMap<Option<DesktopId>, Vec<Process>> {
    let mut found: HashMap<_, Vec<_>> = HashMap::new();
    let Ok(directory) = fs::canonicalize(directory) else { return found };
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let Ok(place) = fs::read_link(entry.path().join("cwd")) else { continue };
        // A removed directory reads as "/path (deleted)", which still begins as ours do.
        if !place.as_os_str().as_bytes().starts_with(directory.as_os_str().as_bytes()) {
            continue;
        }
        let Ok(command) = fs::read(entry.path().join("cmdline")) else { continue };
        let Some(name) = guest_name(&command) else { continue };
        if let Some(process) = Process::of(pid) {
            found.entry(name.parse().ok()).or_default().push(process);
        }
    }
    found
}

/// The guest's name on a QEMU command line as `/proc` gives it.
fn guest_name(command: &[u8]) -> Option<&str> {
    let mut arguments = command.split(|byte| *byte == 0);
    arguments.find(|argument| *argument == b"-name")?;
    let name = std::str::from_utf8(arguments.next()?).ok()?;
    name.strip_prefix("guest=")?.split(',').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_brackets_does_not_shift_the_fields() {
        let stat = "42 (a) b) S 1 42 42 0 -1 4194560 1 2 3 4 50 60 7 8 20 0 3 0 987654 1000 10";
        assert_eq!(state_and_start(stat), Some(('S', 987_654)));
        assert_eq!(state_and_start("42 (x"), None);
    }

    #[test]
    fn the_guests_name_is_found_on_the_command_line() {
        let command = b"qemu-system-x86_64\0-name\0guest=dsk_00000000000000000000000001,debug-threads=on\0-m\x002048M\0";
        assert_eq!(guest_name(command), Some("dsk_00000000000000000000000001"));
        assert_eq!(guest_name(b"vi\0notes\0"), None);
    }

    #[test]
    fn a_pid_file_of_an_earlier_process_is_not_believed() {
        let pid = i32::try_from(std::process::id()).unwrap();
        let me = Process::of(pid).unwrap();
        assert!(me.alive() && me.handle().is_some());
        let earlier = Process { start: me.start - 1, ..me };
        assert!(!earlier.alive() && earlier.handle().is_none());
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("pid");
        me.save(&path).unwrap();
        assert_eq!(Process::load(&path), Some(me));
        fs::write(&path, "12\n").unwrap();
        assert_eq!(Process::load(&path), None);
    }

    #[test]
    fn a_process_that_works_is_told_from_one_that_waits() {
        let mut children = ["while :; do :; done", "exec sleep 600"]
            .map(|script| std::process::Command::new("sh").args(["-c", script]).spawn().unwrap());
        let [busy, idle] =
            children.each_ref().map(|child| Process::of(i32::try_from(child.id()).unwrap()).unwrap());
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while !busy.wants_to_work() || idle.wants_to_work() {
            assert!(std::time::Instant::now() < deadline, "they are not told apart");
            std::thread::sleep(Duration::from_millis(20));
        }
        for child in &mut children {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    #[tokio::test]
    async fn a_process_is_seen_to_end() {
        let mut child = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let process = Process::of(i32::try_from(child.id()).unwrap()).unwrap();
        let ended = tokio::spawn(async move { process.ended().await });
        process.kill().await.unwrap();
        tokio::time::timeout(Duration::from_secs(5), ended).await.unwrap().unwrap();
        assert!(!child.wait().unwrap().success());
    }
}
