//! A place for unfinished files beside the finished ones.
//!
//! One builder works in a directory at a time. What a crash leaves behind has a name that says
//! so, and the next builder removes it.

use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::build::{BuildError, file_error};

/// What the names of unfinished things begin with.
const PREFIX: &str = ".building-";
const LOCK: &str = ".lock";

/// An empty directory, removed when dropped; holds the lock on its parent.
#[derive(Debug)]
pub(crate) struct Workspace {
    path: PathBuf,
    lock: File,
}

impl Workspace {
    /// Locks `parent`, removes what earlier builders left there, and makes an empty directory.
    pub(crate) fn open(parent: &Path) -> Result<Self, BuildError> {
        fs::create_dir_all(parent).map_err(file_error("make", parent))?;
        let lock_path = parent.join(LOCK);
        let lock = File::create(&lock_path).map_err(file_error("make", &lock_path))?;
        match lock.try_lock() {
            Ok(()) => (),
            Err(TryLockError::WouldBlock) => return Err(BuildError::Busy),
            Err(TryLockError::Error(source)) => return Err(file_error("lock", &lock_path)(source)),
        }
        remove_leftovers(parent).map_err(file_error("tidy", parent))?;
        let path = parent.join(format!("{PREFIX}{}", std::process::id()));
        fs::create_dir(&path).map_err(file_error("make", &path))?;
        Ok(Self { path, lock })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Workspace {
    fn drop(&mut self) {
        if let Err(error) = fs::remove_dir_all(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "unfinished files stay until the next build");
        }
        // Closing it is not enough: a program that was just being started elsewhere has it open for a moment, too.
        if let Err(error) = self.lock.unlock() {
            tracing::warn!(path = %self.path.display(), %error, "others may have to wait with what they build");
        }
    }
}

fn remove_leftovers(parent: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_dir_all(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_crash_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let leftover = parent.path().join(".building-1/root/etc");
        let finished = parent.path().join("desk@0123456789ab");
        fs::create_dir_all(&leftover).unwrap();
        fs::create_dir_all(&finished).unwrap();
        let workspace = Workspace::open(parent.path()).unwrap();
        assert!(!leftover.exists() && finished.exists() && workspace.path().exists());
        let path = workspace.path().to_owned();
        drop(workspace);
        assert!(!path.exists() && finished.exists());
    }

    #[test]
    fn one_builder_at_a_time() {
        let parent = tempfile::tempdir().unwrap();
        let first = Workspace::open(parent.path()).unwrap();
        assert!(matches!(Workspace::open(parent.path()), Err(BuildError::Busy)));
        assert!(first.path().exists(), "a refused builder leaves the other's files alone");
        drop(first);
        assert!(Workspace::open(parent.path()).is_ok());
    }
}
