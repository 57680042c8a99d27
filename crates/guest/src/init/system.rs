//! What `init` asks of the kernel and of sshd, so that tests can stand in for both.

use std::fs;
use std::io;
use std::os::fd::BorrowedFd;

use rustix::fs::{Gid, Uid};
use rustix::process::{Pid, Signal, getppid};
use rustix::rand::GetRandomFlags;
use rustix::time::{ClockId, Timespec};

use super::connections::{self, Own};
use super::entropy;

const NANOSECONDS: i128 = 1_000_000_000;
/// A clock this close is left alone: the request was some time on its way.
const CLOSE_ENOUGH_NS: u128 = 1_000_000_000;
const SSHD_PID_FILE: &str = "/run/sshd.pid";
/// How far up from this process sshd's listener is looked for.
const MAX_ANCESTORS: usize = 16;

pub trait System {
    fn add_entropy(&self, bytes: &[u8]) -> io::Result<()>;
    fn random(&self, bytes: &mut [u8]) -> io::Result<()>;
    fn set_clock(&self, unix_time_ns: i128) -> io::Result<()>;
    fn set_hostname(&self, name: &str) -> io::Result<()>;
    /// Gives a file or directory to a user.
    fn give(&self, file: BorrowedFd<'_>, uid: u32, gid: u32) -> io::Result<()>;
    /// Makes everything on the file system that `file` is on durable.
    fn sync(&self, file: BorrowedFd<'_>) -> io::Result<()>;
    /// Makes what was done in a directory durable, and all renames before that.
    fn commit(&self, directory: BorrowedFd<'_>) -> io::Result<()>;
    /// Ends TCP connections to elsewhere, all but the one this runs on.
    fn end_connections(&self) -> io::Result<()>;
    /// Has sshd read its host key again. Open connections stay.
    fn reload_sshd(&self) -> io::Result<()>;
}

/// The real ones.
pub struct Kernel;

impl System for Kernel {
    fn add_entropy(&self, bytes: &[u8]) -> io::Result<()> {
        entropy::add(bytes)
    }

    fn random(&self, bytes: &mut [u8]) -> io::Result<()> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let length = rustix::rand::getrandom(&mut *rest, GetRandomFlags::empty())?;
            rest = rest.get_mut(length..).unwrap_or_default();
        }
        Ok(())
    }

    fn set_clock(&self, unix_time_ns: i128) -> io::Result<()> {
        let now = rustix::time::clock_gettime(ClockId::Realtime);
        let now = i128::from(now.tv_sec) * NANOSECONDS + i128::from(now.tv_nsec);
        if now.abs_diff(unix_time_ns) < CLOSE_ENOUGH_NS {
            return Ok(());
        }
        let out_of_range = |_| io::Error::from(io::ErrorKind::InvalidInput);
        let time = Timespec {
            tv_sec: i64::try_from(unix_time_ns.div_euclid(NANOSECONDS)).map_err(out_of_range)?,
            tv_nsec: i64::try_from(unix_time_ns.rem_euclid(NANOSECONDS)).map_err(out_of_range)?,
        };
        Ok(rustix::time::clock_settime(ClockId::Realtime, time)?)
    }

    fn set_hostname(&self, name: &str) -> io::Result<()> {
        Ok(rustix::system::sethostname(name.as_bytes())?)
    }

    fn give(&self, file: BorrowedFd<'_>, uid: u32, gid: u32) -> io::Result<()> {
        if (uid, gid) == (0, 0) {
            return Ok(()); // what root has made is root's
        }
        Ok(rustix::fs::fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
    }

    fn sync(&self, file: BorrowedFd<'_>) -> io::Result<()> {
        Ok(rustix::fs::syncfs(file)?)
    }

    fn commit(&self, directory: BorrowedFd<'_>) -> io::Result<()> {
        Ok(rustix::fs::fsync(directory)?)
    }

    fn end_connections(&self) -> io::Result<()> {
        let own = std::env::var("SSH_CONNECTION").unwrap_or_default();
        let own = Own::read(&own).ok_or_else(|| io::Error::other("not run through sshd"))?;
        connections::end_all_but(own)
    }

    fn reload_sshd(&self) -> io::Result<()> {
        let pid = listener_of_pid_file()
            .or_else(listener_among_ancestors)
            .ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, "sshd is not running"))?;
        Ok(rustix::process::kill_process(pid, Signal::HUP)?)
    }
}

/// The listener as it has recorded itself, if that process is still one.
fn listener_of_pid_file() -> Option<Pid> {
    let pid: i32 = fs::read_to_string(SSHD_PID_FILE).ok()?.trim().parse().ok()?;
    let (name, _) = process(pid)?;
    Pid::from_raw(pid).filter(|_| name == "sshd")
}

/// This command runs below sshd: the listener is the topmost `sshd` on the way up.
fn listener_among_ancestors() -> Option<Pid> {
    let mut next = getppid().map(|pid| i32::from(pid.as_raw_nonzero()));
    let mut listener = None;
    for _ in 0..MAX_ANCESTORS {
        let Some((name, parent)) = next.and_then(process) else { break };
        if name == "sshd" {
            listener = next.and_then(Pid::from_raw);
        }
        next = Some(parent);
    }
    listener
}

/// A process's name and parent.
fn process(pid: i32) -> Option<(String, i32)> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // PID (NAME) STATE PARENT …, where the name may hold anything.
    let (_, rest) = stat.split_once('(')?;
    let (name, rest) = rest.rsplit_once(')')?;
    let parent = rest.split_whitespace().nth(1)?.parse().ok()?;
    Some((name.to_owned(), parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_tells_its_name_and_parent() {
        let own = i32::try_from(std::process::id()).unwrap();
        let (_, parent) = process(own).unwrap();
        assert_eq!(Some(parent), getppid().map(|pid| i32::from(pid.as_raw_nonzero())));
        assert_eq!(process(-1), None);
    }

    #[test]
    fn random_bytes_fill_the_whole_buffer() {
        let mut bytes = [0; 600];
        Kernel.random(&mut bytes).unwrap();
        assert!(bytes.chunks(20).all(|chunk| chunk.iter().any(|byte| *byte != 0)));
    }
}
