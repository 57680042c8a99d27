//! A machine's memory on the disk: what of it differs from its base, sealed, with a manifest.
//!
//! ```text
//! memory.sealed    "RTMEM\0\0\x01", then chunks: length, ciphertext, tag
//!                    chunk 0: the state of the devices
//!                    others:  runs of pages, at most a mebibyte of them
//! memory.json      its checksum, then what machine it belongs to; there means: all of it is durable
//! ```
//!
//! A page that the machine has not written to since its base was mapped is in the base and not
//! here, nor is one of zeros where the base has a hole: guests fill memory that they free with zeros, so what nobody
//! uses any more costs nothing. So what is kept never depends on anything but a base, which is never changed or removed.
//!
//! Deliberately absent: when memory is kept, monitors, records.

mod delta;
mod holes;
mod manifest;
mod pages;
mod sealed;

use manifest::MANIFEST;
pub(crate) use manifest::Manifest;

use std::fs::File;
use std::path::Path;

use rolltop_engine::LayerKey;

use crate::durable;
use crate::fault::{Doing, Fault};
use crate::process::Process;
pub(crate) use holes::dig;
use holes::holes;
use pages::GuestRam;
use sealed::{Opener, Sealer};

/// The sealed file's name in a machine's directory.
pub(crate) const SEALED: &str = "memory.sealed";

/// Whose memory is to be kept, and what it is based on.
pub(crate) struct Source<'a> {
    pub process: Process,
    /// The file that its memory is a private view of.
    pub base: &'a Path,
}

impl Source<'_> {
    /// Bytes that keeping it would take at most. The machine may run meanwhile.
    pub(crate) fn bytes(&self) -> Result<u64, Fault> {
        let ram = GuestRam::of(self.process, self.base)?;
        Ok(ram.private_runs()?.iter().map(|run| run.bytes()).sum())
    }

    /// Room for [`Source::capture`], made while the machine still runs, for making it takes time.
    /// How many bytes it is of the host's memory, and the room; `None` if that would be more than `most`.
    pub(crate) fn room(&self, most: u64) -> Result<(u64, Option<Room>), Fault> {
        let bytes = self.bytes()?;
        Ok((bytes, (bytes <= most).then(|| Room(delta::Captured::with_room(bytes)))))
    }

    /// Copies the memory of a machine that stands still, so that it may go on before that is written.
    pub(crate) fn capture(&self, room: &mut Room) -> Result<(), Fault> {
        room.0.fill(&GuestRam::of(self.process, self.base)?)
    }

    /// Writes what was copied, and `devices`, as [`Source::keep`] does.
    pub(crate) fn keep_captured(
        &self,
        room: &Room,
        directory: &Path,
        key: &LayerKey,
        devices: &[u8],
        manifest: Manifest,
    ) -> Result<(), Fault> {
        self.write(directory, key, devices, manifest, &room.0)
    }

    /// Writes the memory of a machine that stands still, and `devices`, into `directory`. Durable
    /// once this returns; the manifest comes last.
    pub(crate) fn keep(
        &self,
        directory: &Path,
        key: &LayerKey,
        devices: &[u8],
        manifest: Manifest,
    ) -> Result<(), Fault> {
        self.write(directory, key, devices, manifest, &GuestRam::of(self.process, self.base)?)
    }

    fn write(
        &self,
        directory: &Path,
        key: &LayerKey,
        devices: &[u8],
        mut manifest: Manifest,
        pages: &impl delta::Pages,
    ) -> Result<(), Fault> {
        let mut sealer = Sealer::create(&directory.join(SEALED), key, &manifest.salt)?;
        sealer.put(devices)?;
        manifest.bytes = delta::write(pages, &holes(self.base)?, &mut sealer)?;
        manifest.chunks = sealer.finish()?;
        tracing::debug!(bytes = manifest.bytes, chunks = manifest.chunks, "memory is kept");
        durable::write(&directory.join(MANIFEST), &manifest.to_bytes()?, 0o600)
    }
}

/// Chunks that are opened before the machine has taken them.
const CHUNKS_AHEAD: usize = 4;

/// A copy of a machine's memory, or room for one.
pub(crate) struct Room(delta::Captured);

/// Kept memory that is being brought back.
#[derive(Debug)]
pub(crate) struct Kept {
    opener: Opener,
    /// What the devices are to be.
    pub devices: Vec<u8>,
    chunks: u32,
}

impl Kept {
    /// Opens what the manifest in `directory` tells of. Fails if the key or the file is not the one.
    pub(crate) fn open(directory: &Path, key: &LayerKey, manifest: &Manifest) -> Result<Self, Fault> {
        let mut opener = Opener::open(&directory.join(SEALED), key, &manifest.salt)?;
        let devices = opener.next()?.to_vec();
        Ok(Self { opener, devices, chunks: manifest.chunks })
    }

    /// Puts every page into a machine that has not run yet. All of it has been verified when this
    /// returns; on an error the machine's memory is good for nothing.
    pub(crate) fn load(mut self, process: Process, base: &Path) -> Result<(), Fault> {
        let ram = GuestRam::of(process, base)?;
        // One thread opens, which takes as long as the other needs to write.
        std::thread::scope(|scope| {
            let (opened, chunks) = std::sync::mpsc::sync_channel::<Vec<u8>>(CHUNKS_AHEAD);
            let writer = scope.spawn(move || chunks.iter().try_for_each(|chunk| delta::read(&chunk, &ram)));
            for _ in 1..self.chunks {
                let chunk = self.opener.next()?.to_vec();
                // Nobody takes it any more only where the writer has failed, which is what is told.
                if opened.send(chunk).is_err() {
                    break;
                }
            }
            drop(opened);
            writer.join().unwrap_or_else(|_| Err(Fault::Other("writing a memory broke off".into())))
        })?;
        self.opener.finish()
    }
}

/// Whether a machine's directory keeps its memory. Then, even if what is kept is damaged, the machine
/// has not run since.
pub(crate) fn is_kept(directory: &Path) -> bool {
    directory.join(MANIFEST).exists()
}

/// Has `to` keep the same memory as `from`, without copying it.
pub(crate) fn link(from: &Path, to: &Path) -> Result<(), Fault> {
    for name in [SEALED, MANIFEST] {
        let (from, to) = (from.join(name), to.join(name));
        durable::remove(&to)?;
        std::fs::hard_link(&from, &to).doing_with("linking", &from)?;
    }
    durable::sync_directory(to)
}

/// Takes away kept memory; the manifest first and for good, so that it is never used again.
/// `false` if there was none.
pub(crate) fn discard(directory: &Path) -> Result<bool, Fault> {
    let was_kept = durable::remove(&directory.join(MANIFEST))?;
    if was_kept {
        durable::sync_directory(directory)?;
    }
    durable::remove(&directory.join(SEALED))?;
    Ok(was_kept)
}

/// Makes a file's content durable.
pub(crate) fn sync(path: &Path) -> Result<(), Fault> {
    File::open(path).and_then(|file| file.sync_all()).doing_with("syncing", path)
}
