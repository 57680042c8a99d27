//! A control plane, its sockets, a jump host, and people with OpenSSH.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rolltop_api_server::{ApiConfig, bind as bind_socket, gateway_router, router, serve_only_to, serve_unix};
use rolltop_api_types::{Client, CreateDesktop, CreateSshKey, Desktop, DesktopState, SshKeyAdded};
use rolltop_control::{Control, ControlConfig, Parts};
use rolltop_model::DesktopId;
use rolltop_sim::{SimConfig, SimEngine};
use rolltop_ssh_gateway::{GatewayConfig, Limits, bind};
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

/// Longest wait for anything; many tests share few processors.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Platform {
    pub engine: Arc<SimEngine>,
    /// Speaks with an API key that has all scopes.
    pub client: Client,
    pub address: SocketAddr,
    shutdown: CancellationToken,
    directory: TempDir,
}

impl Platform {
    pub async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let directory = TempDir::new().unwrap();
        let engine = Arc::new(SimEngine::new(SimConfig::instant()).unwrap());
        let config = ControlConfig {
            interval: Duration::from_millis(200),
            stop_grace: Duration::from_millis(10),
            // A simulated machine is gone at once.
            leaving: Duration::ZERO,
            ..ControlConfig::default()
        };
        let parts = Parts { directory: directory.path().to_owned(), engine: engine.clone(), config };
        let control = Control::open(parts).await.unwrap();
        let shutdown = CancellationToken::new();
        let (api, gateway) = (directory.path().join("api.sock"), directory.path().join("gateway.sock"));
        let listener = bind_socket(&api, 0o600).unwrap();
        let routes = router(control.clone(), ApiConfig::default());
        tokio::spawn(serve_unix(listener, routes, shutdown.clone()));
        let listener = bind_socket(&gateway, 0o600).unwrap();
        let own = std::fs::metadata(directory.path()).unwrap().uid();
        let routes = gateway_router(control.clone(), shutdown.clone());
        tokio::spawn(serve_only_to(listener, routes, vec![own], shutdown.clone()));
        let key = control.api_key(None).await.unwrap();
        let client = Client::over_unix_socket(&api).unwrap().with_token(&key).unwrap();
        let address = jump_host(gateway, directory.path(), limits, shutdown.clone()).await;
        Self { engine, client, address, shutdown, directory }
    }

    pub async fn running(&self, name: &str) -> Desktop {
        let wanted = CreateDesktop { name: Some(name.into()), ..CreateDesktop::default() };
        let id = self.client.create_desktop(&wanted, None).await.unwrap().id;
        self.until(id, DesktopState::Running).await
    }

    pub async fn until(&self, id: DesktopId, state: DesktopState) -> Desktop {
        let mut found = None;
        eventually("the desktop's state", async || {
            found = Some(self.client.desktop(id).await.unwrap());
            found.as_ref().is_some_and(|desktop| desktop.state == state)
        })
        .await;
        found.unwrap()
    }

    /// Somebody with a key of their own, which nobody knows yet.
    pub async fn stranger(&self, name: &str) -> Person {
        self.person_with(name, &["-t", "ed25519"]).await
    }

    /// The same with another kind of key.
    pub async fn person_with(&self, name: &str, kind: &[&str]) -> Person {
        let home = self.directory.path().join(name);
        std::fs::create_dir_all(home.join(".ssh")).unwrap();
        let key = home.join("key");
        let mut keygen = Command::new("ssh-keygen");
        keygen.args(kind).args(["-q", "-N", "", "-C", name, "-f"]).arg(&key);
        assert!(keygen.status().await.unwrap().success());
        let known_hosts = home.join("known_hosts");
        let config = format!(
            "Host *\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nStrictHostKeyChecking yes\n\
             BatchMode yes\nLogLevel INFO\nConnectTimeout 60\n",
            key.display(),
            known_hosts.display()
        );
        std::fs::write(home.join("config"), config).unwrap();
        Person { home, jump: format!("rolltop@{}", self.address) }
    }

    /// Somebody whose key was added.
    pub async fn person(&self, name: &str) -> Person {
        let person = self.stranger(name).await;
        self.add(&person).await;
        person
    }

    pub async fn add(&self, person: &Person) -> SshKeyAdded {
        let key = CreateSshKey { name: None, public_key: person.public_key().into() };
        self.client.add_ssh_key(&key).await.unwrap()
    }

    /// Writes down which host keys the API names, so that nothing is asked and nothing else taken.
    pub async fn tell_host_keys(&self, person: &Person, desktop: DesktopId) {
        let mut ssh = self.client.desktop_ssh(desktop).await.unwrap();
        eventually("the jump host is known", async || {
            ssh = self.client.desktop_ssh(desktop).await.unwrap();
            ssh.jump.is_some()
        })
        .await;
        let jump = ssh.jump.unwrap();
        assert_eq!((jump.user.as_str(), jump.port), ("rolltop", self.address.port()));
        let host_key = ssh.host_key.unwrap();
        let lines = format!(
            "[127.0.0.1]:{} {}\n{} {host_key}\n{} {host_key}\n",
            jump.port, jump.host_key, ssh.name, ssh.id
        );
        std::fs::write(person.home.join("known_hosts"), lines).unwrap();
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A jump host on a free port.
pub async fn jump_host(
    api_socket: PathBuf,
    data_dir: &Path,
    limits: Limits,
    stop: CancellationToken,
) -> SocketAddr {
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = GatewayConfig { listen, limits, ..GatewayConfig::new(api_socket, data_dir.to_owned()) };
    let gateway = bind(config).await.unwrap();
    let address = gateway.address();
    tokio::spawn(gateway.serve(stop.cancelled_owned()));
    address
}

pub struct Person {
    pub home: PathBuf,
    /// `rolltop@ADDRESS:PORT`
    pub jump: String,
}

impl Person {
    pub fn public_key(&self) -> String {
        std::fs::read_to_string(self.home.join("key.pub")).unwrap()
    }

    /// An OpenSSH program with this person's configuration.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.arg("-F").arg(self.home.join("config")).stdin(Stdio::null()).kill_on_drop(true);
        command.env_remove("SSH_AUTH_SOCK").env("HOME", &self.home).current_dir(&self.home);
        command
    }

    /// `ssh -J` to a desktop.
    pub fn ssh(&self, desktop: &str) -> Command {
        let mut command = self.command("ssh");
        command.args(["-J", &self.jump, &format!("desk@{desktop}")]);
        command
    }

    /// `ssh` to the jump host itself.
    pub fn ssh_to_jump_host(&self, options: &[&str]) -> Command {
        let (user, port) = self.jump.rsplit_once(':').unwrap();
        let mut command = self.command("ssh");
        command.args(["-p", port]).args(options).arg(user);
        command
    }
}

/// Runs to the end.
pub async fn run(command: &mut Command) -> Output {
    timeout(PATIENCE, command.output()).await.expect("it ends in time").unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let give_up = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < give_up, "not in time: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
