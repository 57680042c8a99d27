//! The jump host's own key: made once, kept in a file that only its user can read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};

const FILE: &str = "host_key";
const LONGEST: u64 = 16 * 1024;

#[derive(Debug, thiserror::Error)]
pub enum HostKeyError {
    #[error("{} can't be read or written", .0.display())]
    File(PathBuf, #[source] io::Error),
    #[error("{} can be read by others: it was perhaps copied; remove it to have a new one made, or chmod 600 it", .0.display())]
    Exposed(PathBuf),
    #[error("{} holds no OpenSSH private key", .0.display())]
    Unreadable(PathBuf, #[source] russh::keys::ssh_key::Error),
    #[error("a key can't be made")]
    Make(#[source] russh::keys::ssh_key::Error),
}

/// The key in `directory`, made where there is none.
pub(crate) fn open_or_create(directory: &Path) -> Result<PrivateKey, HostKeyError> {
    let path = directory.join(FILE);
    match File::open(&path) {
        Ok(file) => read(file, path),
        Err(error) if error.kind() == io::ErrorKind::NotFound => create(directory, path),
        Err(error) => Err(HostKeyError::File(path, error)),
    }
}

fn read(file: File, path: PathBuf) -> Result<PrivateKey, HostKeyError> {
    let told = |error| HostKeyError::File(path.clone(), error);
    if file.metadata().map_err(told)?.permissions().mode() & 0o077 != 0 {
        return Err(HostKeyError::Exposed(path));
    }
    let mut text = String::new();
    file.take(LONGEST).read_to_string(&mut text).map_err(told)?;
    PrivateKey::from_openssh(text).map_err(|error| HostKeyError::Unreadable(path, error))
}

fn create(directory: &Path, path: PathBuf) -> Result<PrivateKey, HostKeyError> {
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(HostKeyError::Make)?;
    let text = key.to_openssh(LineEnding::LF).map_err(HostKeyError::Make)?;
    let aside = directory.join(format!("{FILE}.new"));
    let put = || -> io::Result<()> {
        let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).clone();
        let mut file = options.open(&aside)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        std::fs::rename(&aside, &path)?;
        File::open(directory)?.sync_all()
    };
    put().map_err(|error| HostKeyError::File(path.clone(), error))?;
    tracing::info!("a host key was made");
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_user_can_read_it() {
        let directory = tempfile::tempdir().unwrap();
        let first = open_or_create(directory.path()).unwrap();
        let mode = std::fs::metadata(directory.path().join(FILE)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let again = open_or_create(directory.path()).unwrap();
        assert_eq!(first.public_key(), again.public_key());
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_key_that_others_can_read_or_that_is_none_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        open_or_create(directory.path()).unwrap();
        let path = directory.path().join(FILE);
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o640)).unwrap();
        assert!(matches!(open_or_create(directory.path()), Err(HostKeyError::Exposed(_))));
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o600)).unwrap();
        std::fs::write(&path, "cut short").unwrap();
        assert!(matches!(open_or_create(directory.path()), Err(HostKeyError::Unreadable(..))));
    }
}
