//! Ending what people run in a desktop, without starting anything: there may be no room for another process.
//!
//! Ended are, with SIGKILL and whatever they started meanwhile: all commands and terminals of the door's (`apart`), root's
//! among them too; all sessions, which are in `user.slice`; and every process of the session's user, wherever it is. The session on the
//! screen and the screen's server are among these; systemd starts both again. System services, and what they run, stay.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rolltop_guest_protocol::Load;
use rustix::io::Errno;
use rustix::process::{Pid, Signal, Uid, kill_process_group};
use rustix::thread::set_thread_res_uid;

use crate::apart;
use crate::init::{self, Entitled, SessionError};

/// For what was killed to be gone: there may be thousands, of a busy emulated machine.
const GONE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_millis(50);

#[derive(Debug, thiserror::Error)]
pub enum EndError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("the processes of the session's user could not be ended")]
    Kill(#[source] io::Error),
}

/// Ends it all; how much is asked of the machine then.
pub fn people(entitled: &Entitled) -> Result<Load, EndError> {
    let user = Uid::from_raw(init::session_uid()?);
    end(Path::new(apart::ROOT), Path::new("/proc"), entitled.door, || kill_all_of(user))
        .map_err(EndError::Kill)
}

fn end(groups: &Path, proc: &Path, door: Option<u32>, kill: impl Fn() -> io::Result<()>) -> io::Result<Load> {
    let before = load(proc).processes;
    let ended: Vec<PathBuf> = of_people(groups, door)
        .into_iter()
        .filter(|group| fs::write(group.join("cgroup.kill"), "1").is_ok())
        .collect();
    kill()?;
    let until = Instant::now() + GONE;
    while ended.iter().any(|group| is_populated(group)) && Instant::now() < until {
        std::thread::sleep(LOOK);
    }
    Ok(Load { before, ..load(proc) })
}

/// The control groups in which there is nothing but what people run.
fn of_people(groups: &Path, door: Option<u32>) -> Vec<PathBuf> {
    let doors_own = door.map(|uid| format!("user-{uid}.slice"));
    let sessions = fs::read_dir(groups.join("user.slice")).into_iter().flatten().flatten();
    let sessions = sessions.filter(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        name.starts_with("user-") && name.ends_with(".slice") && Some(name.as_ref()) != doors_own.as_deref()
    });
    let mut people: Vec<PathBuf> = sessions.map(|entry| entry.path()).collect();
    people.sort();
    people.push(groups.join(apart::OURS));
    people
}

fn is_populated(group: &Path) -> bool {
    fs::read_to_string(group.join("cgroup.events"))
        .is_ok_and(|events| events.lines().any(|line| line == "populated 1"))
}

/// A user that nobody is, in no account and of no service.
const NOBODYS: u32 = 4_294_900_000;

/// Ends every process of a user. With that user's rights, because then it is one call, which no process that it starts
/// meanwhile escapes. Really of another user meanwhile: whoever has the real user of a process may stop it.
fn kill_all_of(user: Uid) -> io::Result<()> {
    set_thread_res_uid(Uid::from_raw(NOBODYS), user, Uid::ROOT)?;
    // To "the group of process 1" is the way to say: to all that I may.
    let killed = kill_process_group(Pid::INIT, Signal::KILL);
    set_thread_res_uid(Uid::ROOT, Uid::ROOT, Uid::ROOT)?;
    match killed {
        // There was none.
        Ok(()) | Err(Errno::SRCH) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// How much is asked of the machine.
pub fn load(proc: &Path) -> Load {
    let read = |file: &str| fs::read_to_string(proc.join(file)).unwrap_or_default();
    let number = |file: &str| read(file).trim().parse().unwrap_or(u64::MAX);
    let memory = read("meminfo");
    Load {
        processes: threads(&read("loadavg")),
        most_processes: number("sys/kernel/threads-max").min(number("sys/kernel/pid_max")),
        free_memory: apart::bytes_of(&memory, "MemAvailable:").unwrap_or(0),
        memory: apart::bytes_of(&memory, "MemTotal:").unwrap_or(0),
        before: 0,
    }
}

/// Of a line such as `0.1 0.2 0.3 2/145 2101`.
fn threads(loadavg: &str) -> u64 {
    let all = loadavg.split_whitespace().nth(3).and_then(|tasks| tasks.split_once('/')?.1.parse().ok());
    all.unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::Cell;

    fn put(root: &Path, file: &str, text: &str) {
        let file = root.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }

    /// Folders and files in place of the kernel's.
    #[test]
    fn what_people_run_is_ended_and_the_door_and_the_system_stay() {
        let (groups, proc) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        for group in [
            "rolltop",
            "user.slice/user-1000.slice",
            "user.slice/user-1001.slice",
            "user.slice/user-990.slice",
            "system.slice/ssh.service",
            "user.slice",
            "system.slice",
        ] {
            put(groups.path(), &format!("{group}/cgroup.kill"), "");
            put(groups.path(), &format!("{group}/cgroup.events"), "populated 0\nfrozen 0\n");
        }
        put(proc.path(), "loadavg", "5.0 4.0 3.0 70/4093 4711\n");
        put(proc.path(), "sys/kernel/threads-max", "15000\n");
        put(proc.path(), "sys/kernel/pid_max", "4194304\n");
        put(proc.path(), "meminfo", "MemTotal:  2048 kB\nMemFree: 1 kB\nMemAvailable:  1024 kB\n");
        let killed = Cell::new(0);
        let kill = || {
            killed.set(killed.get() + 1);
            put(proc.path(), "loadavg", "5.0 4.0 3.0 2/93 4711\n");
            Ok(())
        };
        let told = end(groups.path(), proc.path(), Some(990), kill).unwrap();
        assert_eq!(killed.get(), 1);
        let wanted = Load {
            processes: 93,
            most_processes: 15000,
            free_memory: 1 << 20,
            memory: 2 << 20,
            before: 4093,
        };
        assert_eq!(told, wanted);
        let is_ended =
            |group: &str| fs::read_to_string(groups.path().join(group).join("cgroup.kill")).unwrap() == "1";
        for group in ["rolltop", "user.slice/user-1000.slice", "user.slice/user-1001.slice"] {
            assert!(is_ended(group), "{group}");
        }
        for group in ["user.slice/user-990.slice", "system.slice/ssh.service", "user.slice", "system.slice"] {
            assert!(!is_ended(group), "{group}");
        }
    }

    #[test]
    fn a_desktop_without_control_groups_is_ended_by_its_user_alone() {
        let (groups, proc) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_eq!(end(groups.path(), proc.path(), None, || Ok(())).unwrap().processes, 0);
        let refused = end(groups.path(), proc.path(), None, || Err(io::ErrorKind::PermissionDenied.into()));
        assert!(refused.is_err(), "what could not be done is not said to be");
    }
}
