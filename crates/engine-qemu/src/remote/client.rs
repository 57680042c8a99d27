//! The api's side: an [`Engine`](rolltop_engine::Engine) whose machines are on the other end of a unix socket.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use rolltop_engine::{AnyCall, Call, Capabilities, Capability, Carry, DoorStream, EngineError, Reply as _};
use rustix::net::AddressFamily;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

use super::descriptor;
use super::wire::{MAX_REPLY, Reply, line};

/// Between two tries to hear what the host's engine can.
const PAUSE: Duration = Duration::from_secs(1);

/// Speaks to the host process. Cheap to clone; holds no connection.
#[derive(Debug, Clone)]
pub struct HostClient {
    socket: PathBuf,
    /// What the host has said that its engine has.
    known: Arc<OnceLock<Vec<Capability>>>,
}

impl HostClient {
    /// `socket` is the path of the host's socket, such as `run/host.sock`.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into(), known: Arc::default() }
    }

    /// Asks what the host's engine can until there is an answer. Before that it is taken for one that can everything; the
    /// host refuses the rest.
    pub async fn meet(&self) {
        loop {
            match self.carry(Capabilities {}).await {
                Ok(has) => return drop(self.known.set(has)),
                Err(error) => tracing::debug!(%error, "the host does not say what its engine can"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

impl Carry for HostClient {
    fn has(&self, capability: Capability) -> bool {
        self.known.get().is_none_or(|known| known.contains(&capability))
    }

    async fn carry<C: Call>(&self, call: C) -> Result<C::Reply, EngineError> {
        let limit = call.time_limit();
        let exchange = exchange(&self.socket, call.into());
        // It may be done yet, so nobody knows what became of it.
        let late = |_| EngineError::Unreachable(format!("no answer in {} s", limit.as_secs()));
        let unreachable = |error: io::Error| EngineError::Unreachable(error.to_string());
        let (bytes, descriptor) =
            tokio::time::timeout(limit, exchange).await.map_err(late)?.map_err(unreachable)?;
        if bytes.is_empty() {
            return Err(EngineError::Unreachable("it closed the connection without an answer".into()));
        }
        let value = match serde_json::from_slice(&bytes) {
            Ok(Reply::Ok(value)) => value,
            Ok(Reply::Error(error)) => return Err(error),
            Err(error) => {
                return Err(EngineError::Unreachable(format!("its answer makes no sense: {error}")));
            }
        };
        let stream = descriptor.map(door_stream).transpose().map_err(unreachable)?;
        C::Reply::join(value, stream)
            .ok_or_else(|| EngineError::Unreachable("its answer came without a socket".into()))
    }
}

async fn exchange(socket: &Path, call: AnyCall) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(&line(&call)?).await?;
    descriptor::receive(&stream, MAX_REPLY).await
}

/// The passed socket as a stream: TCP from a real host, a unix socket from a simulated one.
fn door_stream(descriptor: OwnedFd) -> io::Result<DoorStream> {
    let family = rustix::net::getsockname(&descriptor)?.address_family();
    if family == AddressFamily::UNIX {
        let stream = std::os::unix::net::UnixStream::from(descriptor);
        stream.set_nonblocking(true)?;
        Ok(Box::new(UnixStream::from_std(stream)?))
    } else {
        let stream = std::net::TcpStream::from(descriptor);
        stream.set_nonblocking(true)?;
        Ok(Box::new(TcpStream::from_std(stream)?))
    }
}
