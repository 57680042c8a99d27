//! Web, API, control, jump host and simulated machines, and people with a `rolltop` of their own.

use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rolltop_api_server::{ApiConfig, bind as bind_socket, gateway_router, router, serve_only_to, serve_unix};
use rolltop_api_types::{Client, CreateDesktop, Desktop, DesktopState, RedeemLink};
use rolltop_control::{Control, ControlConfig, Parts};
use rolltop_sim::{SimConfig, SimEngine};
use rolltop_ssh_gateway::GatewayConfig;
use rolltop_web_server::WebConfig;
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Platform {
    pub engine: Arc<SimEngine>,
    /// Speaks with an API key that has all scopes, over the API's own socket.
    pub client: Client,
    pub key: SecretString,
    /// Speaks as the owner who has signed in, over the same.
    pub owner: Client,
    /// `https://localhost:PORT`
    pub address: String,
    /// SHA-256 of the certificate, as `openssl` writes it.
    pub fingerprint: String,
    shutdown: CancellationToken,
    directory: TempDir,
}

impl Platform {
    pub async fn start() -> Self {
        let directory = TempDir::new().unwrap();
        let at = |name: &str| directory.path().join(name);
        let engine = Arc::new(SimEngine::new(SimConfig::instant()).unwrap());
        let config = ControlConfig { stop_grace: Duration::from_millis(10), ..ControlConfig::default() };
        let parts = Parts { directory: directory.path().to_owned(), engine: engine.clone(), config };
        let control = Control::open(parts).await.unwrap();
        let shutdown = CancellationToken::new();
        let listener = bind_socket(&at("api.sock"), 0o600).unwrap();
        let api = ApiConfig { shutdown: shutdown.clone(), ..ApiConfig::default() };
        tokio::spawn(serve_unix(listener, router(control.clone(), api), shutdown.clone()));
        let key = control.api_key(None).await.unwrap();
        let nobody = Client::over_unix_socket(&at("api.sock")).unwrap();
        let client = nobody.with_token(&key).unwrap();
        let link = control.sign_in_link().await.unwrap();
        let session = nobody.redeem_link(&RedeemLink { link }).await.unwrap();
        let owner = nobody.with_token(&session.token).unwrap();
        jump_host(&control, directory.path(), &shutdown).await;
        let web = WebConfig {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            api_socket: at("api.sock"),
            data_dir: directory.path().to_owned(),
            public_url: None,
            certificate: None,
            limits: rolltop_web_server::Limits::default(),
        };
        let web = rolltop_web_server::bind(web).await.unwrap();
        let address = web.url().to_owned();
        tokio::spawn(web.serve(shutdown.clone().cancelled_owned()));
        let fingerprint = fingerprint(&at("tls.crt")).await;
        Self { engine, client, key, owner, address, fingerprint, shutdown, directory }
    }

    pub fn certificate(&self) -> PathBuf {
        self.directory.path().join("tls.crt")
    }

    pub async fn running(&self, name: &str) -> Desktop {
        let wanted = CreateDesktop { name: Some(name.into()), ..CreateDesktop::default() };
        let id = self.client.create_desktop(&wanted, None).await.unwrap().id;
        let mut found = None;
        eventually(&format!("{name} runs"), async || {
            found = Some(self.client.desktop(id).await.unwrap());
            found.as_ref().is_some_and(|desktop| desktop.state == DesktopState::Running)
        })
        .await;
        found.unwrap()
    }

    /// Somebody who has not signed in anywhere.
    pub fn stranger(&self) -> Person {
        Person { home: TempDir::new().unwrap(), environment: Vec::new() }
    }

    /// Somebody who is signed in with the key.
    pub async fn person(&self) -> Person {
        let person = self.stranger();
        let login =
            person.rolltop(&["login", &self.address, "--fingerprint", &self.fingerprint, "--api-key"]);
        let done = fed(login, self.key.expose_secret().as_bytes()).await;
        assert!(done.status.success(), "{}", stderr(&done));
        person
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

async fn jump_host(control: &Control, directory: &Path, shutdown: &CancellationToken) {
    let socket = directory.join("gateway.sock");
    let listener = bind_socket(&socket, 0o600).unwrap();
    let own = std::fs::metadata(directory).unwrap().uid();
    let routes = gateway_router(control.clone(), shutdown.clone());
    tokio::spawn(serve_only_to(listener, routes, vec![own], shutdown.clone()));
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    let config = GatewayConfig { listen, ..GatewayConfig::new(socket, directory.to_owned()) };
    let gateway = rolltop_ssh_gateway::bind(config).await.unwrap();
    tokio::spawn(gateway.serve(shutdown.clone().cancelled_owned()));
}

/// As somebody else computes it.
async fn fingerprint(certificate: &Path) -> String {
    let mut openssl = Command::new("openssl");
    openssl.args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(certificate);
    let output = openssl.output().await.expect("these tests need openssl");
    stdout(&output).trim().rsplit('=').next().unwrap().to_owned()
}

pub struct Person {
    pub home: TempDir,
    pub environment: Vec<(String, String)>,
}

impl Person {
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub fn put(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// Their `rolltop`, with nothing of this machine's around it.
    pub fn rolltop(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rolltop"));
        command.args(arguments).env_clear().env("HOME", self.home.path()).current_dir(self.home.path());
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).envs(self.environment.clone());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        command
    }

    pub async fn run(&self, arguments: &[&str]) -> Output {
        finished(self.rolltop(arguments)).await
    }

    /// Standard output of what has to go well.
    pub async fn ok(&self, arguments: &[&str]) -> String {
        let output = self.run(arguments).await;
        assert!(output.status.success(), "{arguments:?}: {:?}: {}", output.status, stderr(&output));
        stdout(&output)
    }

    pub async fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let text = self.ok(&[arguments, &["--json"]].concat()).await;
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{arguments:?}: {error}: {text}"))
    }

    /// The exit code and what was said of something that has to fail.
    pub async fn fails(&self, arguments: &[&str]) -> (i32, String) {
        let output = self.run(arguments).await;
        assert!(!output.status.success(), "{arguments:?} went well: {}", stdout(&output));
        (output.status.code().unwrap(), stderr(&output))
    }
}

/// Runs to the end.
pub async fn finished(mut command: Command) -> Output {
    timeout(PATIENCE, command.output()).await.expect("it ends in time").unwrap()
}

/// Runs to the end with this on its standard input.
pub async fn fed(mut command: Command, input: &[u8]) -> Output {
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let feeding = async {
        // It may end without having read everything.
        let _ = stdin.write_all(input).await;
        drop(stdin);
    };
    let (_, output) = timeout(PATIENCE, async { tokio::join!(feeding, child.wait_with_output()) })
        .await
        .expect("it ends in time");
    output.unwrap()
}

pub fn spawned(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).spawn().unwrap()
}

pub fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub async fn eventually(what: &str, mut condition: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    assert!(timeout(PATIENCE, waiting).await.is_ok(), "not in time: {what}");
}
