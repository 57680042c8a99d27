//! Writing a file with several requests under way.

use futures::future::BoxFuture;
use futures::stream::{FuturesUnordered, StreamExt};
use std::task::Poll;

use super::{OpenHandle, SftpError};

/// Bytes per request, which every server takes.
const PIECE: usize = 32 * 1024;
/// Requests under way for one file: what a slow desktop makes us hold.
const UNDER_WAY: usize = 16;

/// A file being written, from front to back. Nothing tells what arrived but [`RemoteWriter::finish`].
pub struct RemoteWriter {
    handle: OpenHandle,
    offset: u64,
    pieces: FuturesUnordered<BoxFuture<'static, Result<(), SftpError>>>,
}

impl RemoteWriter {
    pub(super) fn new(handle: OpenHandle, offset: u64) -> Self {
        Self { handle, offset, pieces: FuturesUnordered::new() }
    }

    /// Where the next bytes go.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// Takes bytes, waiting while too many are under way.
    pub async fn write(&mut self, bytes: &[u8]) -> Result<(), SftpError> {
        for piece in bytes.chunks(PIECE) {
            while self.pieces.len() >= UNDER_WAY {
                self.pieces.next().await.transpose()?;
            }
            self.pieces.push(Box::pin(put(self.handle.clone(), self.offset, piece.to_vec())));
            self.offset = self.offset.saturating_add(piece.len() as u64);
            // A request goes out when it is first polled.
            if let Poll::Ready(Some(written)) = futures::poll!(self.pieces.next()) {
                written?;
            }
        }
        Ok(())
    }

    /// Waits until everything has been written.
    pub async fn finish(mut self) -> Result<(), SftpError> {
        while let Some(written) = self.pieces.next().await {
            written?;
        }
        Ok(())
    }
}

async fn put(handle: OpenHandle, offset: u64, piece: Vec<u8>) -> Result<(), SftpError> {
    let server = handle.server();
    server.asked(server.session.write(handle.name(), offset, piece)).await?;
    Ok(())
}
