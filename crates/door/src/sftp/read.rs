//! Reading a file with several requests under way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt};
use russh_sftp::client::error::Error;
use russh_sftp::protocol::StatusCode;
use tokio::io::{AsyncRead, ReadBuf};

use super::{FileInfo, Held};

/// Bytes per request; a server may give less.
const PIECE: u64 = 64 * 1024;
/// Requests under way for one file: what a slow reader makes us hold.
const UNDER_WAY: usize = 16;

/// An open file. Reading gives exactly the bytes that were asked for: what was appended since is
/// left out, and a file that was cut meanwhile is an error rather than a short copy.
pub struct RemoteFile {
    handle: Held,
    info: FileInfo,
    /// Where the next request begins, and where the last one ends.
    next: u64,
    end: u64,
    pieces: FuturesOrdered<BoxFuture<'static, io::Result<Vec<u8>>>>,
    current: Vec<u8>,
    taken: usize,
}

impl RemoteFile {
    pub(super) fn new(handle: Held, info: FileInfo) -> Self {
        let pieces = FuturesOrdered::new();
        Self { handle, info, next: 0, end: info.size, pieces, current: Vec::new(), taken: 0 }
    }

    /// As of opening.
    pub fn info(&self) -> FileInfo {
        self.info
    }

    /// Reads only these bytes, which must be within the file; nothing before them is fetched.
    pub fn part(mut self, first: u64, length: u64) -> Self {
        self.next = first.min(self.info.size);
        self.end = first.saturating_add(length).min(self.info.size);
        self
    }

    fn request(&mut self) {
        while self.pieces.len() < UNDER_WAY && self.next < self.end {
            let length = PIECE.min(self.end - self.next);
            self.pieces.push_back(Box::pin(piece(self.handle.clone(), self.next, length)));
            self.next += length;
        }
    }
}

async fn piece(handle: Held, from: u64, length: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        let left = length - bytes.len() as u64;
        let asked = u32::try_from(left).unwrap_or(u32::MAX);
        let data = match handle.session().read(handle.name(), from + bytes.len() as u64, asked).await {
            Ok(data) if data.data.is_empty() || data.data.len() as u64 > left => Err(shorter()),
            Ok(data) => Ok(data.data),
            Err(Error::Status(status)) if status.status_code == StatusCode::Eof => Err(shorter()),
            Err(error) => Err(io::Error::other(error)),
        }?;
        if bytes.is_empty() {
            bytes = data;
        } else {
            bytes.extend_from_slice(&data);
        }
    }
    Ok(bytes)
}

fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")
}

impl AsyncRead for RemoteFile {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        loop {
            let rest = self.current.get(self.taken..).unwrap_or_default();
            if !rest.is_empty() || buffer.remaining() == 0 {
                let length = rest.len().min(buffer.remaining());
                buffer.put_slice(rest.get(..length).unwrap_or_default());
                self.taken += length;
                return Poll::Ready(Ok(()));
            }
            self.request();
            match ready!(self.pieces.poll_next_unpin(context)) {
                Some(piece) => (self.current, self.taken) = (piece?, 0),
                None => return Poll::Ready(Ok(())),
            }
        }
    }
}
