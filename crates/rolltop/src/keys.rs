//! `rolltop keys`: the SSH keys that open one's desktops.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use clap::{Subcommand, ValueHint};
use rolltop_api_types::{CreateSshKey, KeyDelivery, SshKey};
use secrecy::SecretString;
use serde_json::json;

use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;
use crate::output::ago;

#[derive(Subcommand)]
pub enum Keys {
    /// List them
    #[command(visible_alias = "list")]
    Ls,
    /// Add a public key
    Add {
        /// File with the public key, - for standard input; by default the first of ~/.ssh/id_*.pub
        #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
        file: Option<PathBuf>,
        /// What to call it; by default its comment
        #[arg(long)]
        name: Option<String>,
    },
    /// Remove a key: what it has open is closed
    Rm {
        /// Its name, its id, its fingerprint, or the beginning of one
        key: String,
    },
}

/// Longest text that is read as a key, bytes.
const LONGEST_KEY: u64 = 64 * 1024;
/// What is looked for in `~/.ssh`, best first.
const USUAL: [&str; 3] = ["id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"];

pub async fn run(connection: &Connection, command: &Keys) -> Result<u8, Failure> {
    match command {
        Keys::Ls => list(connection).await,
        Keys::Add { file, name } => add(connection, file.as_deref(), name.clone()).await,
        Keys::Rm { key } => remove(connection, key).await,
    }
}

async fn list(connection: &Connection) -> Result<u8, Failure> {
    let keys = connection.client.ssh_keys().await?;
    let rows = keys.iter().map(|key| {
        let SshKey { name, kind, fingerprint, .. } = key.clone();
        let used = key.used_at.map_or_else(|| "never".to_owned(), ago);
        [name, kind, fingerprint, ago(key.created_at), used, key.id.to_string()]
    });
    let heads = ["NAME", "KIND", "FINGERPRINT", "ADDED", "USED", "ID"];
    connection.list(&json!({"items": keys}), heads, rows, "No SSH keys; rolltop keys add adds yours.")
}

async fn add(connection: &Connection, file: Option<&Path>, name: Option<String>) -> Result<u8, Failure> {
    let text = match file {
        Some(path) if path == Path::new("-") => read(io::stdin().lock(), "standard input")?,
        Some(path) => of_file(path)?,
        None => of_file(&usual()?)?,
    };
    let key = CreateSshKey { name, public_key: SecretString::from(text.trim().to_owned()) };
    let added = connection.client.add_ssh_key(&key).await?;
    connection.tell(&added, || {
        let SshKey { name, fingerprint, .. } = &added.key;
        format!("{name} ({fingerprint}) opens your desktops{}.\n", delivered(added.delivery))
    })
}

fn delivered(delivery: KeyDelivery) -> String {
    match (delivery.pending, delivery.at_next_start) {
        (0, 0) => String::new(),
        (0, later) => format!("; {later} of them from their next start"),
        (pending, _) => format!("; {pending} of them don't answer yet and will be told when they do"),
    }
}

fn usual() -> Result<PathBuf, Failure> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let found = USUAL.iter().map(|name| home.join(".ssh").join(name)).find(|path| path.is_file());
    found.ok_or_else(|| {
        let detail =
            "There is no public key in ~/.ssh; make one with ssh-keygen -t ed25519, or name its file.";
        Failure::new(Exit::NotFound, "no_public_key", detail)
    })
}

/// A private key's file next to its public half is a common slip, and is never even read.
fn of_file(path: &Path) -> Result<String, Failure> {
    let beside = PathBuf::from(format!("{}.pub", path.display()));
    let path =
        if path.extension().is_none_or(|kind| kind != "pub") && beside.is_file() { &beside } else { path };
    let file = fs::File::open(path).map_err(|error| Failure::io(path.display(), &error))?;
    read(file, &path.display().to_string())
}

fn read(reader: impl io::Read, what: &str) -> Result<String, Failure> {
    let mut text = String::new();
    reader.take(LONGEST_KEY).read_to_string(&mut text).map_err(|error| Failure::io(what, &error))?;
    if text.contains("PRIVATE KEY") {
        let detail =
            "This is a private key, and was not sent; give the public half, the file that ends with .pub.";
        return Err(Failure::new(Exit::Usage, "private_key", detail));
    }
    Ok(text)
}

/// `SHA256:` and four letters more.
const FINGERPRINT: usize = 11;

async fn remove(connection: &Connection, text: &str) -> Result<u8, Failure> {
    let keys = connection.client.ssh_keys().await?;
    let exact = keys.iter().find(|key| key.name == text || key.id.to_string() == text);
    let begins = |key: &&SshKey| {
        find::begins_id(&key.id.to_string(), text)
            || (text.len() >= FINGERPRINT && key.fingerprint.starts_with(text))
    };
    let key = exact.map_or_else(
        || {
            let none = || Failure::not_found(format!("There is no key {text}; rolltop keys ls lists yours."));
            let several = || Failure::ambiguous(format!("{text} may mean several keys; say more of it."));
            find::only(keys.iter().filter(begins), none, several)
        },
        Ok,
    )?;
    let delivery = connection.client.remove_ssh_key(key.id).await?.delivery;
    connection.tell(&json!({"id": key.id, "delivery": delivery}), || {
        format!("{} opens nothing any more.\n", key.name)
    })
}
