//! The messages, and how a line of them is limited.

use std::time::Duration;

use rolltop_engine::image::{ExportRequest, ImportRequest};
use rolltop_engine::{
    DiskAllowance, EngineError, ForkRequest, Known, ResizeRequest, RevertRequest, SaveTemplate,
    SnapshotRequest, StartRequest, SuspendRequest,
};
use rolltop_model::{DesktopId, SnapshotId, TemplateVersion};
use serde::{Deserialize, Serialize};

/// Longest request line, bytes. A `known` of 10,000 desktops and as many layers fits.
pub(super) const MAX_REQUEST: usize = 1 << 20;
/// Longest reply line, bytes.
pub(super) const MAX_REPLY: usize = 64 << 20;

/// One request.
#[derive(Clone, Serialize, Deserialize)]
#[serde(tag = "op", content = "args", rename_all = "snake_case")]
pub(super) enum Request {
    Templates,
    Bootstrap { template: TemplateVersion },
    Fork(ForkRequest),
    Start(StartRequest),
    Suspend(SuspendRequest),
    Resume(StartRequest),
    Snapshot(SnapshotRequest),
    Revert(RevertRequest),
    Layers,
    AllowDisk { allowances: Vec<DiskAllowance> },
    Snapshots,
    RemoveSnapshot { snapshot: SnapshotId },
    Resize(ResizeRequest),
    Export(ExportRequest),
    Import(ImportRequest),
    SaveTemplate(SaveTemplate),
    RemoveTemplate { version: TemplateVersion },
    Flatten { desktop: DesktopId, fence: u64 },
    Release { desktop: DesktopId, fence: u64 },
    Stop { desktop: DesktopId, fence: u64, grace: Duration },
    Destroy { desktop: DesktopId, fence: u64 },
    Observe,
    ObserveOne { desktop: DesktopId },
    Connect { desktop: DesktopId },
    ConsoleTail { desktop: DesktopId, max_bytes: usize },
    Host,
    Leftovers { known: Known },
    Sweep { known: Known },
}

impl Request {
    /// The desktop that it is about, for the log.
    pub(super) fn desktop(&self) -> Option<DesktopId> {
        match self {
            Request::Fork(request) => Some(request.desktop),
            Request::Start(request) | Request::Resume(request) => Some(request.desktop),
            Request::Suspend(request) => Some(request.desktop),
            Request::Snapshot(request) => Some(request.desktop),
            Request::Revert(request) => Some(request.desktop),
            Request::Resize(request) => Some(request.desktop),
            Request::SaveTemplate(request) => Some(request.desktop),
            Request::Flatten { desktop, .. }
            | Request::Release { desktop, .. }
            | Request::Stop { desktop, .. }
            | Request::Destroy { desktop, .. }
            | Request::ObserveOne { desktop }
            | Request::Connect { desktop }
            | Request::ConsoleTail { desktop, .. } => Some(*desktop),
            Request::Templates
            | Request::Bootstrap { .. }
            | Request::Layers
            | Request::AllowDisk { .. }
            | Request::Snapshots
            | Request::RemoveSnapshot { .. }
            | Request::Export(_)
            | Request::Import(_)
            | Request::RemoveTemplate { .. }
            | Request::Observe
            | Request::Host
            | Request::Leftovers { .. }
            | Request::Sweep { .. } => None,
        }
    }

    /// How long the whole of it may take, as the client waits.
    pub(super) fn time_limit(&self) -> Duration {
        match self {
            Request::Templates
            | Request::Bootstrap { .. }
            | Request::Observe
            | Request::ObserveOne { .. }
            | Request::Connect { .. }
            | Request::ConsoleTail { .. }
            | Request::Layers
            | Request::AllowDisk { .. }
            | Request::Snapshots
            | Request::Import(_)
            | Request::Host => Duration::from_secs(30),
            Request::Release { .. } | Request::Resize(_) | Request::Flatten { .. } => Duration::from_secs(30),
            Request::Fork(_)
            | Request::Start(_)
            | Request::Suspend(_)
            | Request::Resume(_)
            | Request::Snapshot(_)
            | Request::Revert(_)
            | Request::Export(_)
            | Request::RemoveSnapshot { .. } => Duration::from_secs(120),
            // All of a disk is copied, twice; or a bake is waited for.
            Request::SaveTemplate(_) | Request::RemoveTemplate { .. } => Duration::from_secs(1800),
            Request::Stop { grace, .. } => grace.saturating_add(Duration::from_secs(60)),
            Request::Destroy { .. } | Request::Leftovers { .. } | Request::Sweep { .. } => {
                Duration::from_secs(120)
            }
        }
    }
}

/// One reply.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Reply<T> {
    Ok(T),
    Error(EngineError),
}

impl<T> From<Result<T, EngineError>> for Reply<T> {
    fn from(result: Result<T, EngineError>) -> Self {
        match result {
            Ok(value) => Reply::Ok(value),
            Err(error) => Reply::Error(error),
        }
    }
}

/// A message as a line.
pub(super) fn line<T: Serialize>(message: &T) -> Result<Vec<u8>, serde_json::Error> {
    let mut bytes = serde_json::to_vec(message)?;
    bytes.push(b'\n');
    Ok(bytes)
}
