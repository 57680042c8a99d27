//! `rolltopd admin`: asks the running api over its admin socket, which only root may use.

use std::path::Path;

use anyhow::{Context as _, ensure};
use rolltop_api_types::{CreateOperatorKey, Leftover};
use rolltop_control::copy_to_postgres;
use secrecy::ExposeSecret as _;

use crate::arguments::Admin;
use crate::config::Config;
use crate::output::print;
use crate::privileges::{API_USER, Identity};
use crate::ready::ask;
use crate::{layout, privileges};

pub fn run(data: &Path, config: &Config, command: &Admin) -> anyhow::Result<()> {
    match command {
        Admin::ApiKey { name } => {
            let request = CreateOperatorKey { name: Some(name.clone()) };
            let created = ask(data, |admin| async move { admin.create_api_key(&request).await })?;
            print(created.key.expose_secret())?;
        }
        Admin::SignInLink => print(sign_in_link(data)?)?,
        Admin::AdoptCopies => {
            let found = ask(data, |admin| async move { admin.adopt_copies().await })?;
            let (all, closed) = (found.found, found.closed);
            print(format_args!("{all} copies found, {closed} that this host's key does not open"))?;
        }
        Admin::MoveDatabase => move_database(data, config)?,
        Admin::Gc { dry_run } => {
            let found = if *dry_run {
                ask(data, |admin| async move { admin.leftovers().await })?
            } else {
                ask(data, |admin| async move { admin.sweep().await })?
            };
            let mut staying = 0;
            for Leftover { kind, name, stays } in found {
                match stays {
                    None => print(format_args!("{kind} {name}"))?,
                    Some(why) => {
                        staying += 1;
                        print(format_args!("{kind} {name} stays: {why}"))?;
                    }
                }
            }
            ensure!(staying == 0, "{staying} of them could not be removed");
        }
    }
    Ok(())
}

fn move_database(data: &Path, config: &Config) -> anyhow::Result<()> {
    let missing = "rolltop.toml names no PostgreSQL database: write its url under [database] first";
    let database = config.database.read()?.context(missing)?;
    layout::enter(data)?;
    let asked = std::os::unix::net::UnixStream::connect(layout::ADMIN_SOCKET);
    ensure!(asked.is_err(), "Rolltop is running: stop it first; desktops go on running");
    // A server on this host may go by who asks it.
    if let Some(api) = Identity::look_up(API_USER)? {
        privileges::become_user(api)?;
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let copied = runtime.block_on(copy_to_postgres(Path::new(layout::DATABASE), &database))?;
    for beside in ["-wal", "-shm"] {
        let path = format!("{}{beside}", layout::DATABASE);
        ensure!(!Path::new(&path).exists(), "{path} is still there: something else has the file open");
    }
    std::fs::rename(layout::DATABASE, layout::MOVED_DATABASE).context("the file can't be renamed")?;
    for (table, rows) in copied.iter().filter(|(_, rows)| *rows > 0) {
        print(format_args!("{table}: {rows}"))?;
    }
    let file = data.join(layout::MOVED_DATABASE);
    print(format_args!(
        "All is copied and compared. Start Rolltop again; once all is well, remove {}, which holds keys.",
        file.display()
    ))
}

/// A fresh one-time link for the owner, whole.
pub fn sign_in_link(data: &Path) -> anyhow::Result<String> {
    let link = ask(data, |admin| async move { admin.sign_in_link().await })?;
    Ok(format!("{}/welcome/{}", url(data)?, link.link_token.expose_secret()))
}

/// Where the pages are.
pub fn url(data: &Path) -> anyhow::Result<String> {
    let url = std::fs::read_to_string(data.join(layout::WEB_URL))
        .context("the web role hasn't said its address")?;
    Ok(url.trim_end().to_owned())
}

/// Whether anybody can sign in without a link.
pub fn anybody_has_password(data: &Path) -> anyhow::Result<bool> {
    Ok(ask(data, |admin| async move { admin.sign_in().await })?.has_password)
}
