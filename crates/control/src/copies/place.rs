//! Where copies are kept: in any store that speaks S3, or a folder. Each is sealed before it leaves, under a key that the
//! store never sees.

use std::io;
use std::path::Path as FilePath;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use futures::{Stream, StreamExt, TryStreamExt};
use jiff::Timestamp;
use object_store::buffered::BufWriter;
use object_store::path::Path;
use object_store::{GetOptions, GetRange, ObjectStore, ObjectStoreExt};
use rolltop_model::{Size, SnapshotId};
use rolltop_vault::{CHUNK, MOST_HEADER, SEALED_CHUNK, StreamKey};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use crate::copies::config::CopiesConfig;
use crate::kernel::control::Kernel;
use crate::kernel::state::default_state;
use crate::transfer::TransferError;

/// Smallest part that a store is given at once, bytes.
const PART: u64 = 16 << 20;
/// S3 takes an object in 10,000 parts at most, and some of what speaks it wants all of them alike.
const MOST_PARTS: u64 = 9_000;
/// Parts under way at once. The largest disk's have 240 MiB.
pub(crate) const PARTS_AT_ONCE: usize = 2;

#[derive(Debug, thiserror::Error)]
pub enum OpenCopiesError {
    #[error("the place for copies can't be used")]
    Store(#[from] object_store::Error),
    #[error("the key of copies can't be used")]
    Key(#[from] rolltop_vault::VaultError),
}

/// What is said of a copy in it, sealed too.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) desktop_name: String,
    pub(crate) name: String,
    pub(crate) size: Size,
    pub(crate) disk_gib: u64,
    pub(crate) taken_at: Timestamp,
    pub(crate) made_by: String,
}

/// The place, and the key.
pub(crate) struct CopyStore {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: Path,
    pub(crate) key: StreamKey,
    /// Held by who changes what lies there: what is deleted while it is made must not come after that.
    pub(crate) turn: Mutex<()>,
}

/// `None` where the operator named no place for them.
#[derive(Default)]
pub(crate) struct Copies(Option<Arc<CopyStore>>);
default_state!(Copies);

impl Copies {
    pub(crate) fn open(config: Option<&CopiesConfig>, key_file: &FilePath) -> Result<Self, OpenCopiesError> {
        let store = config.map(|config| CopyStore::open(config, key_file)).transpose()?;
        Ok(Self(store.map(Arc::new)))
    }
}

impl Kernel {
    pub(crate) fn copies(&self) -> Option<Arc<CopyStore>> {
        self.state::<Copies>().0.clone()
    }
}

/// Why a copy was not made this time.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CopyFault {
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

impl CopyStore {
    fn open(config: &CopiesConfig, key_file: &FilePath) -> Result<Self, OpenCopiesError> {
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

    pub(crate) fn place(&self, id: SnapshotId) -> Path {
        self.prefix.clone().join(id.to_string())
    }

    /// Writes a stream, sealed. Its length there.
    pub(crate) async fn write(
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
    pub(crate) async fn read(
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

    pub(crate) async fn beginning(&self, place: &Path) -> Result<Bytes, CopyFault> {
        let range = GetRange::Bounded(0..MOST_HEADER as u64);
        let options = GetOptions { range: Some(range), ..GetOptions::default() };
        Ok(self.store.get_opts(place, options).await?.bytes().await?)
    }

    pub(crate) async fn remove(&self, place: &Path) -> Result<(), CopyFault> {
        match self.store.delete(place).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

/// The size of the parts in which all of a disk can be copied, bytes, though nothing of it should compress.
pub(crate) fn part_of(disk_gib: u64) -> usize {
    let part = disk_gib.saturating_mul(1 << 30).div_ceil(MOST_PARTS).max(PART);
    usize::try_from(part).unwrap_or(usize::MAX)
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
