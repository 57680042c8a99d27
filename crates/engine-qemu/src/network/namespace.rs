//! Doing something inside a network namespace, from a process that lives outside of it.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use crate::fault::{Doing, Fault};
use std::os::fd::AsFd;

/// Where `ip netns` keeps its namespaces.
pub(super) const DIRECTORY: &str = "/run/netns";

/// The file that stands for a namespace.
pub(super) fn path(name: &str) -> PathBuf {
    Path::new(DIRECTORY).join(name)
}

/// The namespace, for a process to be started in it.
pub(super) fn open(name: &str) -> Result<File, Fault> {
    File::open(path(name)).doing_with("opening the network namespace", Path::new(name))
}

/// Runs `work` on a new thread that has moved into the namespace and ends with it. Processes
/// and sockets made there stay in the namespace. Must not be called on an async thread.
pub(super) fn inside<T: Send>(
    name: &str,
    work: impl FnOnce() -> Result<T, Fault> + Send,
) -> Result<T, Fault> {
    let file = open(name)?;
    let body = move || {
        move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network))
            .doing("moving into a network namespace")?;
        work()
    };
    thread::scope(|scope| {
        let spawned = thread::Builder::new().name("in-namespace".into()).spawn_scoped(scope, body);
        let thread = spawned.doing("starting a thread")?;
        thread
            .join()
            .unwrap_or_else(|_| Err(Fault::Other("a thread in a network namespace broke off".into())))
    })
}

/// Runs a program with `input` on its standard input, in the calling thread's namespace.
pub(super) fn feed(program: &str, arguments: &[&str], input: &str) -> Result<(), Fault> {
    let mut child = Command::new(program)
        .args(arguments)
        .env("PATH", crate::process::PROGRAM_PATH)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .doing_with("starting", Path::new(program))?;
    let fed = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().doing_with("waiting for", Path::new(program))?;
    if output.status.success() {
        return fed.doing_with("writing to", Path::new(program));
    }
    Err(Fault::Program {
        program: program.to_owned(),
        status: output.status.to_string(),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Writes kernel settings; those of a kernel without IPv6 may be absent.
pub(super) fn set(settings: &[(&str, &str)]) -> Result<(), Fault> {
    for (name, value) in settings {
        let path = Path::new("/proc/sys/net").join(name);
        match std::fs::write(&path, value) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            result => result.doing_with("setting", &path)?,
        }
    }
    Ok(())
}
