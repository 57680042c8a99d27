//! The one key everything else is sealed with: 32 bytes in a file only its owner can read.
//!
//! Made once, whole or not at all; never overwritten, because what it sealed would be lost.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use secrecy::{ExposeSecret, SecretBox};

use crate::random::{random_bytes, random_key};

const LENGTH: usize = 32;

#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    #[error("{path} can't be read or made")]
    Io { path: PathBuf, source: io::Error },
    #[error("{0} must be readable by its owner only (mode 0600)")]
    Exposed(PathBuf),
    #[error("{0} must hold exactly {LENGTH} bytes")]
    Length(PathBuf),
}

/// The key in the file, which is made first where there is none.
pub(crate) fn open_or_create(path: &Path) -> Result<SecretBox<[u8; LENGTH]>, KeyFileError> {
    let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
    match File::open(path) {
        Ok(file) => read(file, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create(path).map_err(io_error)?;
            // Somebody else may have been first; what is there now counts.
            read(File::open(path).map_err(io_error)?, path)
        }
        Err(error) => Err(io_error(error)),
    }
}

fn read(mut file: File, path: &Path) -> Result<SecretBox<[u8; LENGTH]>, KeyFileError> {
    let io_error = |source| KeyFileError::Io { path: path.to_owned(), source };
    let metadata = file.metadata().map_err(io_error)?;
    if metadata.mode() & 0o077 != 0 {
        return Err(KeyFileError::Exposed(path.to_owned()));
    }
    if metadata.len() != LENGTH as u64 {
        return Err(KeyFileError::Length(path.to_owned()));
    }
    let mut key = [0u8; LENGTH];
    file.read_exact(&mut key).map_err(io_error)?;
    Ok(SecretBox::new(Box::new(key)))
}

/// Writes a new key beside the path and links it there, so that no half-written key is ever seen
/// and none is replaced.
fn create(path: &Path) -> io::Result<()> {
    let unique = u64::from_le_bytes(random_bytes());
    let temporary = path.with_extension(format!("{unique:016x}.new"));
    let result = write_new(&temporary).and_then(|()| match fs::hard_link(&temporary, path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        linked => linked,
    });
    fs::remove_file(&temporary)?;
    result?;
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(directory)?.sync_all()
}

fn write_new(path: &Path) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(random_key().expose_secret())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_key_is_made_once_and_only_for_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vault.key");
        let first = open_or_create(&path).unwrap();
        let again = open_or_create(&path).unwrap();
        assert_eq!(first.expose_secret(), again.expose_secret());
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1, "nothing is left beside it");
    }

    #[test]
    fn an_exposed_or_cut_key_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vault.key");
        open_or_create(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(open_or_create(&path), Err(KeyFileError::Exposed(_))));
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, b"short").unwrap();
        assert!(matches!(open_or_create(&path), Err(KeyFileError::Length(_))));
    }

    #[test]
    fn of_many_who_begin_at_once_all_get_the_same_key() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("vault.key");
        let keys: Vec<[u8; 32]> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| *open_or_create(&path).unwrap().expose_secret())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }
}
