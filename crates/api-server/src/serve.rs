//! Listening on unix sockets, and stopping in good order.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixStream};
use tokio_util::sync::CancellationToken;

/// How long requests under way may take once the process is to stop.
const DRAIN: Duration = Duration::from_secs(10);

#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    #[error("can't listen on {path}")]
    Bind { path: PathBuf, source: io::Error },
    #[error("the server failed")]
    Serve(#[source] io::Error),
}

/// Listens on `path` with these permissions, in place of a socket that nobody serves any more.
pub fn bind(path: &Path, mode: u32) -> Result<UnixListener, ServeError> {
    let failed = |source| ServeError::Bind { path: path.to_owned(), source };
    match std::fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(error)),
    }
    let listener = UnixListener::bind(path).map_err(failed)?;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).map_err(failed)?;
    Ok(listener)
}

/// Serves until `shutdown`, then lets requests under way end, for ten seconds at most. Give the
/// router's configuration the same token, or its event streams keep it that long.
pub async fn serve_unix(
    listener: UnixListener,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    serve(listener, router, shutdown).await
}

/// The same for a socket where the user is the credential: connections of others than these are closed
/// at once.
pub async fn serve_only_to(
    listener: UnixListener,
    router: Router,
    allowed_uids: Vec<u32>,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    serve(CheckedListener { listener, allowed_uids }, router, shutdown).await
}

async fn serve<L: Listener>(
    listener: L,
    router: Router,
    shutdown: CancellationToken,
) -> Result<(), ServeError>
where
    L::Addr: std::fmt::Debug,
{
    let draining = shutdown.clone();
    let server =
        axum::serve(listener, router.into_make_service()).with_graceful_shutdown(shutdown.cancelled_owned());
    let deadline = async {
        draining.cancelled().await;
        tokio::time::sleep(DRAIN).await;
    };
    tokio::select! {
        result = server => result.map_err(ServeError::Serve),
        () = deadline => {
            tracing::warn!("requests were still under way when the server stopped");
            Ok(())
        }
    }
}

/// Asks the kernel who is at the other end.
struct CheckedListener {
    listener: UnixListener,
    allowed_uids: Vec<u32>,
}

impl Listener for CheckedListener {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (UnixStream, SocketAddr) {
        loop {
            let (stream, address) = Listener::accept(&mut self.listener).await;
            match stream.peer_cred() {
                Ok(peer) if self.allowed_uids.contains(&peer.uid()) => return (stream, address),
                Ok(peer) => {
                    tracing::warn!(uid = peer.uid(), "a user who may not was turned away from a socket")
                }
                Err(error) => tracing::warn!(%error, "a socket could not tell who called"),
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}
