//! Replacing small files so that a crash leaves the old or the new one, never a part.
//!
//! New contents are written beside the old under another name and renamed into place, in order;
//! one sync at the end makes all of it durable. One for any number of files,
//! since each costs an emulated disk a tenth of a second. There is none between writing and
//! renaming: the root of every desktop is ext4, which writes a file's contents out before it
//! keeps a rename over another. So where every file replaces one, as in a fork, it is enough that the journal is
//! written up to the last rename; what others have written and not synced may wait. Where there was no other a
//! crash would leave an empty file, so then the whole file system is synced. A file that already has the wanted contents
//! is left alone.
//!
//! Where the disk is full, or has no inode left, there is nothing to write beside the old. Then a small file is written
//! over in its own blocks, which is less safe in a crash and takes nothing: a full disk must not keep its owner out.
//!
//! Directories are held open and used by descriptor, and links at the last step are not
//! followed, because one of them lies in the home of the session's user.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, FileType, IFlags, Mode, OFlags};
use rustix::io::Errno;

use super::System;

/// Largest file looked at, bytes; those kept here are a few hundred.
const MAX_READ: u64 = 4 * 1024 * 1024;

#[derive(Debug, thiserror::Error)]
#[error("{}", .path.display())]
pub struct FileError {
    path: PathBuf,
    #[source]
    source: io::Error,
}

impl FileError {
    pub(super) fn new(path: impl Into<PathBuf>, source: impl Into<io::Error>) -> Self {
        Self { path: path.into(), source: source.into() }
    }
}

/// Mode and owner of a file.
#[derive(Debug, Clone, Copy)]
pub struct Permissions {
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
}

impl Permissions {
    pub const fn root(mode: u32) -> Self {
        Self { mode, uid: 0, gid: 0 }
    }
}

/// The desktop's file system, below a root that tests can choose.
pub struct Tree<'a> {
    root: PathBuf,
    pub(super) system: &'a dyn System,
}

impl<'a> Tree<'a> {
    pub fn new(root: &Path, system: &'a dyn System) -> Self {
        Self { root: root.to_owned(), system }
    }

    /// Where `path`, written without a leading slash, is.
    pub fn at(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// A whole file, `None` where there is none.
    pub fn read(&self, path: &str) -> Result<Option<Vec<u8>>, FileError> {
        let path = self.at(path);
        // What waits for somebody at its other end is no file of ours.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = match rustix::fs::open(&path, flags, Mode::empty()) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(error) => return Err(FileError::new(path, error)),
        };
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(FileError::new(path, io::Error::other("not a regular file")));
        }
        let mut bytes = Vec::new();
        file.take(MAX_READ).read_to_end(&mut bytes).map_err(|error| FileError::new(path, error))?;
        Ok(Some(bytes))
    }

    /// Takes away what would keep a file of the platform's from being replaced or removed: a directory in its place, or a
    /// flag that makes it unchangeable. The file itself stays.
    pub fn clear_way(&self, path: &str) -> Result<(), FileError> {
        let path = self.at(path);
        let told = |error: io::Error| FileError::new(&path, error);
        let Ok(found) = std::fs::symlink_metadata(&path) else { return Ok(()) };
        if found.is_dir() {
            return std::fs::remove_dir_all(&path).map_err(told);
        }
        if !found.is_file() {
            return Ok(());
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::open(&path, flags, Mode::empty()).map_err(|error| told(error.into()))?;
        // A file system without such flags has none in the way.
        let Ok(now) = rustix::fs::ioctl_getflags(&file) else { return Ok(()) };
        let fixed = IFlags::IMMUTABLE | IFlags::APPEND;
        if now.intersects(fixed) {
            rustix::fs::ioctl_setflags(&file, now - fixed).map_err(|error| told(error.into()))?;
        }
        Ok(())
    }

    /// Removes a file of the platform's, and whatever else has its name.
    pub fn remove(&self, path: &str) -> Result<(), FileError> {
        self.clear_way(path)?;
        let path = self.at(path);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FileError::new(path, error)),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    pub fn stage(&self) -> Staged<'_> {
        Staged { tree: self, pending: Vec::new(), synced_by: None, any_new: false }
    }
}

/// Contents written aside, not yet in place. Dropped, they are taken away again.
pub struct Staged<'a> {
    tree: &'a Tree<'a>,
    pending: Vec<Pending>,
    /// The directory of the latest one that is in place, to sync by.
    synced_by: Option<OwnedFd>,
    /// Whether one is in place that has not replaced another.
    any_new: bool,
}

struct Pending {
    directory: OwnedFd,
    name: String,
    path: PathBuf,
    how: How,
}

/// How what is pending gets into its place.
enum How {
    /// It is there under another name.
    Renamed { aside: String },
    /// There is no room for another name: its bytes go where the old ones are.
    Over { bytes: Vec<u8>, permissions: Permissions },
}

impl Staged<'_> {
    /// Wants `name` in `directory` (which is made if missing) to hold `bytes`.
    pub fn replace(
        &mut self,
        directory: &str,
        name: &str,
        bytes: &[u8],
        permissions: Permissions,
    ) -> Result<(), FileError> {
        let path = self.tree.at(directory);
        std::fs::create_dir_all(&path).map_err(|error| FileError::new(&path, error))?;
        let held = rustix::fs::open(&path, directory_flags() & !OFlags::NOFOLLOW, Mode::empty())
            .map_err(|error| FileError::new(&path, error))?;
        self.replace_in(held, path.join(name), name, bytes, permissions)
    }

    /// The same in a directory that is held open; `path` is for telling.
    pub fn replace_in(
        &mut self,
        directory: OwnedFd,
        path: PathBuf,
        name: &str,
        bytes: &[u8],
        permissions: Permissions,
    ) -> Result<(), FileError> {
        if is_already(&directory, name, bytes, permissions) {
            return Ok(());
        }
        let how = match self.write_aside(&directory, name, bytes, permissions) {
            Ok(aside) => How::Renamed { aside },
            Err(full) if is_full(&full) && has_room_over(&directory, name, bytes.len()) => {
                How::Over { bytes: bytes.to_vec(), permissions }
            }
            Err(error) => return Err(FileError::new(path, error)),
        };
        self.pending.push(Pending { directory, name: name.to_owned(), path, how });
        Ok(())
    }

    fn write_aside(
        &self,
        directory: &OwnedFd,
        name: &str,
        bytes: &[u8],
        permissions: Permissions,
    ) -> io::Result<String> {
        let aside = aside_name(name);
        remove_at(directory, &aside)?;
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let file = rustix::fs::openat(directory, &aside, flags, Mode::from_raw_mode(0o600))?;
        let mut file = File::from(file);
        let written = (|| {
            file.write_all(bytes)?;
            rustix::fs::fchmod(&file, Mode::from_raw_mode(permissions.mode))?;
            self.tree.system.give(file.as_fd(), permissions.uid, permissions.gid)
        })();
        match written {
            Ok(()) => Ok(aside),
            Err(error) => {
                let _ = remove_at(directory, &aside);
                Err(error)
            }
        }
    }

    /// Wants `name` in `directory` to be a symbolic link to `target`.
    pub fn link(&mut self, directory: &str, name: &str, target: &str) -> Result<(), FileError> {
        let path = self.tree.at(directory);
        if std::fs::read_link(path.join(name)).is_ok_and(|now| now == Path::new(target)) {
            return Ok(());
        }
        let told = |error: Errno| FileError::new(path.join(name), error);
        std::fs::create_dir_all(&path).map_err(|error| FileError::new(&path, error))?;
        let held =
            rustix::fs::open(&path, directory_flags() & !OFlags::NOFOLLOW, Mode::empty()).map_err(told)?;
        let aside = aside_name(name);
        remove_at(&held, &aside).map_err(|error| FileError::new(path.join(name), error))?;
        rustix::fs::symlinkat(target, &held, &aside).map_err(told)?;
        let (path, how) = (path.join(name), How::Renamed { aside });
        self.pending.push(Pending { directory: held, name: name.to_owned(), path, how });
        Ok(())
    }

    /// Puts all but the one staged last in place. Not durable yet.
    pub fn place_all_but_last(&mut self) -> Result<(), FileError> {
        let last = self.pending.pop();
        self.place()?;
        self.pending.extend(last);
        Ok(())
    }

    /// Puts those of `other` in place, as far as that can be done. They become durable with what is staged here.
    pub fn place_of(&mut self, mut other: Staged<'_>) -> Result<(), FileError> {
        let placed = other.place();
        self.any_new |= other.any_new;
        self.synced_by = other.synced_by.take().or(self.synced_by.take());
        placed
    }

    /// Puts what is left in place and makes that durable.
    pub fn finish(mut self) -> Result<(), FileError> {
        self.place()?;
        self.sync()
    }

    fn place(&mut self) -> Result<(), FileError> {
        while let Some(Pending { directory, name, path, how }) = self.pending.first() {
            let told = |error: io::Error| FileError::new(path, error);
            match how {
                How::Renamed { aside } => {
                    let replaced = rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW);
                    self.any_new |= !replaced.is_ok_and(|stat| stat.st_size > 0);
                    rustix::fs::renameat(directory, aside, directory, name).map_err(|e| told(e.into()))?;
                }
                How::Over { bytes, permissions } => {
                    write_over(self.tree.system, directory, name, bytes, *permissions).map_err(told)?;
                    self.any_new = true;
                }
            }
            self.synced_by = Some(self.pending.remove(0).directory);
        }
        Ok(())
    }

    /// All of them are on one file system, so one descriptor stands for all.
    fn sync(&self) -> Result<(), FileError> {
        let Some(latest) = &self.synced_by else { return Ok(()) };
        let system = self.tree.system;
        let synced = if self.any_new { system.sync(latest.as_fd()) } else { system.commit(latest.as_fd()) };
        synced.map_err(|error| FileError::new(&self.tree.root, error))
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        for Pending { directory, how, .. } in &self.pending {
            if let How::Renamed { aside } = how {
                // The next run takes away what this one can't.
                let _ = remove_at(directory, aside);
            }
        }
    }
}

/// A directory itself, never what a link in its place points to.
pub(super) fn directory_flags() -> OFlags {
    OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC
}

fn aside_name(name: &str) -> String {
    format!(".{name}.rolltop-new")
}

fn remove_at(directory: &OwnedFd, name: &str) -> io::Result<()> {
    match rustix::fs::unlinkat(directory, name, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The file itself, to be written over: an ordinary one with no other name.
fn open_to_write_over(directory: &OwnedFd, name: &str) -> io::Result<(File, rustix::fs::Stat)> {
    let flags = OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::openat(directory, name, flags, Mode::empty())?;
    let stat = rustix::fs::fstat(&file)?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile || stat.st_nlink != 1 {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((file.into(), stat))
}

/// Whether that many bytes fit into the blocks that a file has.
fn has_room_over(directory: &OwnedFd, name: &str, length: usize) -> bool {
    /// What `st_blocks` counts, bytes.
    const UNIT: u64 = 512;
    let Ok((_, stat)) = open_to_write_over(directory, name) else { return false };
    u64::try_from(stat.st_blocks).is_ok_and(|blocks| blocks.saturating_mul(UNIT) >= length as u64)
}

fn write_over(
    system: &dyn System,
    directory: &OwnedFd,
    name: &str,
    bytes: &[u8],
    permissions: Permissions,
) -> io::Result<()> {
    let (mut file, _) = open_to_write_over(directory, name)?;
    // Nobody reads what is half there who may not read what comes.
    rustix::fs::fchmod(&file, Mode::from_raw_mode(permissions.mode))?;
    system.give(file.as_fd(), permissions.uid, permissions.gid)?;
    file.write_all(bytes)?;
    file.set_len(bytes.len() as u64)
}

/// Whether there is nothing to do. Anything unexpected counts as no.
fn is_already(directory: &OwnedFd, name: &str, bytes: &[u8], permissions: Permissions) -> bool {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(file) = rustix::fs::openat(directory, name, flags, Mode::empty()) else { return false };
    let Ok(stat) = rustix::fs::fstat(&file) else { return false };
    if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile
        || stat.st_mode & 0o7777 != permissions.mode
        || stat.st_nlink != 1
        || u64::try_from(stat.st_size) != Ok(bytes.len() as u64)
    {
        return false;
    }
    let mut now = Vec::with_capacity(bytes.len());
    File::from(file).take(bytes.len() as u64 + 1).read_to_end(&mut now).is_ok() && now == bytes
}
