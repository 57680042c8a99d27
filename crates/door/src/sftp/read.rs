//! Reading a file with several requests under way.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures::Stream;
use futures::future::BoxFuture;
use futures::stream::{FuturesOrdered, StreamExt};
use russh_sftp::client::error::Error;
use russh_sftp::protocol::StatusCode;
use tokio_util::io::StreamReader;

use super::{FileInfo, OpenHandle};

/// Bytes per request; a server may give less.
const PIECE: u64 = 64 * 1024;
/// Requests under way for one file: what a slow reader makes us hold.
const UNDER_WAY: usize = 16;

/// An open file, as a stream of pieces. Exactly the bytes that were asked for come: what was appended since is
/// left out, and a file that was cut meanwhile is an error rather than a short copy.
pub struct RemoteFile {
    handle: OpenHandle,
    info: FileInfo,
    /// Where the next request begins, and where the last one ends.
    next: u64,
    end: u64,
    pieces: FuturesOrdered<BoxFuture<'static, io::Result<Bytes>>>,
}

impl RemoteFile {
    pub(super) fn new(handle: OpenHandle, info: FileInfo) -> Self {
        Self { handle, info, next: 0, end: info.size, pieces: FuturesOrdered::new() }
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

    /// The same to be read from.
    pub fn reader(self) -> StreamReader<Self, Bytes> {
        StreamReader::new(self)
    }

    fn request(&mut self) {
        while self.pieces.len() < UNDER_WAY && self.next < self.end {
            let length = PIECE.min(self.end - self.next);
            self.pieces.push_back(Box::pin(piece(self.handle.clone(), self.next, length)));
            self.next += length;
        }
    }
}

async fn piece(handle: OpenHandle, from: u64, length: u64) -> io::Result<Bytes> {
    let mut bytes = Vec::new();
    while (bytes.len() as u64) < length {
        let left = length - bytes.len() as u64;
        let asked = u32::try_from(left).unwrap_or(u32::MAX);
        let server = handle.server();
        let answer = server.session.read(handle.name(), from + bytes.len() as u64, asked);
        let data = match server.asked(answer).await {
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
    Ok(bytes.into())
}

fn shorter() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "the file became shorter")
}

impl Stream for RemoteFile {
    type Item = io::Result<Bytes>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        self.request();
        self.pieces.poll_next_unpin(context)
    }
}
