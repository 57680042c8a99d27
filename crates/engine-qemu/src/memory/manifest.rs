//! `memory.json`: what a kept memory is of, and what it takes to bring it back.

use std::path::Path;

use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rolltop_engine::{DiskLayer, LayerKey};
use rolltop_model::{DesktopId, LayerId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::fault::Fault;
use crate::identity::BakeIdentity;

/// The manifest's name in a machine's directory.
pub(crate) const MANIFEST: &str = "memory.json";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Manifest {
    pub desktop: DesktopId,
    /// The layer whose key the sealed file's is made from.
    pub layer: LayerId,
    pub kept_at: Timestamp,
    /// The machine it was kept from; only the same can take it back.
    pub machine: BakeIdentity,
    /// The file its memory differs from, a path in the engine's directory.
    pub base: String,
    /// Makes the key of the sealed file a different one each time.
    #[serde(with = "text")]
    pub salt: [u8; 32],
    /// Sealed chunks, the devices' included.
    pub chunks: u32,
    /// Bytes of pages that are kept.
    pub bytes: u64,
}

impl Manifest {
    /// Of nothing yet.
    pub(crate) fn new(desktop: DesktopId, layer: LayerId, machine: BakeIdentity, base: String) -> Self {
        let (kept_at, salt) = (Timestamp::now(), rand::random());
        Self { desktop, layer, kept_at, machine, base, salt, chunks: 0, bytes: 0 }
    }

    /// The key it was sealed with, among those of a disk.
    pub(crate) fn key<'a>(&self, disk: &'a [DiskLayer]) -> Result<&'a LayerKey, Fault> {
        let layer = disk.iter().find(|layer| layer.layer == self.layer);
        layer.map(|layer| &layer.key).ok_or_else(|| Fault::Memory("it belongs to another disk".into()))
    }

    /// A line with the checksum of what follows, then the manifest.
    pub(super) fn to_bytes(&self) -> Result<Vec<u8>, Fault> {
        let text = serde_json::to_string_pretty(self).map_err(|error| Fault::Other(error.to_string()))?;
        Ok(format!("{}\n{text}\n", checksum(text.as_bytes())).into_bytes())
    }

    /// The manifest in a machine's directory. `None` where nothing is kept.
    pub(crate) fn load(directory: &Path) -> Result<Option<Self>, Fault> {
        let bytes = match std::fs::read(directory.join(MANIFEST)) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(Fault::Memory(format!("its manifest can't be read: {error}"))),
        };
        Self::read(&bytes).map(Some).ok_or_else(|| Fault::Memory("its manifest is damaged".into()))
    }

    fn read(bytes: &[u8]) -> Option<Self> {
        let (sum, text) = std::str::from_utf8(bytes).ok()?.split_once('\n')?;
        let text = text.strip_suffix('\n')?;
        (checksum(text.as_bytes()) == sum).then_some(())?;
        serde_json::from_str(text).ok()
    }
}

fn checksum(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

mod text {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    use base64::Engine as _;

    use super::STANDARD;

    pub(super) fn serialize<S: Serializer>(bytes: &[u8; 32], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<[u8; 32], D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = STANDARD.decode(text).map_err(D::Error::custom)?;
        bytes.try_into().map_err(|_| D::Error::custom("not 32 bytes"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command_line::Accel;
    use crate::qemu::Qemu;
    use rolltop_model::Size;

    fn manifest() -> Manifest {
        let machine = BakeIdentity::current(&Qemu::made_up("10.0.2", Accel::Tcg), Size::S, "quiet");
        Manifest::new(DesktopId::generate(), LayerId::generate(), machine, "blank/s.ram".into())
    }

    #[test]
    fn it_is_read_back_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(Manifest::load(directory.path()).unwrap(), None);
        let written = manifest();
        std::fs::write(directory.path().join(MANIFEST), written.to_bytes().unwrap()).unwrap();
        assert_eq!(Manifest::load(directory.path()).unwrap(), Some(written));
    }

    #[test]
    fn whichever_bit_is_flipped_it_is_refused() {
        let bytes = manifest().to_bytes().unwrap();
        for place in 0..bytes.len() {
            for bit in 0..8 {
                let mut damaged = bytes.clone();
                damaged[place] ^= 1 << bit;
                assert_eq!(Manifest::read(&damaged), None, "byte {place}, bit {bit}");
            }
        }
        for length in 0..bytes.len() {
            assert_eq!(Manifest::read(&bytes[..length]), None, "cut to {length}");
        }
    }

    #[test]
    fn no_two_have_the_same_salt() {
        assert_ne!(manifest().salt, manifest().salt);
    }
}
