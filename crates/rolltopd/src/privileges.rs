//! System users for the roles that need no root, and the way down to them.

use std::process::Command;

use anyhow::{Context as _, bail};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
}

impl Identity {
    pub const ROOT: Identity = Identity { uid: 0, gid: 0 };

    /// A system user's identity, `None` where there is no such user.
    pub fn look_up(name: &str) -> anyhow::Result<Option<Self>> {
        let output = Command::new("getent").args(["passwd", name]).output().context("getent can't be run")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut fields = text.trim().split(':').skip(2);
        match (fields.next().map(str::parse), fields.next().map(str::parse)) {
            (Some(Ok(uid)), Some(Ok(gid))) => Ok(Some(Self { uid, gid })),
            _ => Ok(None),
        }
    }

    /// The same, made where it is missing.
    pub fn ensure(name: &str) -> anyhow::Result<Self> {
        if let Some(identity) = Self::look_up(name)? {
            return Ok(identity);
        }
        let status = Command::new("useradd")
            .args(["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"])
            .args(["--shell", "/usr/sbin/nologin", name])
            .status()
            .context("useradd can't be run")?;
        if !status.success() {
            bail!("the system user {name} can't be made: useradd {status}");
        }
        Self::look_up(name)?.with_context(|| format!("useradd made {name}, yet it isn't there"))
    }
}

/// The user of the api role.
pub const API_USER: &str = "rolltop-api";
/// The user of the web role.
pub const WEB_USER: &str = "rolltop-web";
/// The user of the ssh role.
pub const SSH_USER: &str = "rolltop-ssh";

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Becomes this user for good. Must be called while the process has one thread only, because
/// Linux changes the identity of the calling thread.
pub fn become_user(identity: Identity) -> anyhow::Result<()> {
    if !is_root() {
        return Ok(()); // started unprivileged, by systemd or in a test
    }
    let threads = std::fs::read_dir("/proc/self/task").context("/proc is needed")?.count();
    if threads != 1 {
        bail!("privileges must be dropped before other threads start (there are {threads})");
    }
    let (uid, gid) =
        (rustix::process::Uid::from_raw(identity.uid), rustix::process::Gid::from_raw(identity.gid));
    rustix::thread::set_thread_groups(&[]).context("groups can't be dropped")?;
    rustix::thread::set_thread_res_gid(gid, gid, gid).context("the group can't be changed")?;
    rustix::thread::set_thread_res_uid(uid, uid, uid).context("the user can't be changed")?;
    Ok(())
}

/// A role that `up` started ends when `up` does, even by SIGKILL. Set after the change of user,
/// which clears it.
pub fn end_with_parent() -> anyhow::Result<()> {
    if std::env::var_os("ROLLTOP_SUPERVISED").is_some() {
        rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
            .context("the parent's death can't be watched")?;
    }
    Ok(())
}
