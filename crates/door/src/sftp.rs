//! Files of a desktop, as its session's user sees them.
//!
//! The server is `sftp-server` run as that user on a channel of the door, and is kept for the
//! next file. Deliberately absent for now: writing and listing.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use rolltop_guest_protocol::SESSION_USER;
use russh_sftp::client::fs::{File, Metadata};
use russh_sftp::client::{Config, SftpSession, error::Error};
use russh_sftp::protocol::StatusCode;
use tokio::io::{AsyncRead, ReadBuf};
use tokio_util::sync::CancellationToken;

use crate::channel::{ChannelError, DoorChannel};
use crate::door::Door;

/// Where Debian keeps it.
const SFTP_SERVER: &str = "/usr/lib/openssh/sftp-server";
/// Long, because an emulated guest under load may take seconds to answer.
const REQUEST_SECONDS: u64 = 60;
/// Requests under way for one file, of up to a packet each: what a slow reader makes us hold.
const CONCURRENT_READS: usize = 16;

#[derive(Debug, thiserror::Error)]
pub enum SftpError {
    #[error("no channel for files")]
    Channel(#[from] ChannelError),
    #[error("the desktop has no file server")]
    NoServer,
    #[error("there is no such file")]
    NotFound,
    #[error("the desktop's user may not read it")]
    Denied,
    #[error("it is not a regular file")]
    NotAFile,
    #[error("the desktop's file server failed")]
    Server(#[source] Error),
}

impl From<Error> for SftpError {
    fn from(error: Error) -> Self {
        match &error {
            Error::Status(status) => match status.status_code {
                StatusCode::NoSuchFile => SftpError::NotFound,
                StatusCode::PermissionDenied => SftpError::Denied,
                StatusCode::Ok
                | StatusCode::Eof
                | StatusCode::Failure
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
        let config = Config {
            request_timeout_secs: REQUEST_SECONDS,
            max_concurrent_reads: CONCURRENT_READS,
            ..Config::default()
        };
        let session = SftpSession::new_with_config(channel, config).await.map_err(|_| SftpError::NoServer)?;
        Ok(Sftp { session: Arc::new(session), ended })
    }
}

/// A file server in a desktop. Clones share it.
#[derive(Clone)]
pub struct Sftp {
    session: Arc<SftpSession>,
    ended: CancellationToken,
}

impl Sftp {
    /// Opens a regular file for reading from its start.
    pub async fn read_file(&self, path: &str) -> Result<RemoteFile, SftpError> {
        // Before opening: to open a named pipe would hold up the server.
        regular(&self.session.metadata(path).await?)?;
        let file = self.session.open(path).await?;
        let metadata = file.metadata().await?;
        regular(&metadata)?;
        let size = metadata.size.unwrap_or(0);
        Ok(RemoteFile { file, size, left: size })
    }
}

fn regular(metadata: &Metadata) -> Result<(), SftpError> {
    if metadata.is_regular() { Ok(()) } else { Err(SftpError::NotAFile) }
}

/// An open file. Reading gives exactly [`RemoteFile::size`] bytes: what was appended since is
/// left out, and a file that was cut meanwhile is an error rather than a short copy.
pub struct RemoteFile {
    file: File,
    size: u64,
    left: u64,
}

impl RemoteFile {
    /// Bytes, as of opening.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl AsyncRead for RemoteFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let room = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.remaining());
        if room == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(room));
        ready!(Pin::new(&mut self.file).poll_read(context, &mut part))?;
        let read = part.filled().len();
        if read == 0 {
            return Poll::Ready(Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")));
        }
        buffer.advance(read);
        self.left = self.left.saturating_sub(read as u64);
        Poll::Ready(Ok(()))
    }
}
