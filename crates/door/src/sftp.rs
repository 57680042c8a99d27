//! Files of a desktop, as its session's user sees them.
//!
//! The server is `sftp-server` run as that user on a channel of the door, and is kept for the next
//! request; paths mean what they mean there. Several requests are under way at a time, and what a
//! slow reader or writer makes us hold is bounded. What the server says is a guest's: names that
//! could lead out of a folder are left out, lists and numbers are bounded.

mod read;
mod write;

use std::sync::Arc;

use rolltop_guest_protocol::SESSION_USER;
use russh_sftp::client::error::Error;
use russh_sftp::client::{Config, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use tokio_util::sync::CancellationToken;

use crate::channel::{ChannelError, DoorChannel};
use crate::door::Door;

pub use read::RemoteFile;
pub use write::RemoteWriter;

/// Where Debian keeps it.
const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";
/// Long, because an emulated guest under load may take seconds to answer.
const REQUEST_SECONDS: u64 = 60;
/// Replaces what is at the new name, in one step.
const POSIX_RENAME: &str = "posix-rename@openssh.com";
/// Most entries of one folder that are listed.
pub const MOST_ENTRIES: usize = 10_000;

#[derive(Debug, thiserror::Error)]
pub enum SftpError {
    #[error("no channel for files")]
    Channel(#[from] ChannelError),
    #[error("the desktop has no file server")]
    NoServer,
    #[error("there is no such file")]
    NotFound,
    #[error("the desktop's user may not do this")]
    Denied,
    #[error("it is not a regular file")]
    NotAFile,
    /// The server says no more than that.
    #[error("the desktop's file server refused")]
    Refused,
    #[error("the desktop's file server failed")]
    Server(#[source] Error),
}

impl From<Error> for SftpError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Status(status) => match status.status_code {
                StatusCode::NoSuchFile => SftpError::NotFound,
                StatusCode::PermissionDenied => SftpError::Denied,
                StatusCode::Failure => SftpError::Refused,
                StatusCode::Ok
                | StatusCode::Eof
                | StatusCode::BadMessage
                | StatusCode::NoConnection
                | StatusCode::ConnectionLost
                | StatusCode::OpUnsupported => SftpError::Server(error),
            },
            Error::IO(_)
            | Error::Timeout
            | Error::Limited(_)
            | Error::UnexpectedPacket
            | Error::UnexpectedBehavior(_) => SftpError::Server(error),
        }
    }
}

/// What something at a path is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    File,
    Folder,
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// What is known of something at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileInfo {
    pub kind: FileKind,
    /// Bytes.
    pub size: u64,
    /// The permission bits.
    pub mode: u32,
    /// Seconds since 1970.
    pub modified: u32,
}

impl From<FileAttributes> for FileInfo {
    fn from(attributes: FileAttributes) -> Self {
        let bits = attributes.permissions.unwrap_or(0);
        let kind = match bits & 0o170_000 {
            0o100_000 => FileKind::File,
            0o040_000 => FileKind::Folder,
            0o120_000 => FileKind::Link,
            _ => FileKind::Other,
        };
        let (size, modified) = (attributes.size.unwrap_or(0), attributes.mtime.unwrap_or(0));
        Self { kind, size, mode: bits & 0o7777, modified }
    }
}

/// The entries of a folder, in the server's order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    pub entries: Vec<(String, FileInfo)>,
    /// There are more than [`MOST_ENTRIES`].
    pub truncated: bool,
}

/// A folder that is being gone through.
pub struct RemoteFolder(Held);

impl RemoteFolder {
    /// Some more of what is in it; `None` at its end.
    pub async fn more(&mut self) -> Result<Option<Vec<(String, FileInfo)>>, SftpError> {
        let names = match self.0.session().readdir(self.0.name()).await {
            Ok(names) => names.files,
            Err(Error::Status(status)) if status.status_code == StatusCode::Eof => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let plain = names.into_iter().filter(|file| is_plain_name(&file.filename));
        Ok(Some(plain.map(|file| (file.filename, file.attrs.into())).collect()))
    }
}

impl Door {
    /// The desktop's file server; the same one for all callers while it lives.
    pub async fn sftp(&self) -> Result<Sftp, SftpError> {
        let mut kept = self.sftp.lock().await;
        if let Some(sftp) = kept.as_ref().filter(|sftp| !sftp.ended.is_cancelled()) {
            return Ok(sftp.clone());
        }
        let sftp = self.start_sftp().await?;
        *kept = Some(sftp.clone());
        Ok(sftp)
    }

    async fn start_sftp(&self) -> Result<Sftp, SftpError> {
        let channel = self.session().await?;
        let command = format!("sudo -n -u {SESSION_USER} {SFTP_SERVER}");
        channel.exec(false, command).await.map_err(|_| ChannelError::Closed)?;
        let channel = DoorChannel::over(channel);
        let ended = channel.ended();
        let config = Config { request_timeout_secs: REQUEST_SECONDS, ..Config::default() };
        let session = RawSftpSession::new_with_config(channel, config);
        session.init().await.map_err(|_| SftpError::NoServer)?;
        Ok(Sftp { session: Arc::new(session), ended })
    }
}

/// A file server in a desktop. Clones share it.
#[derive(Clone)]
pub struct Sftp {
    session: Arc<RawSftpSession>,
    ended: CancellationToken,
}

impl Sftp {
    /// What is at a path, links followed.
    pub async fn info(&self, path: &str) -> Result<FileInfo, SftpError> {
        Ok(self.session.stat(path).await?.attrs.into())
    }

    /// What is at a path, a link as such.
    pub async fn link_info(&self, path: &str) -> Result<FileInfo, SftpError> {
        Ok(self.session.lstat(path).await?.attrs.into())
    }

    /// The path without links, `.` and `..`, of something that is there.
    pub async fn real_path(&self, path: &str) -> Result<String, SftpError> {
        let names = self.session.realpath(path).await?;
        names.files.into_iter().next().map(|file| file.filename).ok_or(SftpError::NotFound)
    }

    /// What is in a folder.
    pub async fn list(&self, path: &str) -> Result<Listing, SftpError> {
        let mut folder = self.open_folder(path).await?;
        let mut listing = Listing::default();
        while let Some(more) = folder.more().await? {
            for entry in more {
                if listing.entries.len() >= MOST_ENTRIES {
                    listing.truncated = true;
                    return Ok(listing);
                }
                listing.entries.push(entry);
            }
        }
        Ok(listing)
    }

    /// Opens a folder, to go through what is in it however much it is.
    pub async fn open_folder(&self, path: &str) -> Result<RemoteFolder, SftpError> {
        Ok(RemoteFolder(Held::new(&self.session, self.session.opendir(path).await?.handle)))
    }

    /// Opens a regular file for reading.
    pub async fn read_file(&self, path: &str) -> Result<RemoteFile, SftpError> {
        // Before opening: to open a named pipe would hold up the server.
        regular(self.info(path).await?)?;
        let handle = self.session.open(path, OpenFlags::READ, FileAttributes::empty()).await?.handle;
        let handle = Held::new(&self.session, handle);
        let info = regular(self.session.fstat(handle.name()).await?.attrs.into())?;
        Ok(RemoteFile::new(handle, info))
    }

    /// Opens a file for writing from `offset` on, which must not be after its end; what is there
    /// from `offset` on is cut off. At 0 it is made if it is not there, for its owner alone.
    pub async fn write_file(&self, path: &str, offset: u64) -> Result<RemoteWriter, SftpError> {
        let mut flags = OpenFlags::WRITE;
        if offset == 0 {
            flags |= OpenFlags::CREATE | OpenFlags::TRUNCATE;
        }
        let private = FileAttributes { permissions: Some(0o600), ..FileAttributes::empty() };
        let handle = Held::new(&self.session, self.session.open(path, flags, private).await?.handle);
        let info = regular(self.session.fstat(handle.name()).await?.attrs.into())?;
        if info.size < offset {
            return Err(SftpError::Refused);
        }
        if info.size > offset {
            let cut = FileAttributes { size: Some(offset), ..FileAttributes::empty() };
            self.session.fsetstat(handle.name(), cut).await?;
        }
        Ok(RemoteWriter::new(handle, offset))
    }

    pub async fn make_folder(&self, path: &str) -> Result<(), SftpError> {
        self.session.mkdir(path, FileAttributes::empty()).await?;
        Ok(())
    }

    /// Sets the permission bits.
    pub async fn set_mode(&self, path: &str, mode: u32) -> Result<(), SftpError> {
        let attributes = FileAttributes { permissions: Some(mode & 0o7777), ..FileAttributes::empty() };
        self.session.setstat(path, attributes).await?;
        Ok(())
    }

    /// Moves, but not over what is there.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), SftpError> {
        self.session.rename(from, to).await?;
        Ok(())
    }

    /// Moves, in one step over a file that is there.
    pub async fn replace(&self, from: &str, to: &str) -> Result<(), SftpError> {
        let mut data = Vec::with_capacity(from.len() + to.len() + 8);
        for path in [from, to] {
            data.extend_from_slice(&(path.len() as u32).to_be_bytes());
            data.extend_from_slice(path.as_bytes());
        }
        match self.session.extended(POSIX_RENAME, data).await? {
            Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
            Packet::Status(status) => Err(Error::Status(status).into()),
            _ => Err(Error::UnexpectedPacket.into()),
        }
    }

    /// Takes away a file or a link.
    pub async fn remove_file(&self, path: &str) -> Result<(), SftpError> {
        self.session.remove(path).await?;
        Ok(())
    }

    /// Takes away an empty folder.
    pub async fn remove_folder(&self, path: &str) -> Result<(), SftpError> {
        self.session.rmdir(path).await?;
        Ok(())
    }
}

fn regular(info: FileInfo) -> Result<FileInfo, SftpError> {
    if info.kind == FileKind::File { Ok(info) } else { Err(SftpError::NotAFile) }
}

/// Whether a name is one, rather than a way to somewhere else.
fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && !name.contains(['/', '\0'])
}

/// An open handle; closed with its last clone.
#[derive(Clone)]
struct Held(Arc<Closing>);

struct Closing {
    session: Arc<RawSftpSession>,
    name: String,
}

impl Held {
    fn new(session: &Arc<RawSftpSession>, name: String) -> Self {
        Self(Arc::new(Closing { session: session.clone(), name }))
    }

    fn name(&self) -> &str {
        &self.0.name
    }

    fn session(&self) -> &RawSftpSession {
        &self.0.session
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let (session, name) = (self.session.clone(), std::mem::take(&mut self.name));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // An error means that the server is gone, and the handle with it.
                let _ = session.close(name).await;
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_lead_elsewhere_are_none() {
        assert!(is_plain_name("a b.txt") && is_plain_name("..."));
        for name in ["", ".", "..", "../x", "a/b", "/etc", "a\0b"] {
            assert!(!is_plain_name(name), "{name:?}");
        }
    }

    #[test]
    fn a_socket_is_no_file_though_it_has_the_same_bit() {
        let kind =
            |bits| FileInfo::from(FileAttributes { permissions: Some(bits), ..FileAttributes::empty() }).kind;
        assert_eq!(kind(0o140_644), FileKind::Other);
        assert_eq!(kind(0o100_644), FileKind::File);
        assert_eq!(kind(0o120_777), FileKind::Link);
        assert_eq!(kind(0), FileKind::Other);
    }
}
