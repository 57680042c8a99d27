//! What is remembered: which servers there are, how to know each again, and a credential for it.
//!
//! ```text
//!  $XDG_CONFIG_HOME/rolltop/     0700; ~/.config/rolltop by default
//!    config.toml                 which server is meant
//!    servers/HOST_PORT.toml      0600: address, how it is trusted, its API key
//! ```

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use clap::Subcommand;
use rolltop_api_types::Fingerprint;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use crate::commands::Global;
use crate::failure::{Exit, Failure};
use crate::output::{Colour, print, print_json, print_table, replace};

#[derive(Subcommand)]
pub enum Config {
    /// List the servers that are known
    #[command(visible_alias = "list")]
    Ls,
    /// Choose the server that is meant from now on
    Use {
        /// Its address
        server: String,
    },
    /// Print where everything is kept
    Path,
}

/// How a server is known again.
#[derive(Clone)]
pub enum Trust {
    /// By the certificates that this machine trusts.
    System,
    /// By whoever signed its certificate (PEM).
    Signed(String),
    /// By exactly this certificate.
    Pinned(Fingerprint),
}

/// A server that is remembered.
#[derive(Clone)]
pub struct Server {
    pub address: String,
    pub trust: Trust,
    pub api_key: Option<SecretString>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ServerFile {
    address: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    api_key: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    signed_by: Option<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigFile {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<String>,
}

/// The folder of everything.
pub fn directory() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))
        .map(|config| config.join("rolltop"))
        .ok_or_else(|| {
            Failure::usage("Neither XDG_CONFIG_HOME nor HOME is set, so nothing can be remembered.")
        })
}

/// An address as it is kept: `https://HOST:PORT`. One without `https://` and port means port 8443.
pub fn address(text: &str) -> Result<String, Failure> {
    let wrong = || {
        Failure::usage(format!(
            "{text} is no address; it is of the form desk.example.org or https://HOST:PORT."
        ))
    };
    let text = text.trim();
    let (host, default_port) = match text.split_once("://") {
        Some(("https", host)) => (host, "443"),
        Some(_) => return Err(wrong()),
        None => (text, "8443"),
    };
    let host = host.trim_end_matches('/');
    let is_host = |c: char| c.is_ascii_alphanumeric() || "-._[]:".contains(c);
    if host.is_empty() || !host.chars().all(is_host) {
        return Err(wrong());
    }
    let has_port = host.rsplit_once(':').is_some_and(|(before, port)| {
        port.parse::<u16>().is_ok() && (!before.contains(':') || before.ends_with(']'))
    });
    Ok(if has_port { format!("https://{host}") } else { format!("https://{host}:{default_port}") })
}

/// The server that is meant: the one that was named, else the one that was chosen.
pub fn meant(global: &Global) -> Result<String, Failure> {
    if let Some(named) = &global.address {
        return address(named);
    }
    chosen()?.ok_or_else(|| {
        Failure::new(
            Exit::NotAllowed,
            "not_signed_in",
            "No server is known yet; sign in with rolltop login ADDRESS, or name one with --address.",
        )
    })
}

pub fn chosen() -> Result<Option<String>, Failure> {
    let file: ConfigFile = read(&directory()?.join("config.toml"))?.unwrap_or_default();
    Ok(file.server)
}

pub fn choose(address: &str) -> Result<(), Failure> {
    write(&directory()?.join("config.toml"), &ConfigFile { server: Some(address.to_owned()) })
}

/// What is remembered of a server.
pub fn server(address: &str) -> Result<Option<Server>, Failure> {
    read(&path_of(address)?)?.map(server_of).transpose()
}

pub fn remember(server: &Server) -> Result<(), Failure> {
    let (fingerprint, signed_by) = match &server.trust {
        Trust::System => (None, None),
        Trust::Pinned(fingerprint) => (Some(fingerprint.to_string()), None),
        Trust::Signed(pem) => (None, Some(pem.clone())),
    };
    let api_key = server.api_key.as_ref().map(|key| key.expose_secret().to_owned());
    let file = ServerFile { address: server.address.clone(), api_key, fingerprint, signed_by };
    write(&path_of(&server.address)?, &file)
}

fn server_of(file: ServerFile) -> Result<Server, Failure> {
    let trust =
        match (file.fingerprint, file.signed_by) {
            (Some(text), _) => Trust::Pinned(text.parse().map_err(|error| {
                Failure::new(Exit::Failed, "config", format!("{}: {error}", file.address))
            })?),
            (None, Some(pem)) => Trust::Signed(pem),
            (None, None) => Trust::System,
        };
    Ok(Server { address: file.address, trust, api_key: file.api_key.map(SecretString::from) })
}

/// One name per host and port, with nothing in it that a file's name may not have.
pub fn file_name(address: &str) -> String {
    let name = address.trim_start_matches("https://").chars();
    name.map(|c| if c.is_ascii_alphanumeric() || "-.".contains(c) { c } else { '_' }).collect()
}

fn path_of(address: &str) -> Result<PathBuf, Failure> {
    Ok(directory()?.join("servers").join(format!("{}.toml", file_name(address))))
}

fn read<T: for<'de> Deserialize<'de>>(path: &Path) -> Result<Option<T>, Failure> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::io(path.display(), &error)),
    };
    let mode = fs::metadata(path).map_err(|error| Failure::io(path.display(), &error))?.mode();
    if mode & 0o077 != 0 {
        let detail = format!("Others may read {0}, which can hold a key; run chmod 600 {0}.", path.display());
        return Err(Failure::new(Exit::Failed, "config", detail));
    }
    // Without the text around a mistake, which may be a key.
    let parsed = toml::from_str(&text).map_err(|error| {
        let line =
            error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
        Failure::new(Exit::Failed, "config", format!("{} has a mistake in line {line}.", path.display()))
    });
    parsed.map(Some)
}

fn write(path: &Path, file: &impl Serialize) -> Result<(), Failure> {
    let text =
        toml::to_string(file).map_err(|error| Failure::io(path.display(), &io::Error::other(error)))?;
    replace(path, &text, None)
}

fn known() -> Result<Vec<Server>, Failure> {
    let directory = directory()?.join("servers");
    let entries = match fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Failure::io(directory.display(), &error)),
    };
    let mut paths: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    paths.retain(|path| path.extension().is_some_and(|kind| kind == "toml"));
    paths.sort();
    let files = paths.iter().map(|path| read::<ServerFile>(path)).collect::<Result<Vec<_>, _>>()?;
    files.into_iter().flatten().map(server_of).collect()
}

#[derive(Serialize)]
struct ServerShown {
    address: String,
    chosen: bool,
    signed_in: bool,
    trust: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    fingerprint: Option<String>,
}

/// `rolltop config`
pub fn run(command: Option<&Config>, global: &Global) -> Result<u8, Failure> {
    match command {
        None | Some(Config::Ls) => list(global),
        Some(Config::Use { server: text }) => {
            let address = address(text)?;
            if server(&address)?.is_none() {
                let detail = format!("{address} is not known; sign in with rolltop login {text}.");
                return Err(Failure::new(Exit::NotFound, "unknown_server", detail));
            }
            choose(&address)?;
            Ok(0)
        }
        Some(Config::Path) => print(&format!("{}\n", directory()?.display())),
    }
}

fn list(global: &Global) -> Result<u8, Failure> {
    let chosen = chosen()?;
    let shown: Vec<ServerShown> = known()?
        .into_iter()
        .map(|server| {
            let (trust, fingerprint) = match server.trust {
                Trust::System => ("system", None),
                Trust::Signed(_) => ("signed", None),
                Trust::Pinned(fingerprint) => ("pinned", Some(fingerprint.to_string())),
            };
            let chosen = chosen.as_ref() == Some(&server.address);
            ServerShown {
                chosen,
                signed_in: server.api_key.is_some(),
                address: server.address,
                trust,
                fingerprint,
            }
        })
        .collect();
    if global.json {
        return print_json(&serde_json::json!({"items": shown}));
    }
    let rows = shown.into_iter().map(|server| {
        let mark = if server.chosen { "*" } else { "" };
        let signed_in = if server.signed_in { "yes" } else { "no" };
        let row = [mark.to_owned(), server.address, signed_in.to_owned(), server.trust.to_owned()];
        row.map(|cell| (cell, Colour::Plain))
    });
    let empty = "No server is known yet; sign in with rolltop login ADDRESS.";
    print_table(["", "ADDRESS", "SIGNED IN", "TRUST"], rows, empty)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_kept_in_one_form() {
        let of = |text| address(text).ok();
        assert_eq!(of("desk.example.org").as_deref(), Some("https://desk.example.org:8443"));
        assert_eq!(of("desk.example.org:9000").as_deref(), Some("https://desk.example.org:9000"));
        assert_eq!(of("https://desk.example.org/").as_deref(), Some("https://desk.example.org:443"));
        assert_eq!(of("https://localhost:8443").as_deref(), Some("https://localhost:8443"));
        assert_eq!(of("[::1]").as_deref(), Some("https://[::1]:8443"));
        for bad in ["", "http://desk.example.org", "https://", "a b", "https://user@host", "host/path"] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_files_name_holds_nothing_odd() {
        assert_eq!(file_name("https://[::1]:8443"), "___1__8443");
        assert_eq!(file_name("https://desk.example.org:8443"), "desk.example.org_8443");
    }
}
