//! People's own clients, stock OpenSSH and rsync, through the jump host into a real desktop; and the API's
//! commands and connections to ports in the same.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use futures::{SinkExt as _, StreamExt as _};
use rolltop_api_types::{CreateSshKey, Desktop, DesktopState, ExecRequest};
use rolltop_model::DesktopId;
use rolltop_vm_tests::{Options, Platform, eventually};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio_tungstenite::tungstenite::Message;

/// Longest that one command of a client may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a busy machine may take to notice that a client has gone.
const LEAVING: Duration = Duration::from_secs(2);

async fn commands_run_and_ports_answer(platform: &Platform, desktop: DesktopId) -> anyhow::Result<()> {
    let words = ["sh", "-c", "id -un; pwd; echo $DISPLAY; cat; exit 7"].map(str::to_owned).to_vec();
    let request = ExecRequest { stdin: Some("typed ahead".into()), ..ExecRequest::of_words(words) };
    let (said, exit) = platform.exec(desktop, &request).await?;
    ensure!(said == "desk\n/home/desk\n:1\ntyped ahead", "{said:?}");
    ensure!(exit.code == Some(7), "{exit:?}");
    // 50 MB, every byte of it counted, and what is written to both outputs stays apart.
    let flood =
        ["sh", "-c", "head -c 50000000 /dev/zero | tr '\\0' x; echo y >&2"].map(str::to_owned).to_vec();
    let (said, exit) = platform.exec(desktop, &ExecRequest::of_words(flood)).await?;
    ensure!(said.len() == 50_000_000 && said.bytes().all(|byte| byte == b'x'), "{} bytes", said.len());
    ensure!(exit.code == Some(0), "{exit:?}");

    let serve = "cd /usr/share/doc/bash && exec setsid python3 -m http.server --bind 127.0.0.1 8100";
    let serve = ["sh", "-c", &format!("{serve} > /tmp/served 2>&1 &")].map(str::to_owned).to_vec();
    platform.exec(desktop, &ExecRequest::of_words(serve)).await?;
    let mut socket = eventually("the port answers", PATIENCE, || async {
        Ok(platform.client.connect_port(desktop, 8100).await.ok())
    })
    .await?;
    socket.send(Message::binary(b"GET /copyright HTTP/1.0\r\n\r\n".to_vec())).await?;
    let mut page = Vec::new();
    let answer = async {
        while let Some(message) = socket.next().await {
            match message? {
                // The server inside has closed its direction.
                Message::Binary(bytes) if bytes.is_empty() => return Ok(()),
                Message::Binary(bytes) => page.extend_from_slice(&bytes),
                Message::Close(frame) => anyhow::bail!("closed early: {frame:?}"),
                _ => {}
            }
        }
        anyhow::bail!("the connection broke off")
    };
    tokio::time::timeout(PATIENCE, answer).await.context("the answer's end")??;
    let page = String::from_utf8_lossy(&page);
    ensure!(page.contains("200 OK") && page.contains("GNU"), "{page}");
    Ok(())
}

/// A server as VS Code's is started: it goes on without its shell, on a port of its own choice.
const REMOTE_SERVER: &str = r#"
cat > server.mjs <<'END'
import { createServer } from "node:http";
import { userInfo } from "node:os";
const server = createServer((_, answer) => answer.end(userInfo().username));
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
END
nohup node server.mjs > server.log 2>&1 < /dev/null &
until [ -s server.log ]; do sleep 0.2; done
echo "listeningOn==$(cat server.log)=="
sleep 100
"#;

#[tokio::test(flavor = "multi_thread")]
async fn stock_clients_do_their_work_through_the_jump_host() -> anyhow::Result<()> {
    let platform = Platform::start(Options::real()?).await?;
    let desktop = platform.create("mine").await?;
    let desktop = platform.wait_for(desktop.id, DesktopState::Running).await?;
    commands_run_and_ports_answer(&platform, desktop.id).await?;
    let person = Person::new(&platform, &desktop).await?;

    // The key was added while the desktop ran; nothing is asked, and one enters as `desk`.
    ensure!(person.run("ssh", &["mine", "id -un; hostname"]).await? == "desk\nmine\n");

    // A command over the API is bounded as one over SSH is, and leaves files as it does.
    let bounds = "ulimit -a; umask; echo $LANG $SHELL";
    let by_ssh = person.run("ssh", &["mine", bounds]).await?;
    let words = ["bash", "-c", bounds].map(str::to_owned).to_vec();
    let (by_exec, _) = platform.exec(desktop.id, &ExecRequest::of_words(words)).await?;
    ensure!(by_exec == by_ssh, "by exec: {by_exec}\nby ssh: {by_ssh}");

    // As an agent with many keys does: the jump host and the desktop hear of all of them, and the last one opens.
    let own = std::fs::read_to_string(person.path("config"))?;
    let mut many = String::from("Host *\n");
    for number in 0..8 {
        let name = person.path(&format!("other-{number}"));
        let keygen = ["-q", "-t", "ed25519", "-N", "", "-f"];
        ensure!(Command::new("ssh-keygen").args(keygen).arg(&name).status().await?.success());
        many.push_str(&format!("IdentityFile {}\n", name.display()));
    }
    std::fs::write(person.path("config"), many + &own)?;
    ensure!(person.run("ssh", &["mine", "id -un"]).await? == "desk\n", "nine keys");
    std::fs::write(person.path("config"), own)?;

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

    // What VS Code's Remote-SSH does: a script over a shell's standard input starts a server inside, which
    // names its port, and everything else goes there through a SOCKS proxy of the same connection.
    let socks = std::net::TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    let mut remote = person.command("ssh", &["-T", "-D", &format!("127.0.0.1:{socks}"), "mine", "bash"]);
    let mut remote = remote.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    remote.stdin.take().context("its input")?.write_all(REMOTE_SERVER.as_bytes()).await?;
    let mut said = tokio::io::BufReader::new(remote.stdout.take().context("its output")?).lines();
    let port: u16 = loop {
        let line = tokio::time::timeout(PATIENCE, said.next_line()).await??.context("it ended")?;
        if let Some(port) = line.strip_prefix("listeningOn==").and_then(|rest| rest.strip_suffix("==")) {
            break port.parse()?;
        }
    };
    let url = format!("http://127.0.0.1:{port}/version");
    let proxy = format!("127.0.0.1:{socks}");
    let version = Command::new("curl").args(["-sS", "--max-time", "60", "--socks5", &proxy, &url]).output();
    let version = version.await?;
    ensure!(version.stdout == b"desk", "{version:?}");
    remote.kill().await?;

    // A stopped desktop is started by whoever knocks, and was not connected just then.
    tokio::time::sleep(LEAVING).await;
    platform.client.stop_desktop(desktop.id).await?;
    platform.wait_for(desktop.id, DesktopState::Stopped).await?;
    ensure!(
        person.run("ssh", &["mine", "cat by-scp | wc -c; echo kept > /dev/shm/kept"]).await?.trim()
            == "3000000"
    );
    // A suspended one is resumed.
    tokio::time::sleep(LEAVING).await;
    platform.client.suspend_desktop(desktop.id).await?;
    platform.wait_for(desktop.id, DesktopState::Suspended).await?;
    ensure!(person.run("ssh", &["mine", "cat /dev/shm/kept"]).await?.trim() == "kept");

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
