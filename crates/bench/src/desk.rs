//! Desktops whose guests cost nothing: the platform runs with the simulated engine, and at each
//! desktop's door stands an OpenSSH of this machine, with sources of bytes behind it. So what is
//! measured is the relay, and not an emulated guest.
//!
//! The platform's host socket is moved aside and another takes its place, which passes every
//! request on, except that a connection to a desktop leads to its `sshd`. That shows the host key
//! and takes the door's key that the simulation made. In a mount namespace of its own it finds the
//! users `rolltop` and `desk`, the VNC server's socket, `sudo`, which has nobody to become, and `tmux`,
//! which shows what a source of ours says.

use std::any::Any;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use rolltop_api_types::DesktopState;
use rolltop_engine::{Call, Capability, Carry, DoorStream, EngineError, calls};
use rolltop_engine_qemu::remote::{self, HostClient};
use rolltop_model::DesktopId;
use rolltop_vm_tests::{Options, Platform, eventually};
use tokio::net::{TcpStream, UnixListener};

const PATIENCE: Duration = Duration::from_secs(30);
/// Whose uid and gid the door's and the session's user have: nobody's.
const NOBODY: u32 = 65_534;

/// A platform with running desktops, behind whose doors are real sshds.
pub struct Desk {
    pub platform: Platform,
    pub guests: Vec<Guest>,
    host: tokio::task::JoinHandle<()>,
}

/// What is behind one desktop's door.
pub struct Guest {
    pub desktop: DesktopId,
    /// Where its sshd listens, for clients that go there directly.
    pub port: u16,
    /// OpenSSH private key that opens it as user `desk`.
    pub key: PathBuf,
    folder: tempfile::TempDir,
    sshd: Child,
}

impl Desk {
    pub async fn start(desktops: usize) -> anyhow::Result<Self> {
        let options = Options::simulated_of("release")?;
        let platform = Platform::start(options).await?;
        let mut desk = Self { platform, guests: Vec::new(), host: tokio::spawn(async {}) };
        for number in 0..desktops {
            let desktop = desk.platform.create(&format!("relay-{number}")).await?.id;
            desk.platform.wait_for(desktop, DesktopState::Running).await?;
            desk.guests.push(Guest::start(desk.platform.data(), desktop)?);
        }
        desk.stand_at_the_doors().await?;
        Ok(desk)
    }

    /// From now on the api's connections to the desktops lead to their sshds.
    async fn stand_at_the_doors(&mut self) -> anyhow::Result<()> {
        let socket = self.platform.data().join("run/host.sock");
        let aside = self.platform.data().join("run/host-simulated.sock");
        std::fs::rename(&socket, &aside)?;
        let listener = UnixListener::bind(&socket)?;
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o666))?;
        let api = uid(self.platform.role("api")?)?;
        let ports = self.guests.iter().map(|guest| (guest.desktop, guest.port)).collect();
        let engine = Arc::new(Detour { host: HostClient::new(aside), ports });
        self.host = tokio::spawn(remote::serve(engine, listener, vec![0, api]));
        // Its kept connections still lead to the simulation.
        self.platform.kill_role("api").await?;
        for guest in &self.guests {
            eventually("the way through a door", PATIENCE, || async {
                Ok(self.platform.client.list_files(guest.desktop, "/").await.ok().map(|_| ()))
            })
            .await?;
        }
        Ok(())
    }
}

impl Drop for Desk {
    fn drop(&mut self) {
        self.host.abort();
    }
}

impl Guest {
    fn start(data: &Path, desktop: DesktopId) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("rolltop-bench-").tempdir_in("/var/tmp")?;
        open_to_all(folder.path())?;
        let (key, port) = prepare(folder.path(), data, desktop)?;
        let sshd = start_sshd(folder.path())?;
        Ok(Self { desktop, port, key, folder, sshd })
    }

    /// Where the VNC server's socket is on this side.
    pub fn vnc_socket(&self) -> PathBuf {
        self.folder.path().join("run/vnc.sock")
    }

    /// Where what listens gets to say what a terminal shows.
    pub fn terminal_socket(&self) -> PathBuf {
        self.folder.path().join("run/terminal.sock")
    }

    /// The home of the user `desk`.
    pub fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        let _ = self.sshd.kill();
        let _ = self.sshd.wait();
    }
}

/// The simulation, with a detour to other sshds.
struct Detour {
    host: HostClient,
    ports: BTreeMap<DesktopId, u16>,
}

impl Carry for Detour {
    fn has(&self, capability: Capability) -> bool {
        self.host.has(capability)
    }

    async fn carry<C: Call>(&self, call: C) -> Result<C::Reply, EngineError> {
        let knock = (&call as &dyn Any).downcast_ref::<calls::Connect>();
        let Some(port) = knock.and_then(|knock| self.ports.get(&knock.desktop)) else {
            return self.host.carry(call).await;
        };
        let unreachable = |error: std::io::Error| EngineError::Unreachable(error.to_string());
        let stream = TcpStream::connect(("127.0.0.1", *port)).await.map_err(unreachable)?;
        stream.set_nodelay(true).map_err(unreachable)?;
        let stream: DoorStream = Box::new(stream);
        let reply = (Box::new(stream) as Box<dyn Any>).downcast::<C::Reply>();
        reply.map(|reply| *reply).map_err(|_| EngineError::Host("not what a knock is answered with".into()))
    }
}

/// Writes what the sshd needs. Gives a key for user `desk`, and the port.
fn prepare(folder: &Path, data: &Path, desktop: DesktopId) -> anyhow::Result<(PathBuf, u16)> {
    for name in ["run", "home", "bin"] {
        std::fs::create_dir(folder.join(name))?;
        open_to_all(&folder.join(name))?;
    }
    let (host_key, door_key) = identity(data, desktop)?;
    secret(&folder.join("host_key"), &host_key)?;
    let key = folder.join("key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status()?;
    anyhow::ensure!(made.success(), "ssh-keygen");
    let own = std::fs::read_to_string(folder.join("key.pub"))?;
    std::fs::write(folder.join("authorized_keys"), format!("{door_key}\n{own}"))?;
    let home = folder.join("home").display().to_string();
    let users = ["rolltop", "desk"].map(|name| format!("{name}:*:{NOBODY}:{NOBODY}::{home}:/bin/sh\n"));
    let passwd = std::fs::read_to_string("/etc/passwd")?;
    std::fs::write(folder.join("passwd"), format!("{}{}{passwd}", users[0], users[1]))?;
    script(&folder.join("bin/sudo"), "shift 3\nexec \"$@\"\n")?;
    script(
        &folder.join("bin/tmux"),
        "stty raw -echo\nexec python3 -c 'import os, socket\n\
         source = socket.socket(socket.AF_UNIX)\n\
         source.connect(\"/run/rolltop/terminal.sock\")\n\
         while data := source.recv(65536):\n    while data: data = data[os.write(1, data):]'\n",
    )?;
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let config = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {0}/host_key\nAuthorizedKeysFile {0}/authorized_keys\n\
         PidFile none\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nUseDNS no\nMaxSessions 100\n\
         MaxStartups 100\nPrintMotd no\nSetEnv PATH={0}/bin:/usr/bin:/bin\nSubsystem sftp /usr/lib/openssh/sftp-server\n\
         LogLevel ERROR\n",
        folder.display()
    );
    std::fs::write(folder.join("sshd_config"), config)?;
    Ok((key, port))
}

/// The host key and the door's public key that the simulation has for this desktop.
fn identity(data: &Path, desktop: DesktopId) -> anyhow::Result<(String, String)> {
    let text = std::fs::read(data.join("host/sim.json")).context("what the simulation remembers")?;
    let state: serde_json::Value = serde_json::from_slice(&text)?;
    let disk = state.pointer(&format!("/disks/{desktop}/identity")).context("the desktop's identity")?;
    let field = |name: &str| disk.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    Ok((field("host_key").context("a host key")?, field("door_key").context("a door key")?))
}

/// In a mount namespace of its own, so that nothing of this shows on the machine.
fn start_sshd(folder: &Path) -> anyhow::Result<Child> {
    std::fs::create_dir_all("/run/sshd")?; // sshd wants it, and `/run` is empty after a boot
    std::fs::create_dir_all("/run/rolltop")?;
    let script = format!(
        "mount --bind {0}/passwd /etc/passwd && mount --bind {0}/run /run/rolltop && exec /usr/sbin/sshd -D -e -f {0}/sshd_config",
        folder.display()
    );
    let mut sshd = Command::new("unshare")
        .args(["--mount", "--propagation", "private", "sh", "-c", &script])
        .stdin(Stdio::null())
        .spawn()
        .context("unshare")?;
    std::thread::sleep(Duration::from_millis(200));
    if let Some(status) = sshd.try_wait()? {
        bail!("sshd ended with {status}");
    }
    Ok(sshd)
}

fn uid(pid: i32) -> anyhow::Result<u32> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("Uid:")).context("a uid")?;
    Ok(line.split_whitespace().next().context("a uid")?.parse()?)
}

fn open_to_all(path: &Path) -> anyhow::Result<()> {
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o777))?)
}

fn secret(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text)?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?)
}

fn script(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, format!("#!/bin/sh\n{text}"))?;
    Ok(std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755))?)
}
