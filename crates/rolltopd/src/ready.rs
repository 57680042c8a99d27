//! Requests to the api's admin socket, from commands that have no runtime of their own.

use std::future::Future;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, bail};
use rolltop_api_types::{AdminClient, ClientError};

use crate::layout;

/// Asks the running api one thing.
pub fn ask<T, F>(data: &Path, question: impl FnOnce(AdminClient) -> F) -> anyhow::Result<T>
where
    F: Future<Output = Result<T, ClientError>>,
{
    let socket = data.join(layout::ADMIN_SOCKET);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match runtime.block_on(async { question(AdminClient::over_unix_socket(&socket)?).await }) {
        // It answered, and says itself what is wrong.
        Err(error) if error.problem().is_some() => Err(error.into()),
        Err(ClientError::Transport(error)) if error.is_connect() => {
            bail!("Rolltop isn't running in {}: start it with `make up`", data.display())
        }
        answer => answer.with_context(|| format!("Rolltop doesn't answer on {}", socket.display())),
    }
}

/// Whether the api is up: it listens only once its database is open.
pub fn api_listens(data: &Path) -> bool {
    UnixStream::connect(data.join(layout::ADMIN_SOCKET)).is_ok()
}
