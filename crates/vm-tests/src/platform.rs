//! The fixture: start, use, kill roles, stop, and see that nothing is left.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};
use rolltop_api_types::{AdminClient, Client, CreateDesktop, CreateOperatorKey, Desktop, DesktopState};
use rolltop_engine_qemu::remote::HostClient;
use rolltop_model::DesktopId;
use rustix::fs::{FlockOperation, flock};
use rustix::process::{Pid, Signal, kill_process};
use secrecy::{ExposeSecret as _, SecretString};

use crate::eventually;

/// An emulated guest on two busy processors is slow; a deadline is for what never comes.
pub const PATIENCE: Duration = Duration::from_secs(240);

#[derive(Clone)]
pub struct Options {
    /// `rolltopd` to run.
    pub binary: PathBuf,
    /// As `rolltopd` names it: `qemu`, `sim` or `sim-instant`.
    pub engine: &'static str,
    /// Folder of built and baked template versions, shared between runs.
    pub templates: Option<PathBuf>,
    /// More for `rolltop.toml`.
    pub configuration: String,
    /// The same for every start of one platform, or a client would lose a web role that comes back.
    pub port: u16,
    /// The jump host's.
    pub ssh_port: u16,
}

fn free_port() -> anyhow::Result<u16> {
    Ok(std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

impl Options {
    /// The debug build with real guests. Templates come from `ROLLTOP_TEST_TEMPLATES`.
    pub fn real() -> anyhow::Result<Self> {
        Self::real_of("debug")
    }

    /// The same with a small guest, which boots several times as fast, for what is not about what runs inside. It comes from
    /// `ROLLTOP_SMALL_TEMPLATES`.
    pub fn small() -> anyhow::Result<Self> {
        let templates = std::env::var_os("ROLLTOP_SMALL_TEMPLATES")
            .context("ROLLTOP_SMALL_TEMPLATES must name the folder of the small guest: run `make test`")?;
        Ok(Self { templates: Some(templates.into()), ..Self::real()? })
    }

    /// [`Options::real`] of another profile's build, and of that only.
    pub fn real_of(profile: &str) -> anyhow::Result<Self> {
        let templates = std::env::var_os("ROLLTOP_TEST_TEMPLATES").context(
            "ROLLTOP_TEST_TEMPLATES must name the folder of built templates: run `make test` or `make bench`",
        )?;
        Ok(Self {
            binary: Self::built(profile)?,
            engine: "qemu",
            templates: Some(templates.into()),
            configuration: String::new(),
            port: free_port()?,
            ssh_port: free_port()?,
        })
    }

    /// The debug build with the simulated engine: no guests, no templates, quick.
    pub fn simulated() -> anyhow::Result<Self> {
        Self::simulated_of("debug")
    }

    /// The same of another profile's build, and of that only.
    pub fn simulated_of(profile: &str) -> anyhow::Result<Self> {
        Ok(Self {
            binary: Self::built(profile)?,
            engine: "sim",
            templates: None,
            configuration: String::new(),
            port: free_port()?,
            ssh_port: free_port()?,
        })
    }

    /// A built `rolltopd`; `ROLLTOPD` names another.
    pub fn built(profile: &str) -> anyhow::Result<PathBuf> {
        let path = match std::env::var_os("ROLLTOPD") {
            Some(path) => PathBuf::from(path),
            None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target").join(profile).join("rolltopd"),
        };
        let more = if profile == "release" { " --release" } else { "" };
        path.canonicalize().with_context(|| {
            format!("{} isn't built: run cargo build{more} -p rolltopd -p rolltop", path.display())
        })
    }
}

/// What is in the templates as the guest program.
const GUEST: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/x86_64-unknown-linux-gnu/guest/rolltop-guest");

/// Names, addresses and users that one platform uses and no other that runs at the same time, here or as an installation.
struct Slot {
    number: u32,
    _taken: File,
}

impl Slot {
    const NETWORKS: [&str; 4] = ["rtp", "rtq", "rtr", "rtu"];

    /// Waits until one is free, for the platform of that directory. Removes what a test that was killed left there: its
    /// desktops would have the names that are wanted now.
    async fn take(options: &Options, data: &Path) -> anyhow::Result<Self> {
        loop {
            for number in 0..u32::try_from(Self::NETWORKS.len())? {
                let path = format!("/var/tmp/rolltop-test-slot-{number}");
                let taken = File::options().create(true).append(true).open(&path)?;
                if flock(&taken, FlockOperation::NonBlockingLockExclusive).is_ok() {
                    let before = std::fs::read_to_string(&path)?;
                    std::fs::write(&path, data.as_os_str().as_encoded_bytes())?;
                    if !before.is_empty() && Path::new(&before).exists() {
                        // Whatever this one's engine is: the other's may have had machines.
                        clear(&options.binary, "qemu", Path::new(&before));
                        std::fs::remove_dir_all(before)?;
                    }
                    return Ok(Self { number, _taken: taken });
                }
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    fn network(&self) -> &'static str {
        Self::NETWORKS.get(self.number as usize).copied().unwrap_or_default()
    }

    /// The part of `rolltop.toml` that makes it so.
    fn configuration(&self) -> String {
        let (uid, range) = (400_000 + 20_000 * self.number, 96 + self.number);
        format!(
            "[host]\nfirst_uid = {uid}\nbake = [\"s\"]\n[host.network]\nprefix = \"{}\"\nrange = \"100.{range}.0.0/16\"\n",
            self.network()
        )
    }
}

/// A running Rolltop. Dropping it ends its processes, its desktops too, and removes its directory.
pub struct Platform {
    options: Options,
    data: tempfile::TempDir,
    up: Option<Child>,
    /// `https://localhost:PORT`
    pub url: String,
    /// The one-time sign-in link it printed.
    pub link: String,
    pub client: Client,
    /// The client's, with all scopes.
    key: SecretString,
    slot: Slot,
}

impl Platform {
    pub async fn start(options: Options) -> anyhow::Result<Self> {
        let data = tempfile::Builder::new().prefix("rolltop-test-").tempdir_in("/var/tmp")?;
        let slot = Slot::take(&options, data.path()).await?;
        let toml = format!("{}{}\n", slot.configuration(), options.configuration);
        std::fs::write(data.path().join("rolltop.toml"), toml)?;
        if let Some(templates) = &options.templates {
            std::fs::create_dir(data.path().join("host"))?;
            link_templates(templates, &data.path().join("host/templates"))?;
        }
        let (mut up, link) = spawn(&options, data.path())?;
        let url = link.split("/welcome/").next().unwrap_or_default().to_owned();
        let (client, key) = match connect(data.path(), &url).await {
            Ok(connected) => connected,
            Err(error) => {
                // Nothing holds it yet that would end it.
                up.kill()?;
                return Err(error);
            }
        };
        Ok(Self { options, data, up: Some(up), url, link, client, key, slot })
    }

    /// The names of its desktops' networks begin with this.
    pub fn network(&self) -> &'static str {
        self.slot.network()
    }

    pub fn data(&self) -> &Path {
        self.data.path()
    }

    /// Of the jump host.
    pub fn ssh_port(&self) -> u16 {
        self.options.ssh_port
    }

    /// The API key of [`Platform::client`], for other programs.
    pub fn key(&self) -> &str {
        self.key.expose_secret()
    }

    /// The `rolltopd` that runs.
    pub fn binary(&self) -> &Path {
        &self.options.binary
    }

    pub fn host(&self) -> HostClient {
        HostClient::new(self.data().join("run/host.sock"))
    }

    pub fn admin(&self) -> anyhow::Result<AdminClient> {
        Ok(AdminClient::over_unix_socket(&self.data().join("run/api/admin.sock"))?)
    }

    /// Process id of a role that `up` started.
    pub fn role(&self, name: &str) -> anyhow::Result<i32> {
        let text = std::fs::read_to_string(self.data().join(format!("run/{name}.pid")))?;
        Ok(text.trim().parse()?)
    }

    /// SIGKILL to one role, and waits until `up` has started it again.
    pub async fn kill_role(&self, name: &str) -> anyhow::Result<()> {
        let before = self.role(name)?;
        signal(before, Signal::KILL)?;
        eventually(&format!("{name} comes back"), PATIENCE, || async {
            Ok((self.role(name)? != before).then_some(()))
        })
        .await?;
        self.answers().await
    }

    /// SIGKILL to `up` and every role.
    pub async fn kill_everything(&mut self) -> anyhow::Result<()> {
        let mut up = self.up.take().context("not running")?;
        let roles = ["host", "api", "web", "ssh"].map(|name| self.role(name));
        up.kill()?;
        up.wait()?;
        for role in roles {
            // It may have gone with its parent already.
            let _ = signal(role?, Signal::KILL);
        }
        Ok(())
    }

    /// SIGINT to `up`, as Ctrl-C does.
    pub fn interrupt(&mut self) -> anyhow::Result<()> {
        let mut up = self.up.take().context("not running")?;
        signal(i32::try_from(up.id())?, Signal::INT)?;
        up.wait()?;
        Ok(())
    }

    /// Starts it again in the same state directory.
    pub async fn start_again(&mut self) -> anyhow::Result<()> {
        let (up, link) = spawn(&self.options, self.data())?;
        self.up = Some(up);
        self.link = link;
        self.url = self.link.split("/welcome/").next().unwrap_or_default().to_owned();
        (self.client, self.key) = connect(self.data(), &self.url).await?;
        Ok(())
    }

    /// Waits until the whole chain web → api → host answers.
    pub async fn answers(&self) -> anyhow::Result<()> {
        eventually("the platform answers", PATIENCE, || async {
            Ok(self.client.host().await.ok().map(|_| ()))
        })
        .await
    }

    pub async fn create(&self, name: &str) -> anyhow::Result<Desktop> {
        let request = CreateDesktop { name: Some(name.to_owned()), ..CreateDesktop::default() };
        Ok(self.client.create_desktop(&request, None).await?)
    }

    /// Waits for a state; a failure on the way is an error that says why.
    pub async fn wait_for(&self, id: DesktopId, state: DesktopState) -> anyhow::Result<Desktop> {
        eventually(&format!("desktop becomes {state:?}"), PATIENCE, || async {
            let Ok(desktop) = self.client.desktop(id).await else { return Ok(None) };
            if desktop.state == DesktopState::Failed && state != DesktopState::Failed {
                bail!("desktop failed: {:?}: {:?}", desktop.reason, desktop.detail);
            }
            Ok((desktop.state == state).then_some(desktop))
        })
        .await
    }

    /// Waits until asking for it is a 404.
    pub async fn wait_gone(&self, id: DesktopId) -> anyhow::Result<()> {
        eventually("desktop is gone", PATIENCE, || async {
            match self.client.desktop(id).await {
                Err(error) if error.problem().is_some_and(|p| p.status == 404) => Ok(Some(())),
                _ => Ok(None),
            }
        })
        .await
    }

    /// What `rolltopd admin gc --dry-run` prints.
    pub fn leftovers(&self) -> anyhow::Result<String> {
        let output = Command::new(&self.options.binary)
            .args(["--data".as_ref(), self.data().as_os_str()])
            .args(["admin", "gc", "--dry-run"])
            .output()?;
        if !output.status.success() {
            bail!("gc --dry-run: {}", String::from_utf8_lossy(&output.stderr));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// The roles' logs, for a failed test's output.
    pub fn logs(&self) -> String {
        ["host", "api", "web", "ssh"]
            .map(|role| {
                let text =
                    std::fs::read_to_string(self.data().join(format!("log/{role}.log"))).unwrap_or_default();
                let lines: Vec<&str> = text.lines().rev().take(40).collect();
                format!("--- {role}\n{}", lines.into_iter().rev().collect::<Vec<_>>().join("\n"))
            })
            .join("\n")
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.logs());
        }
        if let Some(mut up) = self.up.take() {
            if let Ok(pid) = i32::try_from(up.id()) {
                let _ = signal(pid, Signal::TERM);
            }
            let _ = up.wait();
        }
        clear(&self.options.binary, self.options.engine, self.data.path());
    }
}

/// Removes the machines of a directory and their networks, by its instance's own sweep.
fn clear(binary: &Path, engine: &str, data: &Path) {
    let _ = Command::new(binary)
        .args(["--data".as_ref(), data.as_os_str()])
        .args(["host", "--engine", engine, "--clear"])
        .status();
}

fn signal(pid: i32, signal: Signal) -> anyhow::Result<()> {
    kill_process(Pid::from_raw(pid).context("a process id")?, signal).context("the signal can't be sent")
}

/// Each by itself, so that what a test makes beside them is its own.
fn link_templates(from: &Path, to: &Path) -> anyhow::Result<()> {
    std::fs::create_dir(to)?;
    std::fs::set_permissions(to, std::os::unix::fs::PermissionsExt::from_mode(0o711))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            std::os::unix::fs::symlink(entry.path(), to.join(entry.file_name()))?;
        }
    }
    Ok(())
}

/// Starts `up` and reads the line that says it is ready.
fn spawn(options: &Options, data: &Path) -> anyhow::Result<(Child, String)> {
    let mut child = Command::new(&options.binary)
        .args(["--data".as_ref(), data.as_os_str()])
        .args(["up", "--engine", options.engine, "--listen"])
        .arg(format!("127.0.0.1:{}", options.port))
        .args(["--ssh-listen".to_owned(), format!("127.0.0.1:{}", options.ssh_port)])
        .args(["--guest", GUEST])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let stdout = child.stdout.take().context("its output")?;
    for line in BufReader::new(stdout).lines() {
        if let Some(link) = line?.strip_prefix("Rolltop is ready: ") {
            return Ok((child, link.to_owned()));
        }
    }
    bail!("rolltopd up ended with {} before it was ready", child.wait()?)
}

/// A client with all scopes, over the public HTTPS port.
async fn connect(data: &Path, url: &str) -> anyhow::Result<(Client, SecretString)> {
    let admin = AdminClient::over_unix_socket(&data.join("run/api/admin.sock"))?;
    let key = admin.create_api_key(&CreateOperatorKey { name: Some("test".to_owned()) }).await?;
    let certificate = std::fs::read(data.join("web/tls.crt")).context("the self-made certificate")?;
    Ok((Client::over_https(url, Some(&certificate))?.with_token(&key.key)?, key.key))
}
