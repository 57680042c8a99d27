//! `rolltop api-keys`: credentials for programs.

use clap::{Args, Subcommand};
use jiff::{Timestamp, ToSpan as _};
use rolltop_api_types::{ApiKey, CreateApiKey, Scope};
use secrecy::ExposeSecret as _;
use serde_json::json;

use crate::connect::Connection;
use crate::failure::Failure;
use crate::find;
use crate::output::{ago, print, print_json, say};

#[derive(Subcommand)]
pub enum ApiKeys {
    /// List them
    #[command(visible_alias = "list")]
    Ls,
    /// Make a key; its secret is printed this once
    #[command(
        after_help = "Example:\n  rolltop api-keys create nightly --scope desktops:read --scope exec --days 90 > key"
    )]
    Create(CreateKey),
    /// Revoke a key: what it has open is closed
    Revoke {
        /// Its name, its id, or the beginning of one
        key: String,
    },
}

#[derive(Args)]
pub struct CreateKey {
    /// What it is for
    pub name: String,
    /// What it may do, such as desktops:read; may be given several times
    #[arg(long, short, required = true)]
    pub scope: Vec<String>,
    /// The only desktop it is to be good for
    #[arg(long, value_name = "NAME")]
    pub desktop: Option<String>,
    /// It ends after so many days; by default never
    #[arg(long)]
    pub days: Option<u32>,
}

pub async fn run(connection: &Connection, command: &ApiKeys) -> Result<u8, Failure> {
    match command {
        ApiKeys::Ls => list(connection).await,
        ApiKeys::Create(key) => create(connection, key).await,
        ApiKeys::Revoke { key } => revoke(connection, key).await,
    }
}

async fn list(connection: &Connection) -> Result<u8, Failure> {
    let keys = connection.client.api_keys().await?;
    let rows = keys.iter().map(|key| {
        let scopes: Vec<&str> = key.scopes.iter().map(|scope| scope.as_str()).collect();
        let desktop = key.desktop.map_or_else(|| "all".to_owned(), |id| id.to_string());
        let ends = key.expires_at.map_or_else(|| "never".to_owned(), |at| at.to_string());
        let used = key.used_at.map_or_else(|| "never".to_owned(), |at| format!("{} ago", ago(at)));
        [key.name.clone(), scopes.join(" "), desktop, ends, used, key.id.to_string()]
    });
    let heads = ["NAME", "SCOPES", "DESKTOP", "ENDS", "USED", "ID"];
    let empty = "No API keys; rolltop api-keys create NAME --scope SCOPE makes one.";
    connection.list(&json!({"items": keys}), heads, rows, empty)
}

async fn create(connection: &Connection, wanted: &CreateKey) -> Result<u8, Failure> {
    let scopes = wanted.scope.iter().map(|text| scope(text)).collect::<Result<Vec<Scope>, Failure>>()?;
    let desktop = match &wanted.desktop {
        Some(name) => Some(find::desktop(connection, name).await?.id),
        None => None,
    };
    let expires_at = wanted.days.map(days_from_now).transpose()?;
    let request = CreateApiKey { name: wanted.name.clone(), scopes, desktop, expires_at };
    let created = connection.client.create_api_key(&request).await?;
    if connection.json {
        return print_json(&created);
    }
    say(&format!("{} ({}); its secret is shown this once:\n", created.key.name, created.key.id));
    print(&format!("{}\n", created.token.expose_secret()))
}

fn scope(text: &str) -> Result<Scope, Failure> {
    Scope::named(text).ok_or_else(|| {
        let all: Vec<&str> = Scope::ALL.iter().map(|scope| scope.as_str()).collect();
        Failure::usage(format!("There is no scope {text}; there are {}.", all.join(", ")))
    })
}

fn days_from_now(days: u32) -> Result<Timestamp, Failure> {
    let wrong = || Failure::usage(format!("A key can't be good for {days} days."));
    Timestamp::now().checked_add((i64::from(days) * 24).hours()).map_err(|_| wrong())
}

async fn revoke(connection: &Connection, text: &str) -> Result<u8, Failure> {
    let keys = connection.client.api_keys().await?;
    let is = |key: &&ApiKey| key.name == text || key.id.to_string() == text;
    let begins = |key: &&ApiKey| find::begins_id(&key.id.to_string(), text);
    let exact: Vec<&ApiKey> = keys.iter().filter(is).collect();
    let key = find::only(
        if exact.is_empty() { keys.iter().filter(begins).collect() } else { exact },
        || Failure::not_found(format!("There is no API key {text}; rolltop api-keys ls lists them.")),
        || Failure::ambiguous(format!("{text} may mean several API keys; give the id.")),
    )?;
    connection.client.revoke_api_key(key.id).await?;
    connection.tell(&json!({"id": key.id}), || format!("{} opens nothing any more.\n", key.name))
}
