//! `rolltopd admin`: asks the running api over its admin socket, which only root may use.

use std::path::Path;

use anyhow::Context as _;
use rolltop_api_types::{CreateOperatorKey, Leftover};
use secrecy::ExposeSecret as _;

use crate::arguments::Admin;
use crate::layout;
use crate::output::print;
use crate::ready::ask;

pub fn run(data: &Path, command: &Admin) -> anyhow::Result<()> {
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
            anyhow::ensure!(staying == 0, "{staying} of them could not be removed");
        }
    }
    Ok(())
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
