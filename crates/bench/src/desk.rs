//! Desktops whose guests cost nothing: the platform runs with the simulated engine, and at each
//! desktop's door stands an OpenSSH of this machine, with sources of bytes behind it. So what is
//! measured is the relay, and not an emulated guest.
//!
//! The platform's host socket is moved aside and another takes its place, which passes every
//! request on, except that a connection to a desktop leads to its `sshd`. That shows the host key
//! and takes the door's key that the simulation made. In a mount namespace of its own it finds the
//! users `rolltop` and `desk`, the VNC server's socket, `sudo`, which has nobody to become, and `tmux`,
//! which shows what a source of ours says.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use rolltop_api_types::DesktopState;
use rolltop_engine::image::{ExportRequest, ImportRequest};
use rolltop_engine::{
    Bootstrap, DestroyReceipt, DiskAllowance, DoorStream, Engine, EngineError, Flattening, ForkRequest,
    HostStatus, Known, LayerUse, Leftover, Machine, ResizeRequest, RevertRequest, SaveTemplate, SnapshotInfo,
    SnapshotRequest, StartRequest, SuspendRequest, TemplateInfo,
};
use rolltop_engine_qemu::remote::{self, HostClient};
use rolltop_model::{DesktopId, SnapshotId, TemplateVersion};
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

#[async_trait]
impl Engine for Detour {
    async fn connect(&self, desktop: DesktopId) -> Result<DoorStream, EngineError> {
        let Some(port) = self.ports.get(&desktop) else { return self.host.connect(desktop).await };
        let stream = TcpStream::connect(("127.0.0.1", *port)).await;
        let stream = stream.map_err(|error| EngineError::Unreachable(error.to_string()))?;
        stream.set_nodelay(true).map_err(|error| EngineError::Unreachable(error.to_string()))?;
        Ok(Box::new(stream))
    }

    async fn templates(&self) -> Result<Vec<TemplateInfo>, EngineError> {
        self.host.templates().await
    }
    async fn bootstrap(&self, template: &TemplateVersion) -> Result<Bootstrap, EngineError> {
        self.host.bootstrap(template).await
    }
    async fn fork(&self, request: &ForkRequest) -> Result<(), EngineError> {
        self.host.fork(request).await
    }
    async fn start(&self, request: &StartRequest) -> Result<(), EngineError> {
        self.host.start(request).await
    }
    async fn suspend(&self, request: &SuspendRequest) -> Result<(), EngineError> {
        self.host.suspend(request).await
    }
    async fn resume(&self, request: &StartRequest) -> Result<(), EngineError> {
        self.host.resume(request).await
    }
    async fn snapshot(&self, request: &SnapshotRequest) -> Result<SnapshotInfo, EngineError> {
        self.host.snapshot(request).await
    }

    async fn revert(&self, request: &RevertRequest) -> Result<(), EngineError> {
        self.host.revert(request).await
    }

    async fn layers(&self) -> Result<Vec<LayerUse>, EngineError> {
        self.host.layers().await
    }

    async fn allow_disk(&self, allowances: &[DiskAllowance]) -> Result<(), EngineError> {
        self.host.allow_disk(allowances).await
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, EngineError> {
        self.host.snapshots().await
    }

    async fn remove_snapshot(&self, snapshot: SnapshotId) -> Result<u64, EngineError> {
        self.host.remove_snapshot(snapshot).await
    }

    async fn flatten(&self, desktop: DesktopId, fence: u64) -> Result<Flattening, EngineError> {
        self.host.flatten(desktop, fence).await
    }

    async fn resize(&self, request: &ResizeRequest) -> Result<(), EngineError> {
        self.host.resize(request).await
    }

    async fn save_template(&self, request: &SaveTemplate) -> Result<(), EngineError> {
        self.host.save_template(request).await
    }
    async fn remove_template(&self, version: &TemplateVersion) -> Result<(), EngineError> {
        self.host.remove_template(version).await
    }
    async fn export(&self, request: &ExportRequest) -> Result<DoorStream, EngineError> {
        self.host.export(request).await
    }
    async fn import(&self, request: &ImportRequest) -> Result<DoorStream, EngineError> {
        self.host.import(request).await
    }
    async fn release(&self, desktop: DesktopId, fence: u64) -> Result<(), EngineError> {
        self.host.release(desktop, fence).await
    }
    async fn stop(&self, desktop: DesktopId, fence: u64, grace: Duration) -> Result<(), EngineError> {
        self.host.stop(desktop, fence, grace).await
    }
    async fn destroy(&self, desktop: DesktopId, fence: u64) -> Result<DestroyReceipt, EngineError> {
        self.host.destroy(desktop, fence).await
    }
    async fn observe(&self) -> Result<Vec<Machine>, EngineError> {
        self.host.observe().await
    }
    async fn observe_one(&self, desktop: DesktopId) -> Result<Option<Machine>, EngineError> {
        self.host.observe_one(desktop).await
    }
    async fn console_tail(&self, desktop: DesktopId, max_bytes: usize) -> Result<String, EngineError> {
        self.host.console_tail(desktop, max_bytes).await
    }
    async fn host(&self) -> Result<HostStatus, EngineError> {
        self.host.host().await
    }
    async fn leftovers(&self, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        self.host.leftovers(known).await
    }
    async fn sweep(&self, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        self.host.sweep(known).await
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
