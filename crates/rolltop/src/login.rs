//! Signing in: first who the server is, then who we are.
//!
//! A server whose certificate this machine trusts needs no question. Any other one's fingerprint is
//! shown and pinned once a person has confirmed it, or was given by a script; nothing is ever trusted
//! silently, and no credential leaves before that.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};

use std::time::{Duration, Instant};

use clap::{Args, ValueHint};
use rolltop_api_types::{Client, ClientError, Code, CredentialKind, Me, StartDeviceLogin, shown_certificate};
use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use secrecy::SecretString;
use serde::Serialize;

use crate::commands::Global;
use crate::config::{self, Server, Trust};
use crate::connect::{self, Connection};
use crate::failure::{Exit, Failure};
use crate::output::{confirmed, plain, print, print_json, say, size};

#[derive(Args)]
pub struct Login {
    /// The server; like --address
    #[arg(value_name = "ADDRESS", value_hint = ValueHint::Hostname)]
    pub server: Option<String>,
    /// Sign in with an API key, read from standard input or asked for; never an argument, which others
    /// could see
    #[arg(long)]
    pub api_key: bool,
}

/// Longest text that is read as a key, bytes.
const LONGEST_KEY: u64 = 4096;

/// `rolltop login`
pub async fn log_in(login: &Login, global: &Global) -> Result<u8, Failure> {
    let address = match &login.server {
        Some(text) => config::address(text)?,
        None => config::meant(global)?,
    };
    let trust = match connect::given_trust(global)? {
        Some(trust) => trust,
        None => trust(&address).await?,
    };
    let nobody = connect::client(&address, &trust)?;
    if let Err(error) = nobody.healthz().await
        && matches!(error, ClientError::Transport(_))
    {
        return Err(connect::explain(&address, &trust, error.into()).await);
    }
    let key = if login.api_key { asked_key()? } else { device(&address, &nobody).await? };
    let me = nobody.with_token(&key)?.me().await?;
    config::remember(&Server { address: address.clone(), trust, api_key: Some(key) })?;
    config::choose(&address)?;
    if global.json {
        return print_json(&Signed { address, me });
    }
    print(&format!("Signed in to {address} as {}.\n", who(&me)))
}

/// How this server is to be trusted, which may need a person's word.
async fn trust(address: &str) -> Result<Trust, Failure> {
    let stored = config::server(address)?.map(|server| server.trust);
    let system = Client::over_https(address, None)?;
    match system.healthz().await {
        Err(ClientError::Transport(error)) if error.is_connect() => {}
        Err(ClientError::Transport(error)) => return Err(ClientError::Transport(error).into()),
        Ok(()) | Err(_) => return Ok(Trust::System),
    }
    let shown = shown_certificate(address).await?;
    match stored {
        Some(Trust::Pinned(pinned)) if pinned == shown => return Ok(Trust::Pinned(pinned)),
        Some(Trust::Pinned(pinned)) => {
            say("The server shows ANOTHER certificate than the one that was confirmed before.\n");
            say(&format!("Confirmed: {pinned}\n"));
        }
        Some(Trust::Signed(pem)) => return Ok(Trust::Signed(pem)),
        Some(Trust::System) | None => {}
    }
    say(&format!("The certificate of {address} is not signed by anyone whom this machine trusts.\n"));
    say(&format!("SHA-256:   {shown}\n"));
    say("On the server: openssl x509 -noout -fingerprint -sha256 -in DATA/web/tls.crt\n");
    if !io::stdin().is_terminal() {
        return Err(Failure::new(
            Exit::NotAllowed,
            "certificate_not_trusted",
            format!("Nobody can be asked here; after comparing it, give --fingerprint {shown}."),
        ));
    }
    if confirmed("Is this the server's certificate? Type yes to trust it from now on: ")? {
        return Ok(Trust::Pinned(shown));
    }
    Err(Failure::new(Exit::NotAllowed, "certificate_not_trusted", "Not trusted; nothing was sent."))
}

/// A key from standard input, or from a person who types it unseen.
fn asked_key() -> Result<SecretString, Failure> {
    let told = |error: io::Error| Failure::io("the key can't be read", &error);
    let stdin = io::stdin();
    if !stdin.is_terminal() {
        let mut text = String::new();
        stdin.lock().take(LONGEST_KEY).read_to_string(&mut text).map_err(told)?;
        return connect::key_of(&text);
    }
    say("API key: ");
    let _ = io::stderr().flush();
    let before = tcgetattr(&stdin).map_err(|error| told(error.into()))?;
    let mut unseen = before.clone();
    unseen.local_modes.remove(LocalModes::ECHO);
    tcsetattr(&stdin, OptionalActions::Flush, &unseen).map_err(|error| told(error.into()))?;
    let mut text = String::new();
    let read = stdin.lock().read_line(&mut text);
    let _ = tcsetattr(&stdin, OptionalActions::Flush, &before);
    say("\n");
    read.map_err(told)?;
    connect::key_of(&text)
}

/// By a person in a browser.
async fn device(address: &str, nobody: &Client) -> Result<SecretString, Failure> {
    let client_name = format!("rolltop on {}", this_machine());
    let login = nobody.start_device_login(&StartDeviceLogin { client_name }).await?;
    let page = match login.verification_url.strip_prefix('/') {
        Some(path) => format!("{address}/{path}"),
        None => login.verification_url.clone(),
    };
    say(&format!("Open {} in a browser where you are signed in, and type the code\n", plain(&page)));
    say("\n");
    say(&format!("    {}\n", plain(&login.user_code)));
    say("\n");
    let mut interval = Duration::from_secs(login.interval.clamp(1, 60));
    let give_up = Instant::now() + Duration::from_secs(login.expires_in.min(3600));
    while Instant::now() < give_up {
        tokio::time::sleep(interval).await;
        match nobody.device_key(&login.device_code).await {
            Ok(created) => return Ok(created.token),
            Err(error) => match error.code() {
                Some(Code::AuthorizationPending) => {}
                Some(Code::SlowDown) => interval += Duration::from_secs(5),
                _ => return Err(error.into()),
            },
        }
    }
    Err(Failure::new(
        Exit::TimedOut,
        "expired_token",
        "Nobody has allowed it in time; run rolltop login again.",
    ))
}

/// What a person recognises it by.
fn this_machine() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let name: String = name.chars().filter(|c| c.is_ascii_graphic()).take(40).collect();
    if name.is_empty() { "a machine".to_owned() } else { name }
}

/// `rolltop logout`
pub fn log_out(global: &Global) -> Result<u8, Failure> {
    let address = config::meant(global)?;
    if let Some(server) = config::server(&address)? {
        // How it is known is kept.
        config::remember(&Server { api_key: None, ..server })?;
    }
    if global.json {
        return print_json(&serde_json::json!({"address": address}));
    }
    print(&format!("The credential for {address} is forgotten here. It stays valid until it is revoked.\n"))
}

#[derive(Serialize)]
struct Signed {
    address: String,
    #[serde(flatten)]
    me: Me,
}

/// `rolltop status`
pub async fn status(connection: &Connection) -> Result<u8, Failure> {
    let signed = Signed { address: connection.address.clone(), me: connection.client.me().await? };
    connection.tell(&signed, || {
        let Signed { address, me } = &signed;
        let scopes: Vec<&str> = me.credential.scopes.iter().map(|scope| scope.as_str()).collect();
        let of = me.limits.disk_bytes.map(|limit| format!(" of {}", size(limit))).unwrap_or_default();
        format!(
            "Server     {address}\nSigned in  {}\nMay        {}\nDesktops   {} of {}\nDisk       {}{of}\n",
            who(me),
            scopes.join(", "),
            me.limits.desktops_used,
            me.limits.desktops,
            size(me.limits.disk_bytes_used),
        )
    })
}

fn who(me: &Me) -> String {
    let kind = match me.credential.kind {
        CredentialKind::Session => "a session",
        CredentialKind::ApiKey => "an API key",
        CredentialKind::SshKey => "an SSH key",
        CredentialKind::Share => "a share link",
    };
    match &me.name {
        Some(name) => format!("{name}, with {kind} ({})", me.credential.id),
        None => format!("{kind} ({})", me.credential.id),
    }
}
