//! Files of a desktop, as its session's user may touch them.
//!
//! Paths are absolute and mean what they mean in the desktop: nothing here normalises them. What
//! is saved is written under another name in the same folder and takes its own in one step, so
//! that nobody finds half a file.

pub(crate) mod archive;
pub(crate) mod save;
pub(crate) mod tag;

use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::Timestamp;
use rolltop_api_types::{self as api, FileEntry, FileList};
use rolltop_boxed::boxed;
use rolltop_door::{Door, ExecLimits, FileInfo, FileKind, Sftp, SftpError};
use rolltop_model::Use;
use sha2::{Digest, Sha256};
use std::io;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt;

use crate::inside::enter::EnterError;
use crate::inside::enter::{Waking, unavailable};
use crate::inside::files::tag::Tag;
use crate::inside::notes::Reason;
use crate::inside::uses::{Comes, UseGuard};
use crate::kernel::caller::purpose::{ReadFiles, WriteFiles};
use crate::kernel::caller::{DesktopAccess, Inside};
use crate::kernel::control::Control;
use crate::kernel::error::explained;

const LONGEST_PATH: usize = 4096;
/// A file of up to this many bytes is tagged by what is in it, a longer one by its state in the file system.
const READ_WHOLE: u64 = 1024 * 1024;
/// Links of one folder that are followed to say what they lead to.
const LINKS_FOLLOWED: usize = 200;
/// For a desktop to copy or remove a whole folder.
const FOLDER_LIMITS: ExecLimits = ExecLimits { max_output: 64 * 1024, timeout: Duration::from_secs(900) };

explained! {
    pub enum FileError: Enter(EnterError) {
        BadPath => InvalidPath in "path", "A path inside a desktop begins with / and has at most 4096 bytes.";
        NoSuchFile => FileNotFound, "There is no such file.";
        Denied => FileDenied, "The desktop's user may not do this.";
        NotAFile => NotAFile, "It is not a regular file.";
        NotAFolder => NotAFolder, "It is not a folder.";
        Exists => FileExists, "There is already something of this name.";
        NotEmpty => FolderNotEmpty, "The folder is not empty.";
        Changed => FileChanged, "The file has changed since it was read.";
        /// So much of the upload has arrived.
        WrongOffset(u64) => WrongOffset, "The upload goes on at byte {0}.";
        BrokenOff => UploadBrokenOff, "The upload broke off.";
        Refused => FileRefused, "The desktop did not do this; its disk may be full.";
    }
}

impl From<SftpError> for FileError {
    fn from(error: SftpError) -> Self {
        match error {
            SftpError::NotFound => FileError::NoSuchFile,
            SftpError::Denied => FileError::Denied,
            SftpError::NotAFile => FileError::NotAFile,
            SftpError::Refused => FileError::Refused,
            SftpError::Channel(_) | SftpError::NoServer | SftpError::Server(_) => unavailable(error).into(),
        }
    }
}

fn entry(name: &str, info: &FileInfo, target: Option<FileKind>) -> FileEntry {
    FileEntry {
        name: name.to_owned(),
        kind: kind(info.kind),
        target_kind: target.map(kind),
        size: info.size,
        mode: format!("{:04o}", info.mode),
        modified_at: Timestamp::from_second(info.modified.into()).unwrap_or_default(),
    }
}

fn kind(kind: FileKind) -> api::FileKind {
    match kind {
        FileKind::File => api::FileKind::File,
        FileKind::Folder => api::FileKind::Folder,
        FileKind::Link => api::FileKind::Link,
        FileKind::Other => api::FileKind::Other,
    }
}

/// A file opened for reading.
pub struct OpenFile {
    /// Bytes.
    pub size: u64,
    pub tag: Tag,
    content: Content,
}

enum Content {
    Whole(Bytes),
    /// The desktop is in use until the last of it is read.
    Remote(Box<rolltop_door::RemoteFile>, Arc<UseGuard>),
}

impl OpenFile {
    /// Exactly these bytes, which must be within the file, or an error.
    pub fn part(self, first: u64, length: u64) -> BoxStream<'static, io::Result<Bytes>> {
        match self.content {
            Content::Whole(bytes) => {
                let first = usize::try_from(first).unwrap_or(usize::MAX).min(bytes.len());
                let end =
                    first.saturating_add(usize::try_from(length).unwrap_or(usize::MAX)).min(bytes.len());
                futures::stream::iter([Ok(bytes.slice(first..end))]).boxed()
            }
            Content::Remote(file, place) => {
                let part = file.part(first, length);
                part.inspect(move |_| {
                    let _held = &place;
                })
                .boxed()
            }
        }
    }
}

#[boxed]
impl Control {
    /// A desktop's files. Reading is noted each time, the rest once an hour.
    pub async fn files<P: Inside>(&self, access: &DesktopAccess<P>) -> Result<Files<P>, FileError> {
        self.files_for(access, Reason::Files).await
    }

    /// A regular file by its absolute path.
    pub async fn read_file(
        &self,
        access: &DesktopAccess<ReadFiles>,
        path: &str,
    ) -> Result<OpenFile, FileError> {
        checked(path)?;
        self.files_for(access, Reason::ReadFile).await?.open(path).await
    }

    async fn files_for<P: Inside>(
        &self,
        access: &DesktopAccess<P>,
        reason: Reason,
    ) -> Result<Files<P>, FileError> {
        let place = self.kernel.place(access, Use::Files, Comes::Person).await.map_err(EnterError::from)?;
        let place = place.ok_or(EnterError::NotRunning)?;
        let door = self.enter(access, reason, &place, Waking::Wake).await?;
        let coming = self.kernel.coming(access.desktop);
        let sftp = coming.with(door.sftp().await)?;
        Ok(Files { door, sftp, place: Arc::new(place), purpose: PhantomData })
    }
}

/// The way to one desktop's files, to read them or to write them as the ticket was for.
#[derive(Clone)]
pub struct Files<P> {
    door: Arc<Door>,
    sftp: Sftp,
    place: Arc<UseGuard>,
    purpose: PhantomData<fn() -> P>,
}

impl Files<ReadFiles> {
    pub async fn list(&self, path: &str) -> Result<FileList, FileError> {
        checked(path)?;
        if self.sftp.info(path).await?.kind != FileKind::Folder {
            return Err(FileError::NotAFolder);
        }
        let real = self.sftp.real_path(path).await?;
        let listing = self.sftp.list(&real).await?;
        let mut items: Vec<_> =
            listing.entries.into_iter().map(|(name, info)| entry(&name, &info, None)).collect();
        let is_link = |entry: &&mut FileEntry| entry.kind == api::FileKind::Link;
        let links = items.iter_mut().filter(is_link).take(LINKS_FOLLOWED);
        futures::future::join_all(links.map(async |entry| {
            // A link may lead nowhere, which is no trouble of the list's.
            let target = self.sftp.info(&joined(&real, &entry.name)).await.ok();
            entry.target_kind = target.map(|info| kind(info.kind));
        }))
        .await;
        items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(FileList { path: real, items, truncated: listing.truncated })
    }

    /// What is at a path, a link as such.
    pub async fn info(&self, path: &str) -> Result<FileEntry, FileError> {
        checked(path)?;
        self.entry(path).await
    }
}

impl<P> Files<P> {
    async fn entry(&self, path: &str) -> Result<FileEntry, FileError> {
        let info = self.sftp.link_info(path).await?;
        let target = match info.kind {
            FileKind::Link => self.sftp.info(path).await.ok().map(|info| info.kind),
            FileKind::File | FileKind::Folder | FileKind::Other => None,
        };
        Ok(entry(name_of(path), &info, target))
    }

    async fn open(&self, path: &str) -> Result<OpenFile, FileError> {
        let mut file = self.sftp.read_file(path).await?;
        if file.info().size > READ_WHOLE {
            let before = self.state(path).await;
            file = self.sftp.read_file(path).await?;
            let after = self.state(path).await;
            let info = file.info();
            let tag = match before {
                Some(state) if after.as_ref() == Some(&state) => Tag::strong(state),
                Some(_) | None => Tag::weak(format!("{}-{}", info.modified, info.size)),
            };
            return Ok(OpenFile {
                size: info.size,
                tag,
                content: Content::Remote(Box::new(file), self.place.clone()),
            });
        }
        let mut whole = Vec::new();
        file.reader().read_to_end(&mut whole).await.map_err(unavailable)?;
        let tag = Sha256::digest(&whole).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // What was read is what is sent, whatever size it was said to have.
        Ok(OpenFile {
            size: whole.len() as u64,
            tag: Tag::strong(tag),
            content: Content::Whole(whole.into()),
        })
    }

    async fn is_there(&self, path: &str) -> bool {
        self.sftp.link_info(path).await.is_ok()
    }
}

impl Files<WriteFiles> {
    pub async fn make_folder(&self, path: &str) -> Result<FileEntry, FileError> {
        checked(path)?;
        match self.sftp.make_folder(path).await {
            Err(SftpError::Refused) if self.is_there(path).await => return Err(FileError::Exists),
            made => made?,
        }
        self.entry(path).await
    }

    /// Sets the permission bits of what is at a path, links followed.
    pub async fn set_mode(&self, path: &str, mode: u32) -> Result<FileEntry, FileError> {
        checked(path)?;
        self.sftp.set_mode(path, mode).await?;
        self.entry(path).await
    }

    /// Moves; what is at the new path is replaced only if that is wanted and it is no folder.
    pub async fn rename(&self, from: &str, to: &str, replace: bool) -> Result<FileEntry, FileError> {
        checked(from)?;
        checked(to)?;
        self.sftp.link_info(from).await?;
        if !replace && self.is_there(to).await {
            return Err(FileError::Exists);
        }
        let moved =
            if replace { self.sftp.replace(from, to).await } else { self.sftp.rename(from, to).await };
        match moved {
            // Another disk, into itself, over a folder: the server does not say which.
            Err(SftpError::Refused) if self.is_there(to).await => return Err(FileError::Exists),
            moved => moved?,
        }
        self.entry(to).await
    }

    /// Copies a file, or a folder with all that is in it; the desktop does it by itself.
    pub async fn copy(&self, from: &str, to: &str) -> Result<FileEntry, FileError> {
        checked(from)?;
        checked(to)?;
        self.sftp.link_info(from).await?;
        if self.is_there(to).await {
            return Err(FileError::Exists);
        }
        self.run(&format!("cp -aT -- {} {}", quoted(from), quoted(to))).await?;
        self.entry(to).await
    }

    /// Takes away a file or an empty folder, or with `all` a folder with all that is in it.
    pub async fn remove(&self, path: &str, all: bool) -> Result<(), FileError> {
        checked(path)?;
        if self.sftp.link_info(path).await?.kind != FileKind::Folder {
            return Ok(self.sftp.remove_file(path).await?);
        }
        if all {
            return self.run(&format!("rm -rf -- {}", quoted(path))).await;
        }
        match self.sftp.remove_folder(path).await {
            Err(SftpError::Refused) => Err(FileError::NotEmpty),
            removed => Ok(removed?),
        }
    }

    /// A command of the session's user.
    async fn run(&self, command: &str) -> Result<(), FileError> {
        let command = format!("sudo -n -u {} {command}", rolltop_guest_protocol::SESSION_USER);
        match self.door.exec(&command, "", FOLDER_LIMITS).await {
            Ok(output) if output.succeeded() => Ok(()),
            Ok(output) if output.stderr.windows(17).any(|text| text == b"Permission denied") => {
                Err(FileError::Denied)
            }
            Ok(_) => Err(FileError::Refused),
            Err(error) => Err(unavailable(error).into()),
        }
    }
}

fn checked(path: &str) -> Result<(), FileError> {
    if path.starts_with('/') && path.len() <= LONGEST_PATH && !path.contains('\0') {
        Ok(())
    } else {
        Err(FileError::BadPath)
    }
}

/// As one word for a shell, whatever is in it.
fn quoted(path: &str) -> String {
    format!("'{}'", path.replace('\'', r"'\''"))
}

fn name_of(path: &str) -> &str {
    path.trim_end_matches('/').rsplit('/').next().unwrap_or_default()
}

fn joined(folder: &str, name: &str) -> String {
    format!("{}/{name}", folder.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stays_one_word() {
        assert_eq!(quoted("/a b/$(x)"), "'/a b/$(x)'");
        assert_eq!(quoted("/it's"), r"'/it'\''s'");
    }

    #[test]
    fn only_absolute_paths_of_bounded_length_are_paths() {
        assert!(checked("/home/../etc").is_ok(), "what it means is the desktop's business");
        for bad in ["", "home", "/a\0b", &format!("/{}", "x".repeat(4096))] {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
    }
}
