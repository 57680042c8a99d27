//! The way to the server, trusted as it was when one signed in.

use std::fs;
use std::path::PathBuf;

use rolltop_api_types::{Client, ClientError, shown_certificate};
use secrecy::SecretString;
use serde::Serialize;

use crate::commands::Global;
use crate::config::{self, Trust};
use crate::failure::{Exit, Failure, UNREACHABLE};
use crate::output::{Colour, print, print_json, print_table};

/// Names a file that holds an API key, for scripts.
const KEY_FILE: &str = "ROLLTOP_API_KEY_FILE";

/// A server that is spoken to, with a credential.
pub struct Connection {
    pub client: Client,
    pub address: String,
    pub json: bool,
    trust: Trust,
}

impl Connection {
    pub fn open(global: &Global) -> Result<Self, Failure> {
        let address = config::meant(global)?;
        let stored = config::server(&address)?;
        let trust = match given_trust(global)? {
            Some(trust) => trust,
            None => stored.as_ref().map_or(Trust::System, |server| server.trust.clone()),
        };
        let key = match std::env::var_os(KEY_FILE) {
            Some(path) => key_in(&PathBuf::from(path))?,
            None => stored.and_then(|server| server.api_key).ok_or_else(|| {
                let detail = format!("Not signed in to {address}; run rolltop login.");
                Failure::new(Exit::NotAllowed, "not_signed_in", detail)
            })?,
        };
        let client = client(&address, &trust)?.with_token(&key)?;
        Ok(Self { client, address, json: global.json, trust })
    }

    /// Tells more of a failure that says no more than that the server was not reached.
    pub async fn explain(&self, failure: Failure) -> Failure {
        explain(&self.address, &self.trust, failure).await
    }

    /// Says what came of a command: in JSON for programs, in words for people.
    pub fn tell(&self, value: &impl Serialize, words: impl FnOnce() -> String) -> Result<u8, Failure> {
        if self.json { print_json(value) } else { print(&words()) }
    }

    /// The same of many things, which people see as a table: its heads, its rows, and what is said where it has none.
    pub fn list<const N: usize>(
        &self,
        value: &impl Serialize,
        heads: [&str; N],
        rows: impl IntoIterator<Item = [String; N]>,
        empty: &str,
    ) -> Result<u8, Failure> {
        if self.json {
            return print_json(value);
        }
        let rows = rows.into_iter().map(|row| row.map(|cell| (cell, Colour::Plain)));
        print_table(heads, rows, empty)
    }

    /// The host's name without the port, as an SSH client wants it.
    pub fn host(&self) -> &str {
        let host = self.address.trim_start_matches("https://");
        let host = host.rsplit_once(':').map_or(host, |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }
}

/// How the command line says to trust the server, where it does.
pub fn given_trust(global: &Global) -> Result<Option<Trust>, Failure> {
    if let Some(text) = &global.fingerprint {
        let fingerprint = text.parse().map_err(|error| Failure::usage(format!("{error}.")))?;
        return Ok(Some(Trust::Pinned(fingerprint)));
    }
    let Some(path) = &global.ca_file else { return Ok(None) };
    let pem = fs::read_to_string(path).map_err(|error| Failure::io(path.display(), &error))?;
    Ok(Some(Trust::Signed(pem)))
}

/// A client that speaks for nobody yet.
pub fn client(address: &str, trust: &Trust) -> Result<Client, Failure> {
    let client = match trust {
        Trust::System => Client::over_https(address, None),
        Trust::Signed(pem) => Client::over_https(address, Some(pem.as_bytes())),
        Trust::Pinned(fingerprint) => Client::over_https_pinned(address, *fingerprint),
    };
    Ok(client?)
}

/// Whether a server was not reached because it shows another certificate than the pinned one, or one that is not trusted.
pub async fn explain(address: &str, trust: &Trust, failure: Failure) -> Failure {
    if failure.code != UNREACHABLE {
        return failure;
    }
    not_trusted(address, trust).await.unwrap_or(failure)
}

/// What is wrong with the certificate that the server shows, where that is why nothing was sent to it.
async fn not_trusted(address: &str, trust: &Trust) -> Option<Failure> {
    match client(address, trust).ok()?.healthz().await {
        Err(ClientError::Transport(error)) if error.is_connect() => {}
        // It is trusted; something else went wrong.
        Ok(()) | Err(_) => return None,
    }
    let shown = shown_certificate(address).await.ok()?;
    match trust {
        Trust::Pinned(pinned) if *pinned == shown => None,
        Trust::Pinned(pinned) => Some(Failure::new(
            Exit::NotAllowed,
            "certificate_changed",
            format!(
                "{address} shows another certificate than the one that was confirmed, so nothing was sent to it.\n\
                 confirmed: {pinned}\nshown:     {shown}\n\
                 If its operator has renewed it, run rolltop login again and compare."
            ),
        )),
        Trust::System | Trust::Signed(_) => Some(Failure::new(
            Exit::NotAllowed,
            "certificate_not_trusted",
            format!(
                "{address} shows a certificate that is not trusted here (SHA-256 {shown}), so nothing was sent to it; \
                 run rolltop login to compare and confirm it, or give --ca-file or --fingerprint."
            ),
        )),
    }
}

fn key_in(path: &PathBuf) -> Result<SecretString, Failure> {
    let text = fs::read_to_string(path).map_err(|error| Failure::io(path.display(), &error))?;
    key_of(&text)
}

/// The key in a text, which may end with a line's end.
pub fn key_of(text: &str) -> Result<SecretString, Failure> {
    let key = text.trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(Failure::usage("An API key is one word, rt_ and letters; this is none."));
    }
    Ok(SecretString::from(key.to_owned()))
}
