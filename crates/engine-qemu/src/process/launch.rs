//! Starting a program with less than we have. `unsafe` is here because what has to happen
//! between `fork` and `exec` (giving up rights, choosing what is inherited) can only be said
//! in `pre_exec`.
#![expect(unsafe_code, reason = "pre_exec is the only way to act between fork and exec")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit};
use rustix::thread::UnshareFlags;

use crate::fault::{Doing, Fault};

/// What to start, and what it keeps.
pub(crate) struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// Its working directory, opened by us: it may not be able to reach it by name.
    pub directory: OwnedFd,
    /// User and group it runs as.
    pub uid: u32,
    /// Groups beside that.
    pub groups: Vec<u32>,
    /// Longest file it may write, bytes.
    pub file_bytes: u64,
    /// `cgroup.procs` files of the groups it joins.
    pub cgroups: Vec<OwnedFd>,
    /// Descriptors it inherits, under the numbers they have here.
    pub keep: Vec<OwnedFd>,
    /// Its standard output and error.
    pub log: File,
}

/// Starts it: in a session, a network and an IPC namespace of its own, without our rights,
/// environment or descriptors.
pub(crate) fn launch(launch: Launch) -> Result<Child, Fault> {
    let Launch { program, arguments, directory, uid, groups, file_bytes, cgroups, keep, log } = launch;
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", super::PROGRAM_PATH)
        .stdin(Stdio::null())
        .stdout(log.try_clone().doing("opening the log")?)
        .stderr(log);
    let groups: Vec<Gid> = groups.into_iter().map(Gid::from_raw).collect();
    let become_less = move || {
        for cgroup in &cgroups {
            rustix::io::write(cgroup, b"0")?;
        }
        keep_only(&keep)?;
        rustix::process::fchdir(&directory)?;
        rustix::process::setsid()?;
        for (resource, limit) in [
            (Resource::Core, 0),
            (Resource::Fsize, file_bytes),
            (Resource::Nofile, 1024),
            (Resource::Memlock, 0),
        ] {
            rustix::process::setrlimit(resource, Rlimit { current: Some(limit), maximum: Some(limit) })?;
        }
        rustix::process::umask(Mode::RWXG | Mode::RWXO);
        // SAFETY: SIG_IGN installs no handler; an over-long write is then an error, not a death.
        unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
        // SAFETY: the child has one thread and shares no namespace-bound state with us; neither
        // flag separates the table of open files.
        unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNET | UnshareFlags::NEWIPC) }?;
        rustix::thread::set_thread_groups(&groups)?;
        let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
        rustix::thread::set_thread_res_gid(group, group, group)?;
        rustix::thread::set_thread_res_uid(user, user, user)?;
        rustix::thread::set_no_new_privs(true)?;
        Ok(())
    };
    // SAFETY: the closure makes system calls only; it takes no lock and allocates nothing.
    unsafe { command.pre_exec(become_less) };
    command.spawn().doing_with("starting", &program)
}

/// Marks every descriptor beyond the standard three to be closed at `exec`, but for `keep`.
fn keep_only(keep: &[OwnedFd]) -> io::Result<()> {
    // SAFETY: this only sets a flag on descriptors; none is closed while in use.
    let answer = unsafe { libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int) };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    for descriptor in keep {
        fcntl_setfd(descriptor.as_fd(), FdFlags::empty())?;
    }
    Ok(())
}
