//! Copies of snapshots where the operator keeps them: in any store that speaks S3, or a folder. Each is what an export is,
//! sealed before it leaves, under a key that the store never sees.
//!
//! ```text
//!  snapshot ─► engine's frames ─► archive ─► sealed in chunks ─► the store, PREFIX/SNAPSHOT
//!  the store ─► opened in chunks ─► archive, checked ─► engine ─► a snapshot again
//! ```
//!
//! One at a time, as jobs; what fails is tried again, for longer and longer.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use rolltop_api_types::{self as api, Scope};
use rolltop_model::{CopyState, Size, SnapshotId, SnapshotState};
use rolltop_store::{By, Job, NewCopy, Snapshot, SnapshotCopy, StoreError};
use rolltop_vault::{CHUNK, MOST_HEADER, SEALED_CHUNK, StreamKey};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::Url;

use crate::caller::Caller;
use crate::clock;
use crate::control::{Control, Inner};
use crate::error::{LacksScope, explained};
use crate::in_flight::TRANSFER_MEMORY;
use crate::jobs::{Then, Tried, Work};
use crate::snapshots::SnapshotError;
use crate::transfer::TransferError;

/// Tries before it is given up.
const MOST_ATTEMPTS: u32 = 6;
/// After the first failure.
const FIRST_PAUSE: Duration = Duration::from_secs(60);
/// Smallest part that a store is given at once, bytes.
const PART: u64 = 16 << 20;
/// S3 takes an object in 10,000 parts at most, and some of what speaks it wants all of them alike.
const MOST_PARTS: u64 = 9_000;
/// Parts under way at once. The largest disk's have 240 MiB.
const PARTS_AT_ONCE: usize = 2;
const GIVEN_UP: &str = "The place where copies are kept did not take it; look at the log, then try again.";
/// It is away, or it is not what was put there.
const UNREADABLE: &str = "The copy can't be had from where it is kept, or is damaged; look at the log.";
const SNAPSHOT_GONE: &str = "The snapshot was deleted before it was copied.";

/// Where copies are kept.
#[derive(Debug, Clone)]
pub struct CopiesConfig {
    /// `s3://BUCKET/PREFIX`, or `file:///FOLDER`.
    pub url: Url,
    /// Of what speaks S3 and is not Amazon's, such as `https://s3.example.org`.
    pub endpoint: Option<String>,
    pub region: Option<String>,
    pub access_key_id: Option<String>,
    pub secret_access_key: Option<SecretString>,
    /// Without TLS, which only makes sense on the host itself.
    pub allow_http: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum OpenCopiesError {
    #[error("the place for copies can't be used")]
    Store(#[from] object_store::Error),
    #[error("the key of copies can't be used")]
    Key(#[from] rolltop_vault::VaultError),
}

/// What is said of a copy in it, sealed too.
#[derive(Debug, Serialize, Deserialize)]
struct About {
    desktop_name: String,
    name: String,
    size: Size,
    disk_gib: u64,
    taken_at: Timestamp,
    made_by: String,
}

/// The place, and the key.
pub(crate) struct Copies {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    key: StreamKey,
    /// Held by who changes what lies there: what is deleted while it is made must not come after that.
    turn: Mutex<()>,
}

explained! {
    pub enum CopyError: Forbidden(LacksScope), Snapshot(SnapshotError), Transfer(TransferError) or Internal {
        NotConfigured => NoCopies, "No place for copies is configured; the operator can name one in rolltop.toml.";
        NotFound => NotFound, "There is no such copy.";
        NotDone => WrongState, "This copy is not done.";
        Unreadable => CopyUnreadable, "{UNREADABLE}";
    }
}

/// Why a copy was not made this time.
#[derive(Debug, thiserror::Error)]
enum CopyFault {
    #[error("the snapshot is gone")]
    Gone,
    #[error("the store did not do it")]
    Store(#[from] object_store::Error),
    #[error("it could not be sealed")]
    Seal(#[from] rolltop_vault::SealError),
    #[error(transparent)]
    Transfer(#[from] TransferError),
    #[error("its bytes broke off")]
    Read(#[from] io::Error),
    #[error("it can't be described")]
    About(#[from] serde_json::Error),
    #[error("the database failed")]
    Database(#[from] rolltop_store::StoreError),
}

impl Copies {
    pub(crate) fn open(config: &CopiesConfig, key_file: &FilePath) -> Result<Self, OpenCopiesError> {
        let mut options = Vec::new();
        let mut option = |key: &str, value: &str| options.push((key.to_owned(), value.to_owned()));
        for (key, value) in [
            ("aws_endpoint", &config.endpoint),
            ("aws_region", &config.region),
            ("aws_access_key_id", &config.access_key_id),
        ] {
            if let Some(value) = value {
                option(key, value);
            }
        }
        if let Some(secret) = &config.secret_access_key {
            option("aws_secret_access_key", secret.expose_secret());
        }
        if config.allow_http {
            option("allow_http", "true");
        }
        // A folder takes no options.
        let options = if config.url.scheme() == "file" { Vec::new() } else { options };
        let (store, prefix) = object_store::parse_url_opts(&config.url, options)?;
        let key = StreamKey::open_or_create(key_file)?;
        Ok(Self { store: Arc::from(store), prefix, key, turn: Mutex::default() })
    }

    fn place(&self, id: SnapshotId) -> Path {
        self.prefix.clone().join(id.to_string())
    }

    /// Writes a stream, sealed. Its length there.
    async fn write(
        &self,
        place: &Path,
        name: &str,
        about: &About,
        mut bytes: impl Stream<Item = io::Result<Bytes>> + Unpin,
    ) -> Result<u64, CopyFault> {
        let (header, mut sealer) = self.key.seal(name, &serde_json::to_vec(about)?)?;
        let mut length = header.len() as u64;
        let mut writer =
            BufWriter::with_capacity(Arc::clone(&self.store), place.clone(), part_of(about.disk_gib))
                .with_max_concurrency(PARTS_AT_ONCE);
        let written = async {
            writer.put(header.into()).await?;
            let mut waiting = BytesMut::new();
            while let Some(more) = bytes.next().await {
                waiting.extend_from_slice(&more?);
                // The last chunk is kept back until it is known to be that.
                while waiting.len() > CHUNK {
                    let sealed = sealer.next(&waiting.split_to(CHUNK))?;
                    length += sealed.len() as u64;
                    writer.put(sealed.into()).await?;
                }
            }
            let sealed = sealer.last(&waiting)?;
            length += sealed.len() as u64;
            writer.put(sealed.into()).await?;
            Ok::<_, CopyFault>(())
        };
        match written.await {
            Ok(()) => {
                tokio::io::AsyncWriteExt::shutdown(&mut writer).await?;
                Ok(length)
            }
            Err(fault) => {
                // What has arrived of it is of no use.
                if let Err(error) = writer.abort().await {
                    tracing::debug!(%error, "a part of a copy stays");
                }
                Err(fault)
            }
        }
    }

    /// Reads a stream that was sealed under a name. What comes is what was sealed, or an error.
    async fn read(
        &self,
        place: &Path,
        name: &str,
    ) -> Result<impl Stream<Item = io::Result<Bytes>> + Send + Unpin + use<>, CopyFault> {
        let mut opener = self.key.open(name, &self.beginning(place).await?)?;
        let header = opener.header as u64;
        let options = GetOptions { range: Some(GetRange::Offset(header)), ..GetOptions::default() };
        let mut sealed = self.store.get_opts(place, options).await?.into_stream();
        let (sender, receiver) = tokio::sync::mpsc::channel(4);
        tokio::spawn(async move {
            let broken = |error: rolltop_vault::SealError| io::Error::new(io::ErrorKind::InvalidData, error);
            let mut waiting = BytesMut::new();
            let opened = async {
                while let Some(more) = sealed.try_next().await.map_err(io::Error::other)? {
                    waiting.extend_from_slice(&more);
                    while waiting.len() > SEALED_CHUNK {
                        let chunk = opener.next(&waiting.split_to(SEALED_CHUNK)).map_err(broken)?;
                        if sender.send(Ok(Bytes::from(chunk))).await.is_err() {
                            return Ok(());
                        }
                    }
                }
                let last = opener.last(&waiting).map_err(broken)?;
                // Whoever reads may have gone.
                let _ = sender.send(Ok(Bytes::from(last))).await;
                Ok(())
            };
            if let Err(error) = opened.await {
                let _ = sender.send(Err(error)).await;
            }
        });
        let stream = futures::stream::unfold(receiver, async |mut receiver| {
            receiver.recv().await.map(|bytes| (bytes, receiver))
        });
        Ok(Box::pin(stream))
    }

    async fn beginning(&self, place: &Path) -> Result<Bytes, CopyFault> {
        let range = GetRange::Bounded(0..MOST_HEADER as u64);
        let options = GetOptions { range: Some(range), ..GetOptions::default() };
        Ok(self.store.get_opts(place, options).await?.bytes().await?)
    }

    async fn remove(&self, place: &Path) -> Result<(), CopyFault> {
        match self.store.delete(place).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

impl Control {
    /// Asks for a copy of a snapshot, which is made in the background.
    pub async fn copy_snapshot(
        &self,
        caller: &Caller,
        id: SnapshotId,
    ) -> Result<api::SnapshotCopy, CopyError> {
        let row = self.own_snapshot(caller, id, Scope::DesktopsWrite).await?;
        self.inner.copies.as_ref().ok_or(CopyError::NotConfigured)?;
        if row.state != SnapshotState::Ready {
            return Err(SnapshotError::WrongState("This snapshot is not ready.").into());
        }
        let copy = self.inner.store.ask_copy(&copy_of(row, &caller.label), clock::now()).await?;
        Ok(shown(copy))
    }

    /// Whether the operator has named a place for them.
    pub fn has_copies(&self) -> bool {
        self.inner.copies.is_some()
    }

    /// The workspace's copies, the newest first.
    pub async fn copies(&self, caller: &Caller) -> Result<api::SnapshotCopyList, CopyError> {
        caller.needs(Scope::DesktopsRead)?;
        // A key that is tied to one desktop hears nothing of others.
        if caller.only.is_some() {
            return Ok(api::SnapshotCopyList { items: Vec::new(), configured: self.has_copies() });
        }
        let all = self.inner.store.copies(caller.workspace).await?;
        let items = all.into_iter().filter(|copy| copy.state != CopyState::Deleting).map(shown).collect();
        Ok(api::SnapshotCopyList { items, configured: self.has_copies() })
    }

    /// Has a copy fetched, in the background: it becomes a snapshot again, of which desktops are made.
    pub async fn fetch_copy(&self, caller: &Caller, id: SnapshotId) -> Result<api::SnapshotCopy, CopyError> {
        if self.own_copy(caller, id).await?.state == CopyState::Deleting {
            return Err(CopyError::NotFound);
        }
        let copy = self
            .inner
            .store
            .ask_copy_fetched(id, &caller.label, clock::now())
            .await?
            .ok_or(CopyError::NotDone)?;
        Ok(shown(copy))
    }

    /// Deletes a copy, in the background.
    pub async fn delete_copy(&self, caller: &Caller, id: SnapshotId) -> Result<(), CopyError> {
        let copy = self.own_copy(caller, id).await?;
        self.inner.store.ask_copy_deleted(copy.new.id, clock::now()).await?;
        Ok(())
    }

    async fn own_copy(&self, caller: &Caller, id: SnapshotId) -> Result<SnapshotCopy, CopyError> {
        caller.needs_everywhere(Scope::DesktopsWrite)?;
        let copy = self.inner.store.copy(id).await?;
        let copy = copy.filter(|copy| copy.new.workspace == caller.workspace).ok_or(CopyError::NotFound)?;
        self.inner.copies.as_ref().ok_or(CopyError::NotConfigured)?;
        Ok(copy)
    }

    /// For the operator, whose host was lost: writes down for the first workspace what copies are there and open with the
    /// key that is here. How many there were, and how many did not open.
    pub async fn adopt_copies(&self) -> Result<(u64, u64), CopyError> {
        let copies = self.inner.copies.as_ref().ok_or(CopyError::NotConfigured)?;
        let workspace = self.inner.store.first_workspace(clock::now()).await?.id;
        let (mut found, mut closed) = (0, 0);
        let mut listed = copies.store.list(Some(&copies.prefix));
        while let Some(object) = listed.try_next().await.map_err(|error| unreadable(&error))? {
            let name = object.location.filename().unwrap_or_default().to_owned();
            let Ok(id) = name.parse::<SnapshotId>() else { continue };
            if object.location != copies.place(id) {
                continue;
            }
            let beginning = copies.beginning(&object.location).await.map_err(|error| unreadable(&error))?;
            let about = copies
                .key
                .open(&name, &beginning)
                .ok()
                .and_then(|opener| serde_json::from_slice::<About>(opener.about.expose_secret()).ok());
            let Some(about) = about else {
                closed += 1;
                continue;
            };
            let About { desktop_name, name, size, disk_gib, taken_at, made_by } = about;
            let new = NewCopy { id, workspace, desktop_name, name, size, disk_gib, taken_at, made_by };
            self.inner.store.adopt_copy(&new, object.size, clock::now()).await?;
            found += 1;
        }
        Ok((found, closed))
    }
}

impl Inner {
    /// Asks for a copy of what was taken by a schedule that says so, unless there is one.
    pub(crate) async fn copy_scheduled(&self, row: Snapshot) -> Result<(), StoreError> {
        if self.copies.is_some() && self.store.copy(row.id).await?.is_none() {
            self.store.ask_copy(&copy_of(row, By::ROLLTOP.actor), clock::now()).await?;
        }
        Ok(())
    }

    /// The copy of a snapshot that has outlived its schedule goes with it; one that somebody asked for stays.
    pub(crate) async fn drop_scheduled_copy(&self, id: SnapshotId) -> Result<(), StoreError> {
        let copy = self.store.copy(id).await?.filter(|copy| copy.new.made_by == By::ROLLTOP.actor);
        match copy {
            Some(copy) => self.store.ask_copy_deleted(copy.new.id, clock::now()).await,
            None => Ok(()),
        }
    }
}

fn copy_of(row: Snapshot, made_by: &str) -> NewCopy {
    NewCopy {
        id: row.id,
        workspace: row.workspace,
        desktop_name: row.desktop_name,
        name: row.name,
        size: row.size,
        disk_gib: row.disk_gib,
        taken_at: row.taken_at.unwrap_or(row.created_at),
        made_by: made_by.to_owned(),
    }
}

fn unreadable(error: &(dyn std::error::Error + 'static)) -> CopyError {
    tracing::warn!(error = %chain(error), "copies can't be listed");
    CopyError::Unreadable
}

fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    crate::reconcile::chain(error)
}

const PAUSES: (Duration, Duration) = (FIRST_PAUSE, Duration::from_secs(3600));

/// One at a time.
pub(crate) const MAKE: Work =
    Work { at_once: 1, pauses: PAUSES, run: |inner, job| Box::pin(try_to_make(inner, job)) };
pub(crate) const REMOVE: Work =
    Work { at_once: 1, pauses: PAUSES, run: |inner, job| Box::pin(try_to_remove(inner, job)) };
/// Who waits for one to be fetched does not wait for others to be made.
pub(crate) const FETCH: Work =
    Work { at_once: 1, pauses: PAUSES, run: |inner, job| Box::pin(try_to_fetch(inner, job)) };

/// The copy that a job is about; `None` where there is none, or no place for copies any more.
async fn known<'a>(inner: &'a Inner, job: &Job) -> Result<Option<(&'a Copies, SnapshotCopy)>, StoreError> {
    let Ok(id) = job.subject.parse() else { return Ok(None) };
    let copy = inner.store.copy(id).await?;
    Ok(inner.copies.as_ref().zip(copy))
}

async fn try_to_make(inner: &Inner, job: &Job) -> Tried {
    let Some((copies, _)) = known(inner, job).await? else { return Ok(Then::Over) };
    let _turn = copies.turn.lock().await;
    let Some((copies, copy)) = known(inner, job).await? else { return Ok(Then::Over) };
    if !matches!(copy.state, CopyState::Waiting | CopyState::Copying) {
        return Ok(Then::Over);
    }
    let why = match make(inner, copies, &copy).await {
        Ok(()) => return Ok(Then::Over),
        Err(CopyFault::Gone) => SNAPSHOT_GONE,
        Err(fault) if job.attempts.saturating_add(1) >= MOST_ATTEMPTS => {
            tracing::warn!(copy = %copy.new.id, error = %chain(&fault), "a copy is given up");
            GIVEN_UP
        }
        Err(fault) => return Err(fault.into()),
    };
    let (reason, ended_at) = (Some(why.to_owned()), Some(clock::now()));
    inner.store.set_copy(&SnapshotCopy { state: CopyState::Failed, reason, ended_at, ..copy }).await?;
    Ok(Then::Over)
}

/// Never given up.
async fn try_to_remove(inner: &Inner, job: &Job) -> Tried {
    let Some((copies, _)) = known(inner, job).await? else { return Ok(Then::Over) };
    let _turn = copies.turn.lock().await;
    if let Some((copies, copy)) = known(inner, job).await?
        && copy.state == CopyState::Deleting
    {
        remove(inner, copies, &copy).await?;
    }
    Ok(Then::Over)
}

/// Given up at once, as somebody waits for it.
async fn try_to_fetch(inner: &Inner, job: &Job) -> Tried {
    let Some((copies, copy)) = known(inner, job).await? else { return Ok(Then::Over) };
    if copy.state != CopyState::Fetching {
        return Ok(Then::Over);
    }
    if let Err(fault) = fetch(inner, copies, &copy).await {
        tracing::warn!(copy = %copy.new.id, error = %chain(&fault), "a copy was not fetched");
        let why = match fault {
            CopyFault::Transfer(error) => error.to_string(),
            _ => UNREADABLE.to_owned(),
        };
        let kept = SnapshotCopy { state: CopyState::Done, reason: Some(why), ..copy };
        inner.store.set_copy(&kept).await?;
    }
    Ok(Then::Over)
}

async fn make(inner: &Inner, copies: &Copies, copy: &SnapshotCopy) -> Result<(), CopyFault> {
    let id = copy.new.id;
    let row = inner.store.snapshot(id).await?.filter(|row| row.state == SnapshotState::Ready);
    let row = row.ok_or(CopyFault::Gone)?;
    let copy = SnapshotCopy { state: CopyState::Copying, ..copy.clone() };
    inner.store.set_copy(&copy).await?;
    let NewCopy { desktop_name, name, size, disk_gib, taken_at, made_by, .. } = copy.new.clone();
    let about = About { desktop_name, name, size, disk_gib, taken_at, made_by };
    let _share = inner.in_flight.share_when_free(row.workspace, memory_of(disk_gib)).await;
    let export = inner.export(&row, "rolltop").await?;
    let bytes = copies.write(&copies.place(id), &id.to_string(), &about, export.bytes).await?;
    tracing::info!(copy = %id, bytes, "a snapshot was copied");
    let ended_at = Some(clock::now());
    let done = SnapshotCopy { state: CopyState::Done, reason: None, bytes, ended_at, ..copy };
    inner.store.set_copy(&done).await?;
    Ok(())
}

async fn remove(inner: &Inner, copies: &Copies, copy: &SnapshotCopy) -> Result<(), CopyFault> {
    copies.remove(&copies.place(copy.new.id)).await?;
    Ok(inner.store.forget_copy(copy.new.id).await?)
}

async fn fetch(inner: &Inner, copies: &Copies, copy: &SnapshotCopy) -> Result<(), CopyFault> {
    let id = copy.new.id;
    let _share = inner.in_flight.share_when_free(copy.new.workspace, memory_of(copy.new.disk_gib)).await;
    let bytes = copies.read(&copies.place(id), &id.to_string()).await?;
    let by = copy.fetched_by.as_deref().unwrap_or_default();
    let snapshot = inner.import(copy.new.workspace, by, Some(id), bytes).await?;
    tracing::info!(copy = %id, snapshot = %snapshot.id, "a copy was fetched");
    Ok(())
}

/// What a copy takes in memory, bytes: the parts on their way and the next one, besides what a transfer does.
fn memory_of(disk_gib: u64) -> u64 {
    TRANSFER_MEMORY + (PARTS_AT_ONCE as u64 + 1) * part_of(disk_gib) as u64
}

/// The size of the parts in which all of a disk can be copied, bytes, though nothing of it should compress.
fn part_of(disk_gib: u64) -> usize {
    let part = disk_gib.saturating_mul(1 << 30).div_ceil(MOST_PARTS).max(PART);
    usize::try_from(part).unwrap_or(usize::MAX)
}

fn shown(copy: SnapshotCopy) -> api::SnapshotCopy {
    let new = copy.new;
    api::SnapshotCopy {
        id: new.id,
        desktop_name: new.desktop_name,
        name: new.name,
        size: new.size,
        disk_gib: new.disk_gib,
        taken_at: new.taken_at,
        state: match copy.state {
            CopyState::Waiting => api::CopyState::Waiting,
            CopyState::Copying => api::CopyState::Copying,
            CopyState::Done => api::CopyState::Done,
            CopyState::Fetching => api::CopyState::Fetching,
            CopyState::Failed | CopyState::Deleting => api::CopyState::Failed,
        },
        detail: copy.reason,
        bytes: matches!(copy.state, CopyState::Done | CopyState::Fetching).then_some(copy.bytes),
        made_by: new.made_by,
        fetched_as: copy.fetched_as,
        created_at: copy.created_at,
        ended_at: copy.ended_at,
    }
}

#[cfg(test)]
mod tests {
    use rolltop_model::MOST_DISK_GIB;

    use super::*;

    #[test]
    fn every_disk_goes_into_as_many_parts_as_s3_takes() {
        for gib in [1, 20, 140, 141, 500, MOST_DISK_GIB] {
            let part = part_of(gib) as u64;
            // Sealing adds a tag to each chunk, and the archive its frames.
            let most = (gib << 30) + (gib << 30) / 100 + (64 << 20);
            assert!(part >= PART && most.div_ceil(part) < 10_000, "{gib} GiB in parts of {part}");
        }
        assert_eq!(part_of(20), 16 << 20);
        assert!(part_of(MOST_DISK_GIB) < 256 << 20);
    }
}
