//! Desktops as files: a snapshot's disk goes out as one, and comes back as a snapshot that desktops are made of.

pub(crate) mod archive;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::{Stream, StreamExt, TryStreamExt};
use rolltop_api_types::{self as api, Scope};
use rolltop_boxed::boxed;
use rolltop_engine::image::{ExportRequest, Frame, ImportRequest, PIECE};
use rolltop_engine::{DiskLayer, DoorStream, EngineError, Lacks, LayerKey, Origin};
use rolltop_model::{
    Actor, DesktopId, DesktopName, LayerId, SnapshotId, SnapshotState, TemplateVersion, WorkspaceId,
};
use rolltop_store::{
    AccessEntry, Identity, ImportedSnapshot, Snapshot, SnapshotError as StoreSnapshotError, StoreError,
};
use rolltop_vault::random_bytes;
use secrecy::{ExposeSecret, SecretBox};
use ssh_key::{PrivateKey, PublicKey};
use tokio::io::{AsyncRead, AsyncWriteExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::io::{ReaderStream, StreamReader};

use crate::disk::quota::OverDiskQuota;
use crate::kernel::caller::Caller;
use crate::kernel::clock;
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::{InternalError, LacksScope, explained};
use crate::kernel::in_flight::InFlight;
use crate::kernel::in_flight::{InFlightError, TRANSFER_MEMORY};
use crate::kernel::state::default_state;
use crate::snapshots::ask::{MOST_SNAPSHOTS, SnapshotError, shown};
use crate::snapshots::taking::layer_of;
use crate::transfer::archive::ArchiveError;
use crate::transfer::archive::{Description, Door, Reader, Writer};

/// What is sent at once, bytes.
const CHUNK: usize = 256 * 1024;

/// Files of one workspace that go out or come in at the same time. Each has processes of its own on the host.
const MOST_TRANSFERS: usize = 4;

/// What goes out and comes in, by workspace: counted and limited.
#[derive(Default)]
pub(crate) struct Transfers(Mutex<HashMap<WorkspaceId, Arc<Semaphore>>>);
default_state!(Transfers);

impl Transfers {
    /// A place for one more, as long as it is held.
    fn begin(&self, workspace: WorkspaceId) -> Result<OwnedSemaphorePermit, TransferError> {
        // Nothing is half done where this is held, whatever panics.
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let places = all.entry(workspace).or_insert_with(|| Arc::new(Semaphore::new(MOST_TRANSFERS)));
        places.clone().try_acquire_owned().map_err(|_| TransferError::TooMany)
    }
}

/// A file on its way out. A stream that ends with an error is not the whole of it.
pub struct Export {
    /// The desktop's name.
    pub name: String,
    pub bytes: Box<dyn Stream<Item = io::Result<Bytes>> + Send + Unpin>,
}

explained! {
    pub enum TransferError:
        Forbidden(LacksScope), Snapshot(SnapshotError), Archive(ArchiveError), InFlight(InFlightError), Lacks(Lacks)
    or Internal {
        NeverUp => WrongState, "This snapshot's desktop never came up, so nobody could enter what is made of it.";
        /// The host's own sentence.
        Refused(String) => HostRefused, "{0}";
        TooMany => TooManyTransfers after 30, "{MOST_TRANSFERS} desktops are being exported or imported already; try again when one is done.";
        DiskFull => HostRefused, "The host's disk is full; free some space, then try again.";
        HostUnreachable => Unavailable after 2, "The host does not answer; try again shortly.";
    }
}

impl From<EngineError> for TransferError {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::DiskFull => Self::DiskFull,
            EngineError::Lacks(lacks) => lacks.into(),
            EngineError::Unreachable(_) | EngineError::Timeout(_) => {
                tracing::warn!(%error, "the host did not transfer a disk");
                Self::HostUnreachable
            }
            other => InternalError::Engine(other).into(),
        }
    }
}

#[boxed]
impl Control {
    /// A snapshot's disk as one file, without its memory. It can be taken in here and elsewhere.
    pub async fn export_snapshot(&self, caller: &Caller, id: SnapshotId) -> Result<Export, TransferError> {
        let row = self.own_snapshot(caller, id, Scope::DesktopsExport).await?;
        let place = self.kernel.state::<Transfers>().begin(caller.workspace)?;
        let share = self.kernel.state::<InFlight>().share(caller.workspace, TRANSFER_MEMORY).await?;
        let Export { name, bytes } = self.kernel.export(&row, caller.actor()).await?;
        let bytes = futures::stream::unfold((bytes, (place, share)), async |(mut bytes, held)| {
            bytes.next().await.map(|next| (next, (bytes, held)))
        });
        Ok(Export { name, bytes: Box::new(Box::pin(bytes)) })
    }

    /// Takes in a file that was exported here or elsewhere, as a snapshot. Nothing of it is kept unless all of it is right.
    pub async fn import_snapshot(
        &self,
        caller: &Caller,
        from: impl Stream<Item = io::Result<Bytes>> + Send + Unpin,
    ) -> Result<api::Snapshot, TransferError> {
        caller.needs_everywhere(Scope::DesktopsWrite)?;
        let _place = self.kernel.state::<Transfers>().begin(caller.workspace)?;
        let _share = self.kernel.state::<InFlight>().share(caller.workspace, TRANSFER_MEMORY).await?;
        self.kernel.import(caller.workspace, caller.actor(), None, from).await
    }
}

#[boxed]
impl Kernel {
    /// A snapshot's disk as one file, for whoever asks.
    pub(crate) async fn export(&self, row: &Snapshot, who: Actor) -> Result<Export, TransferError> {
        let (store, images) = (&self.store, self.engine.images()?);
        let (SnapshotState::Ready, Some(layer)) = (row.state, row.layer) else {
            return Err(SnapshotError::WrongState("This snapshot is not ready.").into());
        };
        let identity = store.snapshot_identity(row.id).await?.ok_or(TransferError::NeverUp)?;
        let host_key = identity.host_key.ok_or(TransferError::NeverUp)?;
        let disk = store.disk_from(layer).await?;
        let request = ExportRequest {
            template: row.template.clone(),
            from: Origin { snapshot: row.id, disk: disk.iter().map(layer_of).collect() },
        };
        let entry = AccessEntry { at: clock::now(), why: "export".to_owned(), who };
        store.log_access(row.desktop, row.workspace, entry).await?;
        let frames = match images.export(&request).await {
            Err(EngineError::UnknownSnapshot) if self.is_deleted(row.id).await? => {
                return Err(SnapshotError::NotFound.into());
            }
            answer => answer?,
        };
        let description = Description {
            format: archive::FORMAT,
            name: row.desktop_name.clone(),
            size: row.size,
            disk_gib: *row.disk_gib,
            cmdline: String::new(),
            template: row.template.to_string(),
            exported_at: clock::now(),
            choices: row.choices.clone(),
            door: Door { private_key: identity.door_key, host_key },
        };
        tracing::info!(snapshot = %row.id, "being exported");
        let (ours, theirs) = tokio::io::duplex(CHUNK);
        let packing = tokio::spawn(pack(frames, description, theirs));
        let bytes = ReaderStream::with_capacity(ours, CHUNK);
        // Whoever reads is told where this is not the whole of it.
        let end = futures::stream::once(async move {
            packing
                .await
                .unwrap_or_else(|_| Err(io::Error::other("packing broke off")))
                .map(|()| Bytes::new())
        });
        let bytes = bytes.chain(end).try_filter(|bytes| std::future::ready(!bytes.is_empty()));
        Ok(Export { name: row.desktop_name.clone(), bytes: Box::new(Box::pin(bytes)) })
    }

    /// Whether it went, or is about to, since its row was read: by somebody, or to make room.
    async fn is_deleted(&self, snapshot: SnapshotId) -> Result<bool, StoreError> {
        let row = self.store.snapshot(snapshot).await?;
        Ok(row.is_none_or(|row| row.state == SnapshotState::Deleting))
    }

    /// Takes in a file that was exported, for whoever asks.
    pub(crate) async fn import(
        &self,
        workspace: WorkspaceId,
        by: Actor,
        copy: Option<SnapshotId>,
        from: impl Stream<Item = io::Result<Bytes>> + Send + Unpin,
    ) -> Result<api::Snapshot, TransferError> {
        let (images, layers) = (self.engine.images()?, self.engine.layers()?);
        if self.store.snapshots(workspace, None).await?.len() as u64 >= MOST_SNAPSHOTS {
            return Err(SnapshotError::TooMany.into());
        }
        let room = self.disk_left(workspace).await?;
        if let (Some(0), Some(limit)) = (room, self.config.disk_limit) {
            let used = self.store.disk_used(workspace).await?;
            return Err(SnapshotError::from(OverDiskQuota { limit, used, more: 0 }).into());
        }
        let reader = Reader::begin(StreamReader::new(from)).await?;
        let description = reader.description.clone();
        let identity = identity(&description.door).ok_or(ArchiveError::NotOne)?;
        let name: DesktopName = description.name.parse().map_err(|_| ArchiveError::NotOne)?;
        let (layer, key) = (LayerId::generate(), random_bytes::<32>());
        let request = ImportRequest {
            snapshot: SnapshotId::generate(),
            disk: DiskLayer { layer, key: LayerKey::new(key) },
            size: description.size,
            disk_gib: description.disk_gib,
        };
        let mut sink = images.import(&request).await?;
        let boot_bytes = match reader.frames(&mut sink, room).await {
            Ok(bytes) => bytes,
            Err(error) => {
                // The host's own reason comes first, where it has one: it hung up because of that.
                let _ = sink.shutdown().await;
                return Err(match Frame::read(&mut sink).await {
                    Ok(Frame::Failed(why)) if matches!(error, ArchiveError::Io(_)) => {
                        TransferError::Refused(why)
                    }
                    _ => error.into(),
                });
            }
        };
        // From here on the host has a snapshot that is not written down yet: it must not be taken for a leftover.
        let _still = self.sweeping.read().await;
        let template = taken(&mut sink).await?;
        let info = layers.snapshots().await?.into_iter().find(|info| info.snapshot == request.snapshot);
        let imported = ImportedSnapshot {
            id: request.snapshot,
            workspace,
            desktop: DesktopId::generate(),
            desktop_name: name.to_string(),
            name: format!("Import of {name}"),
            template,
            size: description.size,
            disk_gib: description.disk_gib,
            disk_bytes: info.map_or(0, |info| info.disk_bytes),
            choices: description.choices.within(description.size),
            boot_bytes,
            layer,
            key: SecretBox::new(Box::new(key)),
            identity,
            made_by: by,
            fetched_from: copy,
            limit: MOST_SNAPSHOTS,
            disk_limit: self.config.disk_limit,
        };
        match self.store.import_snapshot(imported, clock::now()).await {
            Ok(row) => {
                tracing::info!(snapshot = %row.id, "imported");
                Ok(shown(row, true))
            }
            Err(error) => {
                layers.remove_snapshot(request.snapshot).await?;
                Err(match error {
                    StoreSnapshotError::LimitReached => SnapshotError::TooMany.into(),
                    StoreSnapshotError::DiskQuota(reached) => {
                        SnapshotError::from(OverDiskQuota::new(self.config.disk_limit, reached)).into()
                    }
                    StoreSnapshotError::Store(error) => error.into(),
                    _ => SnapshotError::NotFound.into(),
                })
            }
        }
    }
}

/// Says that this was all, and hears what it has become.
async fn taken(sink: &mut DoorStream) -> Result<TemplateVersion, TransferError> {
    let told = async {
        Frame::End.write(sink).await?;
        Frame::read(sink).await
    };
    match told.await {
        Ok(Frame::Taken(template)) => Ok(template),
        Ok(Frame::Failed(why)) => Err(TransferError::Refused(why)),
        Ok(_) | Err(_) => Err(TransferError::HostUnreachable),
    }
}

/// Writes an engine's frames as a file.
async fn pack(
    mut frames: impl AsyncRead + Unpin,
    description: Description,
    to: tokio::io::DuplexStream,
) -> io::Result<()> {
    let Frame::About(about) = Frame::read(&mut frames).await? else {
        return Err(io::Error::other("the host sent something else than a disk"));
    };
    let description = Description { cmdline: about.cmdline, disk_gib: about.disk_gib, ..description };
    let mut writer = Writer::begin(to, &description).await?;
    let mut parts = [("kernel", about.kernel_bytes), ("initrd", about.initrd_bytes)].into_iter();
    let mut part = parts.next();
    if let Some((name, length)) = part {
        writer.begin_entry(name, length).await?;
    }
    let other = || io::Error::other("the host sent something else than a disk");
    loop {
        let frame = Frame::read(&mut frames).await?;
        let wanted = match frame {
            Frame::Kernel(_) => Some("kernel"),
            Frame::Initrd(_) => Some("initrd"),
            _ => None,
        };
        // Each begins once the one before has come.
        while part.is_some() && part.map(|(name, _)| name) != wanted {
            writer.end_entry().await?;
            part = parts.next();
            if let Some((name, length)) = part {
                writer.begin_entry(name, length).await?;
            }
        }
        match frame {
            Frame::Kernel(bytes) | Frame::Initrd(bytes) if part.is_some() => writer.more(&bytes).await?,
            Frame::Disk(offset, bytes) => writer.piece(offset / PIECE as u64, &bytes).await?,
            Frame::End => return writer.finish().await,
            Frame::Failed(why) => return Err(io::Error::other(why)),
            Frame::Kernel(_) | Frame::Initrd(_) | Frame::About(_) | Frame::Taken(_) => return Err(other()),
        }
    }
}

/// The way into what is made of a file; `None` where its keys are none.
fn identity(door: &Door) -> Option<Identity> {
    let private = PrivateKey::from_openssh(door.private_key.expose_secret()).ok()?;
    let mut host = PublicKey::from_openssh(&door.host_key).ok()?;
    host.set_comment("");
    Some(Identity {
        door_public_key: private.public_key().to_openssh().ok()?,
        door_key: door.private_key.clone(),
        host_key: Some(host.to_openssh().ok()?),
    })
}
