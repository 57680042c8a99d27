//! A file of encrypted chunks, each authenticated by itself and in its place.
//!
//! AES-256-GCM, because with a processor's own instructions it takes several gigabytes a second and
//! a machine waits meanwhile. The key is the layer's and a salt's, so no two files share one, and a
//! chunk's number is its nonce: one that is damaged, moved or from elsewhere does not open. How many
//! there are is in the manifest.

use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use rolltop_engine::LayerKey;

use crate::fault::{Doing, Fault};

const MAGIC: &[u8; 8] = b"RTMEM\0\0\x01";
/// Longest chunk, bytes, tag included.
const MAX_CHUNK: usize = 64 << 20;

/// Writes one.
pub(super) struct Sealer {
    path: PathBuf,
    file: File,
    key: LessSafeKey,
    next: u32,
    buffer: Vec<u8>,
}

impl Sealer {
    pub(super) fn create(path: &Path, key: &LayerKey, salt: &[u8; 32]) -> Result<Self, Fault> {
        let mut file = File::options()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(path)
            .doing_with("making", path)?;
        file.write_all(MAGIC).doing_with("writing", path)?;
        Ok(Self { path: path.to_owned(), file, key: derive(key, salt)?, next: 0, buffer: Vec::new() })
    }

    /// Appends a chunk.
    pub(super) fn put(&mut self, content: &[u8]) -> Result<(), Fault> {
        self.buffer.clear();
        self.buffer.extend_from_slice(&[0; 4]);
        self.buffer.extend_from_slice(content);
        let body = self.buffer.get_mut(4..).unwrap_or_default();
        let tag = self
            .key
            .seal_in_place_separate_tag(nonce(self.next), Aad::empty(), body)
            .map_err(|_| Fault::Other("memory could not be encrypted".into()))?;
        self.buffer.extend_from_slice(tag.as_ref());
        let length = u32::try_from(self.buffer.len() - 4).unwrap_or(u32::MAX);
        if let Some(place) = self.buffer.first_chunk_mut::<4>() {
            *place = length.to_le_bytes();
        }
        self.next = self.next.checked_add(1).ok_or_else(|| Fault::Other("too many chunks".into()))?;
        self.file.write_all(&self.buffer).doing_with("writing", &self.path)
    }

    /// Makes all of it durable and tells how many chunks there are.
    pub(super) fn finish(self) -> Result<u32, Fault> {
        self.file.sync_all().doing_with("syncing", &self.path)?;
        Ok(self.next)
    }
}

/// Reads one.
#[derive(Debug)]
pub(super) struct Opener {
    file: File,
    key: LessSafeKey,
    next: u32,
    buffer: Vec<u8>,
}

impl Opener {
    pub(super) fn open(path: &Path, key: &LayerKey, salt: &[u8; 32]) -> Result<Self, Fault> {
        let mut file =
            File::open(path).map_err(|error| Fault::Memory(format!("it can't be read: {error}")))?;
        let mut magic = [0; 8];
        match file.read_exact(&mut magic) {
            Ok(()) if &magic == MAGIC => {}
            _ => return Err(damaged()),
        }
        Ok(Self { file, key: derive(key, salt)?, next: 0, buffer: Vec::new() })
    }

    /// The next chunk's content.
    pub(super) fn next(&mut self) -> Result<&[u8], Fault> {
        let mut length = [0; 4];
        self.file.read_exact(&mut length).map_err(|_| damaged())?;
        let length = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_CHUNK {
            return Err(damaged());
        }
        self.buffer.resize(length, 0);
        self.file.read_exact(&mut self.buffer).map_err(|_| damaged())?;
        let number = self.next;
        self.next = self.next.checked_add(1).ok_or_else(damaged)?;
        let opened = self.key.open_in_place(nonce(number), Aad::empty(), &mut self.buffer);
        opened.map(|content| &*content).map_err(|_| match number {
            0 => Fault::Memory("it is damaged, or was kept with another key".into()),
            _ => damaged(),
        })
    }

    /// Sees that there is nothing more.
    pub(super) fn finish(mut self) -> Result<(), Fault> {
        match self.file.read(&mut [0]) {
            Ok(0) => Ok(()),
            _ => Err(damaged()),
        }
    }
}

fn damaged() -> Fault {
    Fault::Memory("it is damaged".into())
}

fn nonce(number: u32) -> Nonce {
    let mut bytes = [0; NONCE_LEN];
    for (place, byte) in bytes.iter_mut().zip(number.to_le_bytes()) {
        *place = byte;
    }
    Nonce::assume_unique_for_key(bytes)
}

fn derive(key: &LayerKey, salt: &[u8; 32]) -> Result<LessSafeKey, Fault> {
    let extracted = Salt::new(HKDF_SHA256, salt).extract(key.bytes());
    let derived = extracted.expand(&[b"rolltop memory 1"], &AES_256_GCM);
    let key = derived.map(|okm| LessSafeKey::new(UnboundKey::from(okm)));
    key.map_err(|_| Fault::Other("a key could not be derived".into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: [u8; 32] = [7; 32];

    fn key() -> LayerKey {
        LayerKey::new([1; 32])
    }

    fn written(path: &Path) -> u32 {
        let mut sealer = Sealer::create(path, &key(), &SALT).unwrap();
        sealer.put(b"the devices").unwrap();
        sealer.put(&[9; 5000]).unwrap();
        sealer.put(b"").unwrap();
        sealer.finish().unwrap()
    }

    fn read(path: &Path, key: &LayerKey, salt: &[u8; 32]) -> Result<Vec<Vec<u8>>, Fault> {
        let mut opener = Opener::open(path, key, salt)?;
        let chunks = (0..3).map(|_| opener.next().map(<[u8]>::to_vec)).collect::<Result<_, _>>()?;
        opener.finish()?;
        Ok(chunks)
    }

    #[test]
    fn chunks_come_out_as_they_went_in_and_only_with_the_same_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        assert_eq!(written(&path), 3);
        let chunks = read(&path, &key(), &SALT).unwrap();
        assert_eq!(chunks, [b"the devices".to_vec(), vec![9; 5000], Vec::new()]);
        let text = std::fs::read(&path).unwrap();
        assert!(!text.windows(11).any(|window| window == b"the devices"), "nothing is in the clear");
        for (key, salt) in [(LayerKey::new([2; 32]), SALT), (key(), [8; 32])] {
            let refused = read(&path, &key, &salt).unwrap_err();
            assert!(matches!(&refused, Fault::Memory(why) if why.contains("another key")), "{refused}");
        }
    }

    #[test]
    fn whatever_is_damaged_cut_moved_or_added_does_not_open() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        written(&path);
        let whole = std::fs::read(&path).unwrap();
        let refused = |bytes: &[u8], what: &str| {
            std::fs::write(&path, bytes).unwrap();
            assert!(matches!(read(&path, &key(), &SALT), Err(Fault::Memory(_))), "{what}");
        };
        for place in (0..whole.len()).step_by(7) {
            let mut damaged = whole.clone();
            damaged[place] ^= 1;
            refused(&damaged, &format!("byte {place}"));
            refused(&whole[..place], &format!("cut to {place}"));
        }
        refused(&[&whole[..], b"x"].concat(), "something added");
        // The first two chunks change places.
        let (first, second) = (8..8 + 4 + 11 + 16, 8 + 4 + 11 + 16..8 + 4 + 11 + 16 + 4 + 5000 + 16);
        let moved = [&whole[..8], &whole[second.clone()], &whole[first], &whole[second.end..]].concat();
        refused(&moved, "moved");
    }
}
