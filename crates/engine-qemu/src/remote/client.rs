//! The api's side: an [`Engine`] whose machines are on the other end of a unix socket.

use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rolltop_engine::image::{ExportRequest, ImportRequest};
use rolltop_engine::{
    Bootstrap, DestroyReceipt, DiskAllowance, DoorStream, Engine, EngineError, Flattening, ForkRequest,
    HostStatus, Known, LayerUse, Leftover, Machine, ResizeRequest, RevertRequest, SaveTemplate, SnapshotInfo,
    SnapshotRequest, StartRequest, SuspendRequest, TemplateInfo,
};
use rolltop_model::{DesktopId, SnapshotId, TemplateVersion};
use rustix::net::AddressFamily;
use serde::de::DeserializeOwned;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpStream, UnixStream};

use super::descriptor;
use super::wire::{MAX_REPLY, Reply, Request, line};

/// Speaks to the host process. Cheap to clone; holds no connection.
#[derive(Debug, Clone)]
pub struct HostClient {
    socket: PathBuf,
}

impl HostClient {
    /// `socket` is the path of the host's socket, such as `run/host.sock`.
    pub fn new(socket: impl Into<PathBuf>) -> Self {
        Self { socket: socket.into() }
    }

    async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T, EngineError> {
        self.exchange(request).await.map(|(value, _)| value)
    }

    async fn stream(&self, request: Request) -> Result<DoorStream, EngineError> {
        let ((), descriptor) = self.exchange(request).await?;
        let descriptor =
            descriptor.ok_or_else(|| EngineError::Unreachable("its answer came without a socket".into()))?;
        door_stream(descriptor).map_err(|error| EngineError::Unreachable(error.to_string()))
    }

    async fn exchange<T: DeserializeOwned>(
        &self,
        request: Request,
    ) -> Result<(T, Option<OwnedFd>), EngineError> {
        let limit = request.time_limit();
        let exchange = exchange(&self.socket, &request);
        // It may be done yet, so nobody knows what became of it.
        let late = |_| EngineError::Unreachable(format!("no answer in {} s", limit.as_secs()));
        let (bytes, descriptor) = tokio::time::timeout(limit, exchange)
            .await
            .map_err(late)?
            .map_err(|error| EngineError::Unreachable(error.to_string()))?;
        if bytes.is_empty() {
            return Err(EngineError::Unreachable("it closed the connection without an answer".into()));
        }
        match serde_json::from_slice(&bytes) {
            Ok(Reply::Ok(value)) => Ok((value, descriptor)),
            Ok(Reply::Error(error)) => Err(error),
            Err(error) => Err(EngineError::Unreachable(format!("its answer makes no sense: {error}"))),
        }
    }
}

async fn exchange(socket: &Path, request: &Request) -> io::Result<(Vec<u8>, Option<OwnedFd>)> {
    let mut stream = UnixStream::connect(socket).await?;
    stream.write_all(&line(request)?).await?;
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

#[async_trait]
impl Engine for HostClient {
    async fn templates(&self) -> Result<Vec<TemplateInfo>, EngineError> {
        self.call(Request::Templates).await
    }

    async fn bootstrap(&self, template: &TemplateVersion) -> Result<Bootstrap, EngineError> {
        self.call(Request::Bootstrap { template: template.clone() }).await
    }

    async fn fork(&self, request: &ForkRequest) -> Result<(), EngineError> {
        self.call(Request::Fork(request.clone())).await
    }

    async fn start(&self, request: &StartRequest) -> Result<(), EngineError> {
        self.call(Request::Start(request.clone())).await
    }

    async fn suspend(&self, request: &SuspendRequest) -> Result<(), EngineError> {
        self.call(Request::Suspend(request.clone())).await
    }

    async fn resume(&self, request: &StartRequest) -> Result<(), EngineError> {
        self.call(Request::Resume(request.clone())).await
    }

    async fn snapshot(&self, request: &SnapshotRequest) -> Result<SnapshotInfo, EngineError> {
        self.call(Request::Snapshot(request.clone())).await
    }

    async fn revert(&self, request: &RevertRequest) -> Result<(), EngineError> {
        self.call(Request::Revert(request.clone())).await
    }

    async fn layers(&self) -> Result<Vec<LayerUse>, EngineError> {
        self.call(Request::Layers).await
    }

    async fn allow_disk(&self, allowances: &[DiskAllowance]) -> Result<(), EngineError> {
        self.call(Request::AllowDisk { allowances: allowances.to_vec() }).await
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, EngineError> {
        self.call(Request::Snapshots).await
    }

    async fn remove_snapshot(&self, snapshot: SnapshotId) -> Result<u64, EngineError> {
        self.call(Request::RemoveSnapshot { snapshot }).await
    }

    async fn flatten(&self, desktop: DesktopId, fence: u64) -> Result<Flattening, EngineError> {
        self.call(Request::Flatten { desktop, fence }).await
    }

    async fn resize(&self, request: &ResizeRequest) -> Result<(), EngineError> {
        self.call(Request::Resize(request.clone())).await
    }

    async fn save_template(&self, request: &SaveTemplate) -> Result<(), EngineError> {
        self.call(Request::SaveTemplate(request.clone())).await
    }

    async fn remove_template(&self, version: &TemplateVersion) -> Result<(), EngineError> {
        self.call(Request::RemoveTemplate { version: version.clone() }).await
    }

    async fn release(&self, desktop: DesktopId, fence: u64) -> Result<(), EngineError> {
        self.call(Request::Release { desktop, fence }).await
    }

    async fn stop(&self, desktop: DesktopId, fence: u64, grace: Duration) -> Result<(), EngineError> {
        self.call(Request::Stop { desktop, fence, grace }).await
    }

    async fn destroy(&self, desktop: DesktopId, fence: u64) -> Result<DestroyReceipt, EngineError> {
        self.call(Request::Destroy { desktop, fence }).await
    }

    async fn observe(&self) -> Result<Vec<Machine>, EngineError> {
        self.call(Request::Observe).await
    }

    async fn observe_one(&self, desktop: DesktopId) -> Result<Option<Machine>, EngineError> {
        self.call(Request::ObserveOne { desktop }).await
    }

    async fn connect(&self, desktop: DesktopId) -> Result<DoorStream, EngineError> {
        self.stream(Request::Connect { desktop }).await
    }

    async fn export(&self, request: &ExportRequest) -> Result<DoorStream, EngineError> {
        self.stream(Request::Export(request.clone())).await
    }

    async fn import(&self, request: &ImportRequest) -> Result<DoorStream, EngineError> {
        self.stream(Request::Import(request.clone())).await
    }

    async fn console_tail(&self, desktop: DesktopId, max_bytes: usize) -> Result<String, EngineError> {
        self.call(Request::ConsoleTail { desktop, max_bytes }).await
    }

    async fn host(&self) -> Result<HostStatus, EngineError> {
        self.call(Request::Host).await
    }

    async fn leftovers(&self, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        self.call(Request::Leftovers { known: known.clone() }).await
    }

    async fn sweep(&self, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        self.call(Request::Sweep { known: known.clone() }).await
    }
}
