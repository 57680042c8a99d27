//! A real sshd for one connection, run by the test's own user on one end of a socket pair.

use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rolltop_door::{Door, HostKeyPolicy, Login, generate_key};
use rolltop_engine::DoorStream;
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::net::UnixStream;

/// Stands for sudo and for the guest program, neither of which a test machine has.
const SUDO: &str = r#"#!/bin/sh
while :; do
    case "$1" in
    -n) shift ;;
    -u) echo "$2" >>"$SHIM/users"; shift 2 ;;
    *) break ;;
    esac
done
case "$1" in
/usr/lib/rolltop/rolltop-guest) shift; exec "$SHIM/guest" "$@" ;;
*) exec "$@" ;;
esac
"#;

pub struct Guest {
    pub directory: TempDir,
    pub key: SecretString,
    pub host_key: String,
    sshd: Vec<Child>,
}

impl Guest {
    pub fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (host_private, host_key) = generate_key().unwrap();
        let (key, public) = generate_key().unwrap();
        let guest = Self { directory, key, host_key, sshd: Vec::new() };
        let config = format!(
            "HostKey {host}\nAuthorizedKeysFile {keys}\nStrictModes no\nUsePAM no\nUseDNS no\n\
             PermitRootLogin prohibit-password\nPasswordAuthentication no\nMaxSessions 100\n\
             AllowStreamLocalForwarding yes\nAllowTcpForwarding local\n\
             SetEnv PATH={bin}:/usr/bin:/bin SHIM={bin} TMUX_TMPDIR={bin}\nLogLevel ERROR\n",
            host = guest.path("host_key").display(),
            keys = guest.path("authorized_keys").display(),
            bin = guest.directory.path().display(),
        );
        guest.put("host_key", host_private.expose_secret(), 0o600);
        guest.put("authorized_keys", &public, 0o600);
        guest.put("config", &config, 0o600);
        guest.put("sudo", SUDO, 0o755);
        if rustix::process::geteuid().is_root() {
            // Where root's sshd confines itself; made by the service elsewhere.
            fs::create_dir_all("/run/sshd").unwrap();
        }
        guest
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn put(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) {
        fs::write(self.path(name), text).unwrap();
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }

    /// A connection with an sshd of its own behind it.
    pub fn connect(&mut self) -> DoorStream {
        let (ours, theirs) = StdStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let input = OwnedFd::from(theirs.try_clone().unwrap());
        let sshd = Command::new("/usr/sbin/sshd")
            .args(["-i", "-e", "-f"])
            .arg(self.path("config"))
            .stdin(Stdio::from(input))
            .stdout(Stdio::from(OwnedFd::from(theirs)))
            .stderr(Stdio::null())
            .spawn()
            .expect("these tests need OpenSSH's sshd (package openssh-server)");
        self.sshd.push(sshd);
        Box::new(UnixStream::from_std(ours).unwrap())
    }

    pub fn login(&self) -> Login {
        Login { user: user(), ..Login::new(self.key.clone(), HostKeyPolicy::Pinned(self.host_key.clone())) }
    }

    pub async fn open(&mut self) -> Door {
        let stream = self.connect();
        Door::open(stream, &self.login()).await.unwrap()
    }

    /// The desktop dies under its connections.
    pub fn kill(&mut self) {
        for sshd in &mut self.sshd {
            // The process that was spawned and, where sshd forked, its session.
            for child in children(sshd.id()) {
                let _ = rustix::process::kill_process(child, rustix::process::Signal::KILL);
            }
            let _ = sshd.kill();
            let _ = sshd.wait();
        }
        self.sshd.clear();
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        // Terminals go on without their connection; it may never have had one.
        let mut tmux = Command::new("tmux");
        tmux.args(["-L", "rolltop", "kill-server"]).env("TMUX_TMPDIR", self.directory.path());
        let _ = tmux.stderr(Stdio::null()).status();
        self.kill();
    }
}

fn children(parent: u32) -> Vec<rustix::process::Pid> {
    let list = fs::read_to_string(format!("/proc/{parent}/task/{parent}/children")).unwrap_or_default();
    list.split_whitespace().filter_map(|pid| rustix::process::Pid::from_raw(pid.parse().ok()?)).collect()
}

/// Who runs the test.
fn user() -> String {
    let uid = rustix::process::geteuid().as_raw().to_string();
    let passwd = fs::read_to_string(Path::new("/etc/passwd")).unwrap();
    let of_uid = |line: &&str| line.split(':').nth(2) == Some(uid.as_str());
    passwd.lines().find(of_uid).and_then(|line| line.split(':').next()).unwrap().to_owned()
}
