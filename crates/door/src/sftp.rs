//! Files of a desktop, as its session's user sees them.
//!
//! The server is `sftp-server` run as that user on a channel of the door, and is kept for the next
//! request; paths mean what they mean there. Several requests are under way at a time, and what a
//! slow reader or writer makes us hold is bounded. What the server says is a guest's: names that
//! could lead out of a folder are left out, and lists, names and handles are bounded in bytes. A server
//! that leaves a question unanswered is not asked by whoever comes later, and what waits to be written to it
//! goes with its last user.

mod ending;
mod read;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rolltop_guest_protocol::SESSION_USER;
use russh_sftp::client::error::Error;
use russh_sftp::client::{Config, RawSftpSession};
use russh_sftp::protocol::{FileAttributes, OpenFlags, Packet, StatusCode};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::channel::{ChannelError, DoorChannel};
use crate::door::Door;
use ending::Ending;

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
/// Most bytes of their names that are listed, each counted with [`ENTRY_BYTES`] more for what else is known of it.
/// Ten thousand of the longest names that Linux has fit.
const MOST_LISTED: usize = 4 << 20;
const ENTRY_BYTES: usize = 128;
/// Longest name that is one, bytes: a file system has names of 255, and what is not UTF-8 in them takes three bytes here.
const LONGEST_NAME: usize = 3 * 255;
/// Longest path that a server may tell of, bytes, as Linux has it.
const LONGEST_PATH: usize = 4096;
/// Longest handle, bytes, by the protocol. It goes out with each request.
const LONGEST_HANDLE: usize = 256;
/// Answers of a folder in a row with nothing to be listed in them. A real one has at most the first, an empty folder's.
const MOST_EMPTY: usize = 16;

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
    /// There are more than [`MOST_ENTRIES`], or than have room in [`MOST_LISTED`].
    pub truncated: bool,
}

/// A folder that is being gone through.
pub struct RemoteFolder {
    handle: OpenHandle,
    /// Answers in a row with nothing in them.
    empty: usize,
}

impl RemoteFolder {
    /// Some more of what is in it; `None` at its end.
    pub async fn more(&mut self) -> Result<Option<Vec<(String, FileInfo)>>, SftpError> {
        let server = self.handle.server();
        let names = match server.asked(server.session.readdir(self.handle.name())).await {
            Ok(names) => names.files,
            Err(Error::Status(status)) if status.status_code == StatusCode::Eof => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let plain = names.into_iter().filter(|file| is_plain_name(&file.filename));
        let entries: Vec<_> = plain.map(|file| (file.filename, file.attrs.into())).collect();
        self.empty = if entries.is_empty() { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY {
            return Err(Error::UnexpectedBehavior("a folder without an end".to_owned()).into());
        }
        Ok(Some(entries))
    }
}

impl Door {
    /// The desktop's file server; the same one for all callers while it lives and answers.
    pub async fn sftp(&self) -> Result<Sftp, SftpError> {
        let mut kept = self.sftp.lock().await;
        if let Some(sftp) = kept.as_ref().filter(|sftp| sftp.answers()) {
            return Ok(sftp.clone());
        }
        let sftp = self.start_sftp().await?;
        *kept = Some(sftp.clone());
        Ok(sftp)
    }

    async fn start_sftp(&self) -> Result<Sftp, SftpError> {
        let channel = self.session().await?;
        let command = format!("sudo -n -u {SESSION_USER} {SFTP_SERVER}");
        channel.exec(true, command).await.map_err(|_| ChannelError::Closed)?;
        let channel = DoorChannel::over(channel);
        let ended = channel.ended();
        Sftp::over(channel, ended, REQUEST_SECONDS).await
    }
}

/// A file server in a desktop. Clones share it.
#[derive(Clone)]
pub struct Sftp(Arc<Server>);

struct Server {
    session: RawSftpSession,
    ended: CancellationToken,
    /// It left a question unanswered.
    silent: AtomicBool,
    _last: DropGuard,
}

impl Server {
    /// Its answer to a question.
    async fn asked<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        let answer = answer.await;
        if matches!(answer, Err(Error::Timeout)) {
            self.silent.store(true, Ordering::Relaxed);
        }
        answer
    }
}

impl Sftp {
    async fn over<S>(stream: S, ended: CancellationToken, request_seconds: u64) -> Result<Self, SftpError>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let config = Config { request_timeout_secs: request_seconds, ..Config::default() };
        let last = CancellationToken::new();
        let session = RawSftpSession::new_with_config(Ending::new(stream, &last), config);
        session.init().await.map_err(|_| SftpError::NoServer)?;
        Ok(Self(Arc::new(Server {
            session,
            ended,
            silent: AtomicBool::new(false),
            _last: last.drop_guard(),
        })))
    }

    fn answers(&self) -> bool {
        !self.0.ended.is_cancelled() && !self.0.silent.load(Ordering::Relaxed)
    }

    async fn asked<T>(&self, answer: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
        self.0.asked(answer).await
    }

    fn held(&self, name: String) -> Result<OpenHandle, SftpError> {
        if name.len() > LONGEST_HANDLE {
            return Err(Error::UnexpectedBehavior("a handle that is too long".to_owned()).into());
        }
        Ok(OpenHandle(Arc::new(Closing { server: Arc::clone(&self.0), name })))
    }

    /// What is at a path, links followed.
    pub async fn info(&self, path: &str) -> Result<FileInfo, SftpError> {
        Ok(self.asked(self.0.session.stat(path)).await?.attrs.into())
    }

    /// What is at a path, a link as such.
    pub async fn link_info(&self, path: &str) -> Result<FileInfo, SftpError> {
        Ok(self.asked(self.0.session.lstat(path)).await?.attrs.into())
    }

    /// The path without links, `.` and `..`, of something that is there.
    pub async fn real_path(&self, path: &str) -> Result<String, SftpError> {
        let names = self.asked(self.0.session.realpath(path)).await?;
        let path = names.files.into_iter().next().map(|file| file.filename).ok_or(SftpError::NotFound)?;
        if !path.starts_with('/') || path.len() > LONGEST_PATH {
            return Err(Error::UnexpectedBehavior("a path that is none".to_owned()).into());
        }
        Ok(path)
    }

    /// What is in a folder.
    pub async fn list(&self, path: &str) -> Result<Listing, SftpError> {
        let mut folder = self.open_folder(path).await?;
        let (mut listing, mut room) = (Listing::default(), MOST_LISTED);
        while let Some(more) = folder.more().await? {
            for entry in more {
                let left = room.checked_sub(entry.0.len() + ENTRY_BYTES);
                let Some(left) = left.filter(|_| listing.entries.len() < MOST_ENTRIES) else {
                    listing.truncated = true;
                    return Ok(listing);
                };
                room = left;
                listing.entries.push(entry);
            }
        }
        Ok(listing)
    }

    /// Opens a folder, to go through what is in it however much it is.
    pub async fn open_folder(&self, path: &str) -> Result<RemoteFolder, SftpError> {
        let handle = self.held(self.asked(self.0.session.opendir(path)).await?.handle)?;
        Ok(RemoteFolder { handle, empty: 0 })
    }

    /// Opens a regular file for reading.
    pub async fn read_file(&self, path: &str) -> Result<RemoteFile, SftpError> {
        // Before opening: to open a named pipe would hold up the server.
        regular(self.info(path).await?)?;
        let handle =
            self.asked(self.0.session.open(path, OpenFlags::READ, FileAttributes::empty())).await?.handle;
        let handle = self.held(handle)?;
        let info = regular(self.asked(self.0.session.fstat(handle.name())).await?.attrs.into())?;
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
        let handle = self.asked(self.0.session.open(path, flags, private)).await?.handle;
        let handle = self.held(handle)?;
        let info = regular(self.asked(self.0.session.fstat(handle.name())).await?.attrs.into())?;
        if info.size < offset {
            return Err(SftpError::Refused);
        }
        if info.size > offset {
            let cut = FileAttributes { size: Some(offset), ..FileAttributes::empty() };
            self.asked(self.0.session.fsetstat(handle.name(), cut)).await?;
        }
        Ok(RemoteWriter::new(handle, offset))
    }

    pub async fn make_folder(&self, path: &str) -> Result<(), SftpError> {
        self.asked(self.0.session.mkdir(path, FileAttributes::empty())).await?;
        Ok(())
    }

    /// Sets the permission bits.
    pub async fn set_mode(&self, path: &str, mode: u32) -> Result<(), SftpError> {
        let attributes = FileAttributes { permissions: Some(mode & 0o7777), ..FileAttributes::empty() };
        self.asked(self.0.session.setstat(path, attributes)).await?;
        Ok(())
    }

    /// Moves, but not over what is there.
    pub async fn rename(&self, from: &str, to: &str) -> Result<(), SftpError> {
        self.asked(self.0.session.rename(from, to)).await?;
        Ok(())
    }

    /// Moves, in one step over a file that is there.
    pub async fn replace(&self, from: &str, to: &str) -> Result<(), SftpError> {
        let mut data = Vec::with_capacity(from.len() + to.len() + 8);
        for path in [from, to] {
            data.extend_from_slice(&(path.len() as u32).to_be_bytes());
            data.extend_from_slice(path.as_bytes());
        }
        match self.asked(self.0.session.extended(POSIX_RENAME, data)).await? {
            Packet::Status(status) if status.status_code == StatusCode::Ok => Ok(()),
            Packet::Status(status) => Err(Error::Status(status).into()),
            _ => Err(Error::UnexpectedPacket.into()),
        }
    }

    /// Takes away a file or a link.
    pub async fn remove_file(&self, path: &str) -> Result<(), SftpError> {
        self.asked(self.0.session.remove(path)).await?;
        Ok(())
    }

    /// Takes away an empty folder.
    pub async fn remove_folder(&self, path: &str) -> Result<(), SftpError> {
        self.asked(self.0.session.rmdir(path)).await?;
        Ok(())
    }
}

fn regular(info: FileInfo) -> Result<FileInfo, SftpError> {
    if info.kind == FileKind::File { Ok(info) } else { Err(SftpError::NotAFile) }
}

/// Whether a name is one, rather than a way to somewhere else.
fn is_plain_name(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= LONGEST_NAME && !name.contains(['/', '\0'])
}

/// An open handle; closed with its last clone.
#[derive(Clone)]
struct OpenHandle(Arc<Closing>);

struct Closing {
    server: Arc<Server>,
    name: String,
}

impl OpenHandle {
    fn name(&self) -> &str {
        &self.0.name
    }

    fn server(&self) -> &Server {
        &self.0.server
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        let (server, name) = (Arc::clone(&self.server), std::mem::take(&mut self.name));
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // An error means that the server is gone, and the handle with it.
                let _ = server.asked(server.session.close(name)).await;
            });
        }
    }
}
