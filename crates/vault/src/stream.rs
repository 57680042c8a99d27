//! Sealing what is too long for one value, for places that are not ours: XChaCha20-Poly1305 in chunks, by the STREAM
//! construction, so that none can be left out, repeated or moved; and a description that can be opened by itself.
//!
//! ```text
//!  8   magic and version
//!  19  nonce of the chunks
//!  4   length of the sealed description, most significant first
//!      nonce (24) and sealed description
//!      chunks: 1 MiB and a tag each, the last shorter or as long
//! ```

use std::path::Path;

use aead_stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretBox, SecretSlice};

use crate::VaultError;
use crate::key_file;
use crate::random::random_bytes;
use crate::seal::SealError;

/// Bytes of a chunk before it is sealed; only the last may have fewer.
pub const CHUNK: usize = 1 << 20;
/// And after.
pub const SEALED_CHUNK: usize = CHUNK + TAG;
/// Longest description, bytes.
pub const MOST_ABOUT: usize = 8 * 1024;
/// What a reader has to have at least to open the description, bytes.
pub const MOST_HEADER: usize = FIXED + NONCE + MOST_ABOUT + TAG;

const MAGIC: &[u8; 8] = b"RTSEAL\0\x01";
const TAG: usize = 16;
const NONCE: usize = 24;
const STREAM_NONCE: usize = 19;
const FIXED: usize = 8 + STREAM_NONCE + 4;

/// A key for streams: 32 bytes in a file of its own, so that it can be kept where what it seals is not.
#[derive(Debug)]
pub struct StreamKey(SecretBox<[u8; 32]>);

/// Seals one stream.
pub struct StreamSealer {
    stream: EncryptorBE32<XChaCha20Poly1305>,
    binding: Vec<u8>,
}

/// Opens one stream.
pub struct StreamOpener {
    stream: DecryptorBE32<XChaCha20Poly1305>,
    binding: Vec<u8>,
    /// Bytes of the header: the chunks begin there.
    pub header: usize,
    /// What was said of it when it was sealed.
    pub about: SecretSlice<u8>,
}

impl StreamKey {
    /// The key in this file, which is made first where there is none.
    pub fn open_or_create(key_file: &Path) -> Result<Self, VaultError> {
        Ok(Self(key_file::open_or_create(key_file)?))
    }

    /// Begins a stream that opens under this name only. Its header, and what seals its chunks.
    pub fn seal(&self, name: &str, about: &[u8]) -> Result<(Vec<u8>, StreamSealer), SealError> {
        if about.len() > MOST_ABOUT {
            return Err(SealError::NotSealed);
        }
        let (stream_nonce, nonce) = (random_bytes::<STREAM_NONCE>(), random_bytes::<NONCE>());
        let payload = Payload { msg: about, aad: &binding(b"about", name) };
        let cipher = XChaCha20Poly1305::new(self.0.expose_secret().into());
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::NotSealed)?;
        let length = u32::try_from(NONCE + sealed.len()).map_err(|_| SealError::NotSealed)?;
        let mut header = Vec::with_capacity(FIXED + NONCE + sealed.len());
        header.extend_from_slice(MAGIC);
        header.extend_from_slice(&stream_nonce);
        header.extend_from_slice(&length.to_be_bytes());
        header.extend_from_slice(&nonce);
        header.extend_from_slice(&sealed);
        let stream = EncryptorBE32::from_aead(cipher, &stream_nonce.into());
        Ok((header, StreamSealer { stream, binding: binding(b"chunk", name) }))
    }

    /// Opens a stream by its beginning: all of its header at least, and [`MOST_HEADER`] bytes are always enough.
    pub fn open(&self, name: &str, beginning: &[u8]) -> Result<StreamOpener, SealError> {
        let (magic, rest) = beginning.split_first_chunk::<8>().ok_or(SealError::Broken)?;
        let (kind, version) = (magic.get(..7), magic.get(7));
        if kind != MAGIC.get(..7) {
            return Err(SealError::Broken);
        }
        if version != MAGIC.get(7) {
            return Err(SealError::Version);
        }
        let (stream_nonce, rest) = rest.split_first_chunk::<STREAM_NONCE>().ok_or(SealError::Broken)?;
        let (length, rest) = rest.split_first_chunk::<4>().ok_or(SealError::Broken)?;
        let length = u32::from_be_bytes(*length) as usize;
        let sealed = rest.get(..length).ok_or(SealError::Broken)?;
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>().ok_or(SealError::Broken)?;
        let cipher = XChaCha20Poly1305::new(self.0.expose_secret().into());
        let payload = Payload { msg: sealed, aad: &binding(b"about", name) };
        let about = cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Broken)?;
        Ok(StreamOpener {
            stream: DecryptorBE32::from_aead(cipher, &(*stream_nonce).into()),
            binding: binding(b"chunk", name),
            header: FIXED + length,
            about: SecretSlice::from(about),
        })
    }
}

impl StreamSealer {
    /// The next chunk, of [`CHUNK`] bytes.
    pub fn next(&mut self, chunk: &[u8]) -> Result<Vec<u8>, SealError> {
        let payload = Payload { msg: chunk, aad: &self.binding };
        self.stream.encrypt_next(payload).map_err(|_| SealError::NotSealed)
    }

    /// The last chunk.
    pub fn last(self, chunk: &[u8]) -> Result<Vec<u8>, SealError> {
        let payload = Payload { msg: chunk, aad: &self.binding };
        self.stream.encrypt_last(payload).map_err(|_| SealError::NotSealed)
    }
}

impl StreamOpener {
    /// The next chunk, of [`SEALED_CHUNK`] bytes.
    pub fn next(&mut self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let payload = Payload { msg: sealed, aad: &self.binding };
        self.stream.decrypt_next(payload).map_err(|_| SealError::Broken)
    }

    /// The last chunk. A stream that was cut off has none.
    pub fn last(self, sealed: &[u8]) -> Result<Vec<u8>, SealError> {
        let payload = Payload { msg: sealed, aad: &self.binding };
        self.stream.decrypt_last(payload).map_err(|_| SealError::Broken)
    }
}

fn binding(what: &[u8; 5], name: &str) -> Vec<u8> {
    [b"rolltop stream ", what.as_slice(), b" ", name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> (tempfile::TempDir, StreamKey) {
        let directory = tempfile::tempdir().unwrap();
        let key = StreamKey::open_or_create(&directory.path().join("copies.key")).unwrap();
        (directory, key)
    }

    fn sealed(key: &StreamKey) -> [Vec<u8>; 3] {
        let (header, mut sealer) = key.seal("snp_1", b"about").unwrap();
        let first = sealer.next(&vec![1; CHUNK]).unwrap();
        [header, first, sealer.last(b"end").unwrap()]
    }

    #[test]
    fn a_stream_opens_under_its_name_and_its_description_by_itself() {
        let (_directory, key) = key();
        let [header, first, last] = sealed(&key);
        assert!(header.len() <= MOST_HEADER && first.len() == SEALED_CHUNK);
        let all = [header.as_slice(), &first].concat();
        let mut opener = key.open("snp_1", &all).unwrap();
        assert_eq!((opener.about.expose_secret(), opener.header), (&b"about"[..], header.len()));
        assert_eq!(opener.next(&first).unwrap(), vec![1; CHUNK]);
        assert_eq!(opener.last(&last).unwrap(), b"end");
        assert!(key.open("snp_2", &all).is_err(), "under another name it is nothing");
    }

    #[test]
    fn nothing_can_be_left_out_moved_or_changed() {
        let (_directory, key) = key();
        let [header, first, last] = sealed(&key);
        let opener = || key.open("snp_1", &header).unwrap();
        assert!(opener().last(&first).is_err(), "cut off");
        assert!(opener().next(&last).is_err(), "left out");
        let mut twice = opener();
        twice.next(&first).unwrap();
        assert!(twice.next(&first).is_err(), "repeated");
        let mut changed = first.clone();
        changed[7] ^= 1;
        assert!(opener().next(&changed).is_err());
        for at in 0..header.len() {
            let mut changed = header.clone();
            changed[at] ^= 1;
            let opened = key.open("snp_1", &changed).and_then(|mut opener| opener.next(&first));
            assert!(opened.is_err(), "byte {at} of the header");
        }
        let (_other_directory, other) = self::key();
        assert!(other.open("snp_1", &header).is_err());
        assert!(key.open("snp_1", b"").is_err() && key.open("snp_1", &header[..40]).is_err());
    }
}
