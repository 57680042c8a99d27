//! Sealing values for the database: XChaCha20-Poly1305, each bound to its table, row and column,
//! so that a sealed value moved to another cell does not open.
//!
//! A sealed value is one version byte, 24 bytes of nonce, and the ciphertext with its tag.

use std::fmt;
use std::path::Path;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use secrecy::{ExposeSecret, SecretSlice};

use crate::VaultError;
use crate::key_file;
use crate::random::random_bytes;

const VERSION: u8 = 1;
const NONCE_LENGTH: usize = 24;

/// Where a sealed value is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cell<'a> {
    pub table: &'a str,
    pub row: &'a str,
    pub column: &'a str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    #[error("it was sealed by an unknown version")]
    Version,
    /// Another key, another cell, or it was changed.
    #[error("it does not open")]
    Broken,
    #[error("it could not be sealed")]
    NotSealed,
}

/// Seals and opens with the key of one file.
#[derive(Clone)]
pub struct Vault {
    cipher: XChaCha20Poly1305,
}

impl Vault {
    /// With the key in this file, which is made first where there is none.
    pub fn open_or_create(key_file: &Path) -> Result<Self, VaultError> {
        let key = key_file::open_or_create(key_file)?;
        Ok(Self { cipher: XChaCha20Poly1305::new(key.expose_secret().into()) })
    }

    pub fn seal(&self, cell: Cell<'_>, secret: &[u8]) -> Result<Vec<u8>, SealError> {
        let nonce: [u8; NONCE_LENGTH] = random_bytes();
        let payload = Payload { msg: secret, aad: &cell.binding() };
        let sealed = self.cipher.encrypt(&XNonce::from(nonce), payload).map_err(|_| SealError::NotSealed)?;
        let mut value = Vec::with_capacity(1 + NONCE_LENGTH + sealed.len());
        value.push(VERSION);
        value.extend_from_slice(&nonce);
        value.extend_from_slice(&sealed);
        Ok(value)
    }

    pub fn open(&self, cell: Cell<'_>, value: &[u8]) -> Result<SecretSlice<u8>, SealError> {
        let (version, rest) = value.split_first().ok_or(SealError::Broken)?;
        if *version != VERSION {
            return Err(SealError::Version);
        }
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_LENGTH>().ok_or(SealError::Broken)?;
        let payload = Payload { msg: sealed, aad: &cell.binding() };
        let secret = self.cipher.decrypt(&XNonce::from(*nonce), payload).map_err(|_| SealError::Broken)?;
        Ok(SecretSlice::from(secret))
    }
}

impl Cell<'_> {
    /// Lengths are part of it, so that no two cells have the same binding.
    fn binding(&self) -> Vec<u8> {
        let mut bytes = b"rolltop".to_vec();
        for part in [self.table, self.row, self.column] {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        bytes
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vault(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault() -> (tempfile::TempDir, Vault) {
        let directory = tempfile::tempdir().unwrap();
        let vault = Vault::open_or_create(&directory.path().join("vault.key")).unwrap();
        (directory, vault)
    }

    const CELL: Cell<'static> = Cell { table: "layers", row: "lay_1", column: "key" };

    #[test]
    fn a_value_opens_only_in_its_own_cell() {
        let (_directory, vault) = vault();
        let value = vault.seal(CELL, b"secret").unwrap();
        assert_eq!(vault.open(CELL, &value).unwrap().expose_secret(), b"secret");
        for other in [
            Cell { table: "desktops", ..CELL },
            Cell { row: "lay_2", ..CELL },
            Cell { column: "kez", ..CELL },
            Cell { table: "layersl", row: "ay_1", ..CELL },
        ] {
            assert_eq!(vault.open(other, &value).err(), Some(SealError::Broken));
        }
    }

    #[test]
    fn another_vault_cannot_open_it() {
        let (_one, vault_one) = vault();
        let (_two, vault_two) = vault();
        let value = vault_one.seal(CELL, b"secret").unwrap();
        assert!(vault_two.open(CELL, &value).is_err());
        assert_eq!(format!("{vault_one:?}"), "Vault(..)");
    }

    proptest! {
        #[test]
        fn a_changed_value_never_opens(secret: Vec<u8>, place: prop::sample::Index, flip in 1u8..) {
            let (_directory, vault) = vault();
            let mut value = vault.seal(CELL, &secret).unwrap();
            let place = place.index(value.len());
            value[place] ^= flip;
            prop_assert!(vault.open(CELL, &value).is_err());
        }

        #[test]
        fn arbitrary_bytes_never_panic(value: Vec<u8>) {
            let (_directory, vault) = vault();
            prop_assert!(vault.open(CELL, &value).is_err());
        }
    }
}
