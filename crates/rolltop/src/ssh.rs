//! `rolltop ssh` and `rolltop ssh-config`: people's own SSH client, told whom it speaks to.
//!
//! Host keys come over the connection that one has signed in on, so that a first connection asks
//! nothing and takes nothing on faith. What is written is written anew each time and includes, or
//! is included by, the person's own configuration, which is never changed but for one line.

mod written;

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use rolltop_api_types::{Desktop, DesktopSsh};

use crate::config;
use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::{print, replace};
use clap::{Args, ValueHint};
use written::{Written, include_line};

#[derive(Args)]
pub struct Ssh {
    /// The desktop
    pub name: String,
    /// File with the private key to use, on the way too; by default ssh's own choice
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub identity: Option<PathBuf>,
    /// An option for ssh, as its -o takes it
    #[arg(long, short, value_name = "OPTION")]
    pub option: Vec<String>,
    /// A command to run instead of a shell
    #[arg(last = true, value_name = "COMMAND")]
    pub words: Vec<String>,
}

#[derive(Args)]
pub struct SshConfig {
    /// File with the private key to use; by default ssh's own choice
    #[arg(long, short, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub identity: Option<PathBuf>,
    /// Print the Host blocks and write nothing
    #[arg(long)]
    pub print: bool,
    /// The folder to write to, instead of ~/.ssh; ssh -F DIR/rolltop/SERVER.conf uses it
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub directory: Option<PathBuf>,
}

/// Desktops that are asked about at once.
const AT_ONCE: usize = 8;

/// `rolltop ssh`: becomes the ssh that is installed here.
pub async fn run(connection: &Connection, command: &Ssh) -> Result<u8, Failure> {
    let desktop = find::desktop(connection, &command.name).await?;
    if let Ok(keys) = connection.client.ssh_keys().await
        && keys.is_empty()
    {
        let detail = "No SSH key opens your desktops yet; add yours with rolltop keys add.";
        return Err(Failure::new(Exit::NotAllowed, "no_ssh_key", detail));
    }
    let ssh = connection.client.desktop_ssh(desktop.id).await?;
    let written = Written::new(connection.host(), &[ssh], identity(command.identity.as_deref())?)?;
    let folder = config::directory()?.join("ssh");
    let place =
        ConfigFiles::of(&folder, &format!("{}-{}", config::file_name(&connection.address), desktop.id));
    place.write(&written, true)?;
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(&place.config);
    for option in &command.option {
        ssh.arg("-o").arg(option);
    }
    ssh.arg(written::host_of(&desktop.id.to_string())).args(&command.words);
    // Only comes back if it could not.
    let error = ssh.exec();
    let detail = match error.kind() {
        io::ErrorKind::NotFound => "There is no ssh here; install OpenSSH's client.".to_owned(),
        _ => format!("ssh can't be run: {error}."),
    };
    Err(Failure::new(Exit::Failed, "no_ssh", detail))
}

/// `rolltop ssh-config`
pub async fn configure(connection: &Connection, command: &SshConfig) -> Result<u8, Failure> {
    let desktops = connection.client.all_desktops().await?;
    let asked = stream::iter(desktops.into_iter().map(|desktop| asked(connection, desktop)));
    let known: Vec<Option<DesktopSsh>> = asked.buffered(AT_ONCE).try_collect().await?;
    let known: Vec<DesktopSsh> = known.into_iter().flatten().collect();
    let written = Written::new(connection.host(), &known, identity(command.identity.as_deref())?)?;
    let own = match &command.directory {
        Some(directory) => {
            std::path::absolute(directory).map_err(|error| Failure::io(directory.display(), &error))?
        }
        None => own_folder()?,
    };
    let place = ConfigFiles::of(&own.join("rolltop"), &config::file_name(&connection.address));
    if command.print {
        return print(&written.config(&place.known_hosts));
    }
    place.write(&written, false)?;
    if command.directory.is_none() {
        include(&own.join("config"))?;
    }
    let hosts: Vec<String> = known.iter().map(|ssh| written::host_of(&ssh.name)).collect();
    let ConfigFiles { config, known_hosts } = &place;
    let value = serde_json::json!({"config": config, "known_hosts": known_hosts, "hosts": hosts});
    connection.tell(&value, || {
        let example = hosts.first().map(|host| format!("  ssh {host}\n")).unwrap_or_default();
        format!("{} desktops are in {}\n{example}", hosts.len(), config.display())
    })
}

/// The private key's file, wherever ssh will be run.
fn identity(path: Option<&Path>) -> Result<Option<PathBuf>, Failure> {
    let Some(path) = path else { return Ok(None) };
    fs::canonicalize(path).map(Some).map_err(|error| Failure::io(path.display(), &error))
}

/// What is needed to enter; `None` for one that has no host key yet, or has gone meanwhile.
async fn asked(connection: &Connection, desktop: Desktop) -> Result<Option<DesktopSsh>, Failure> {
    match connection.client.desktop_ssh(desktop.id).await {
        Ok(ssh) => Ok(Some(ssh).filter(|ssh| ssh.host_key.is_some())),
        Err(error) if error.problem().is_some_and(|problem| problem.status == 404) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn own_folder() -> Result<PathBuf, Failure> {
    let home = std::env::var_os("HOME").map(PathBuf::from).filter(|home| home.is_absolute());
    home.map(|home| home.join(".ssh")).ok_or_else(|| Failure::usage("HOME is not set; give --directory."))
}

struct ConfigFiles {
    config: PathBuf,
    known_hosts: PathBuf,
}

impl ConfigFiles {
    fn of(folder: &Path, name: &str) -> Self {
        let file = |kind: &str| folder.join(format!("{name}.{kind}"));
        Self { config: file("conf"), known_hosts: file("known_hosts") }
    }

    fn write(&self, written: &Written, with_own: bool) -> Result<(), Failure> {
        let mut config = written.config(&self.known_hosts);
        if with_own {
            config.push_str(written::OWN_CONFIGURATION);
        }
        replace(&self.known_hosts, &written.known_hosts(), None)?;
        replace(&self.config, &config, None)
    }
}

/// Adds the line that includes what we write, at the top, where it is not inside another host's block.
fn include(path: &Path) -> Result<(), Failure> {
    let told = |error: io::Error| Failure::io(path.display(), &error);
    let (before, mode) = match fs::read_to_string(path) {
        Ok(text) => (text, Some(fs::metadata(path).map_err(told)?.permissions().mode() & 0o7777)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => (String::new(), None),
        Err(error) => return Err(told(error)),
    };
    match include_line(&before) {
        // Through a link, where the person keeps it elsewhere.
        Some(after) => replace(&fs::canonicalize(path).unwrap_or(path.to_owned()), &after, mode),
        None => Ok(()),
    }
}
