//! Starting a program with less than we have. `unsafe` is here because what has to happen
//! between `fork` and `exec` (giving up rights, choosing what is inherited) can only be said
//! in `pre_exec`.
#![expect(unsafe_code, reason = "pre_exec is the only way to act between fork and exec")]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, Rlimit};
use rustix::stdio::stderr;
use rustix::thread::{LinkNameSpaceType, UnshareFlags, move_into_link_name_space};

use tokio::sync::oneshot;

use super::Process;
use super::filter::filter;
use super::view::{Failed, View};
use crate::fault::{Doing, Fault};

/// What to start, and what it keeps.
pub(crate) struct Launch {
    pub program: PathBuf,
    pub arguments: Vec<String>,
    /// What it sees of the host's files.
    pub view: View,
    /// The network namespace it runs in; `None`: an empty one of its own.
    pub network: Option<OwnedFd>,
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

/// What was started.
pub(crate) struct Launched {
    /// `None` if it has ended already.
    pub process: Option<Process>,
    /// How it ends. Dropping this does nothing to it.
    pub end: oneshot::Receiver<ExitStatus>,
}

/// Starts it: in a session, a mount, a network and an IPC namespace of its own, without our rights, environment or
/// descriptors, and without system calls that it has no use for.
pub(crate) fn launch(launch: Launch) -> Result<Launched, Fault> {
    let Launch { program, arguments, view, network, uid, groups, file_bytes, cgroups, keep, log } = launch;
    let mut command = Command::new(&program);
    command
        .args(arguments)
        .env_clear()
        .env("PATH", super::PROGRAM_PATH)
        .stdin(Stdio::null())
        .stdout(log.try_clone().doing("opening the log")?)
        .stderr(log);
    let groups: Vec<Gid> = groups.into_iter().map(Gid::from_raw).collect();
    let (view, filter) = (view.prepare(&program)?, filter()?);
    let become_less = move || {
        for cgroup in &cgroups {
            rustix::io::write(cgroup, b"0")?;
        }
        keep_only(&keep)?;
        let mut namespaces = UnshareFlags::NEWNS | UnshareFlags::NEWIPC;
        match &network {
            Some(network) => move_into_link_name_space(network.as_fd(), Some(LinkNameSpaceType::Network))?,
            None => namespaces |= UnshareFlags::NEWNET,
        }
        // SAFETY: the child has one thread and shares no namespace-bound state with us; none of
        // these flags separates the table of open files.
        unsafe { rustix::thread::unshare_unsafe(namespaces) }?;
        rustix::process::umask(Mode::empty());
        view.enter().map_err(|Failed { step, errno }| {
            // We learn the number only; the log says where.
            for text in [c"rolltop: its view of files can't be made at ".to_bytes(), step.to_bytes(), b"\n"] {
                let _ = rustix::io::write(stderr(), text);
            }
            errno
        })?;
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
        rustix::thread::set_thread_groups(&groups)?;
        let (user, group) = (Uid::from_raw(uid), Gid::from_raw(uid));
        rustix::thread::set_thread_res_gid(group, group, group)?;
        rustix::thread::set_thread_res_uid(user, user, user)?;
        rustix::thread::set_no_new_privs(true)?;
        seccompiler::apply_filter(filter).map_err(|_| io::Error::from(io::ErrorKind::PermissionDenied))
    };
    // SAFETY: the closure makes system calls only; it takes no lock and allocates nothing.
    unsafe { command.pre_exec(become_less) };
    let mut child = command.spawn().doing_with("starting", &program)?;
    let process = Process::of(i32::try_from(child.id()).unwrap_or_default());
    // It is our child as long as we live, so its end has to be collected.
    let (sender, end) = oneshot::channel();
    let collect = move || {
        if let Ok(status) = child.wait() {
            // Nobody may want to know.
            let _ = sender.send(status);
        }
    };
    let thread = std::thread::Builder::new().name("child-end".into()).stack_size(64 << 10);
    thread.spawn(collect).doing("starting a thread")?;
    Ok(Launched { process, end })
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
