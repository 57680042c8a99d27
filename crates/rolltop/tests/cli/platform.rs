//! Web, API, control, jump host and simulated machines, and people with a `rolltop` of their own.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rolltop_api_server::ApiConfig;
use rolltop_api_types::Client;
use rolltop_control::ControlConfig;
use rolltop_testing::{PATIENCE, Web};
use secrecy::ExposeSecret;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

pub struct Platform {
    platform: rolltop_testing::Platform,
    /// Speaks as the owner who has signed in, over the API's own socket.
    pub owner: Client,
    /// `https://localhost:PORT`
    pub address: String,
    /// SHA-256 of the certificate, as `openssl` writes it.
    pub fingerprint: String,
    web: Web,
}

impl Deref for Platform {
    type Target = rolltop_testing::Platform;

    fn deref(&self) -> &Self::Target {
        &self.platform
    }
}

impl Platform {
    pub async fn start() -> Self {
        let config = ControlConfig { stop_grace: Duration::from_millis(10), ..ControlConfig::default() };
        let platform = rolltop_testing::Platform::with(ApiConfig::default(), config).await;
        let owner = platform.session().await;
        platform.jump_host(rolltop_ssh_gateway::Limits::default()).await;
        let web = platform.web().await;
        let fingerprint = fingerprint(&web.certificate).await;
        Self { platform, owner, address: web.url.clone(), fingerprint, web }
    }

    pub fn certificate(&self) -> &Path {
        &self.web.certificate
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
