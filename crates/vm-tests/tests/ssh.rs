//! People's own clients, stock OpenSSH and rsync, through the jump host into a real desktop.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use rolltop_api_types::{CreateSshKey, Desktop, DesktopState};
use rolltop_vm_tests::{Options, Platform, eventually};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;

/// Longest that one command of a client may take.
const PATIENCE: Duration = Duration::from_secs(120);

#[tokio::test(flavor = "multi_thread")]
async fn stock_clients_do_their_work_through_the_jump_host() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let desktop = platform.create("mine").await?;
    let desktop = platform.wait_for(desktop.id, DesktopState::Running).await?;
    let person = Person::new(&platform, &desktop).await?;

    // The key was added while the desktop ran; nothing is asked, and one enters as `desk`.
    ensure!(person.run("ssh", &["mine", "id -un; hostname"]).await? == "desk\nmine\n");

    // A file goes there and comes back by each of the clients, every byte the same.
    let content: Vec<u8> = (0..3_000_000u32).map(|place| (place % 251) as u8).collect();
    std::fs::write(person.path("there"), &content)?;
    person.run("scp", &["there", "mine:by-scp"]).await?;
    person.run("scp", &["mine:by-scp", "back-by-scp"]).await?;
    std::fs::write(person.path("batch"), "put there by-sftp\nget by-sftp back-by-sftp\nls -l by-sftp\n")?;
    person.run("sftp", &["-b", "batch", "mine"]).await?;
    std::fs::create_dir(person.path("folder"))?;
    std::fs::write(person.path("folder/inside"), &content)?;
    let shell = format!("ssh -F {}", person.path("config").display());
    person.run("rsync", &["-a", "-e", &shell, "folder/", "mine:by-rsync/"]).await?;
    person.run("rsync", &["-a", "-e", &shell, "mine:by-rsync/inside", "back-by-rsync"]).await?;
    for name in ["back-by-scp", "back-by-sftp", "back-by-rsync"] {
        ensure!(std::fs::read(person.path(name))? == content, "{name} is not what was sent");
    }

    // A port inside, forwarded to here.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let serve = "cd by-rsync && exec timeout 100 python3 -m http.server --bind 127.0.0.1 8000";
    let mut forward =
        person.command("ssh", &["-L", &format!("127.0.0.1:{port}:127.0.0.1:8000"), "mine", serve]);
    let mut forward = forward.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let page = eventually("the web server inside answers", PATIENCE, || async {
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)).await else { return Ok(None) };
        let mut page = String::new();
        let asked = stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await;
        let read = stream.read_to_string(&mut page).await;
        Ok((asked.is_ok() && read.is_ok() && page.contains("200 OK")).then_some(page))
    })
    .await?;
    ensure!(page.contains("inside"), "{page}");
    forward.kill().await?;

    // A stopped desktop is started by whoever knocks.
    platform.client.stop_desktop(desktop.id).await?;
    platform.wait_for(desktop.id, DesktopState::Stopped).await?;
    ensure!(person.run("ssh", &["mine", "cat by-scp | wc -c"]).await?.trim() == "3000000");

    // A key that was removed opens nothing any more.
    for key in platform.client.ssh_keys().await? {
        platform.client.remove_ssh_key(key.id).await?;
    }
    ensure!(person.run("ssh", &["mine", "true"]).await.is_err());
    Ok(())
}

/// Somebody with a key and a configuration of OpenSSH's, as `docs/ssh.md` has it.
struct Person {
    home: tempfile::TempDir,
}

impl Person {
    async fn new(platform: &Platform, desktop: &Desktop) -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let key = home.path().join("key");
        let made =
            Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        ensure!(made.await?.success());
        let public_key = std::fs::read_to_string(home.path().join("key.pub"))?.into();
        platform.client.add_ssh_key(&CreateSshKey { name: Some("laptop".into()), public_key }).await?;
        let ssh = eventually("the jump host is known", PATIENCE, || async {
            let ssh = platform.client.desktop_ssh(desktop.id).await?;
            Ok((ssh.jump.is_some() && ssh.host_key.is_some()).then_some(ssh))
        })
        .await?;
        let (jump, host_key) = (ssh.jump.context("a jump host")?, ssh.host_key.context("a host key")?);
        let known = format!("[127.0.0.1]:{} {}\n{} {host_key}\n", jump.port, jump.host_key, ssh.name);
        std::fs::write(home.path().join("known_hosts"), known)?;
        let config = format!(
            "Host mine\nUser desk\nProxyJump jump\nHost jump\nHostName 127.0.0.1\nPort {}\nUser rolltop\n\
             Host *\nIdentityFile {}\nIdentitiesOnly yes\nUserKnownHostsFile {}\nStrictHostKeyChecking yes\n\
             BatchMode yes\nLogLevel ERROR\n",
            jump.port,
            key.display(),
            home.path().join("known_hosts").display()
        );
        std::fs::write(home.path().join("config"), config)?;
        Ok(Self { home })
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        if program != "rsync" {
            command.arg("-F").arg(self.path("config"));
        }
        command.args(arguments).stdin(Stdio::null()).kill_on_drop(true);
        command.env_remove("SSH_AUTH_SOCK").env("HOME", self.home.path()).current_dir(self.home.path());
        command
    }

    /// What the command printed; an error with what it complained of if it failed.
    async fn run(&self, program: &str, arguments: &[&str]) -> anyhow::Result<String> {
        let output = tokio::time::timeout(PATIENCE, self.command(program, arguments).output()).await??;
        let complaint = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{program} {arguments:?}: {} {complaint}", output.status);
        Ok(String::from_utf8(output.stdout)?)
    }
}
