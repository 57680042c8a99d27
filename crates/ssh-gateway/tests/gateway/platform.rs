//! A control plane, its sockets, a jump host, and people with OpenSSH.

use std::net::SocketAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::time::Duration;

use rolltop_api_server::ApiConfig;
use rolltop_api_types::{CreateSshKey, SshKeyAdded};
use rolltop_control::ControlConfig;
use rolltop_model::DesktopId;
use rolltop_ssh_gateway::Limits;
use rolltop_testing::{PATIENCE, eventually};
use tokio::process::Command;
use tokio::time::timeout;

pub struct Platform {
    platform: rolltop_testing::Platform,
    /// The jump host's.
    pub address: SocketAddr,
}

impl Deref for Platform {
    type Target = rolltop_testing::Platform;

    fn deref(&self) -> &Self::Target {
        &self.platform
    }
}

impl Platform {
    pub async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        let config = ControlConfig {
            interval: Duration::from_millis(200),
            stop_grace: Duration::from_millis(10),
            // A simulated machine is gone at once.
            leaving: Duration::ZERO,
            ..ControlConfig::default()
        };
        let platform = rolltop_testing::Platform::with(ApiConfig::default(), config).await;
        let address = platform.jump_host(limits).await;
        Self { platform, address }
    }

    /// Somebody with a key of their own, which nobody knows yet.
    pub async fn stranger(&self, name: &str) -> Person {
        self.person_with(name, &["-t", "ed25519"]).await
    }

    /// The same with another kind of key.
    pub async fn person_with(&self, name: &str, kind: &[&str]) -> Person {
        let home = self.directory().join(name);
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
