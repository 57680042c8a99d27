//! Reading as much as is there at once.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use tokio::io::AsyncRead;
use tokio_util::io::poll_read_buf;

/// Room for one reading at least, bytes.
const PIECE: usize = 64 << 10;
/// At most this much goes into one message, bytes.
const MOST: usize = 256 << 10;

/// Hands out what has come, waiting only while there is nothing at all.
pub(super) struct Gather<R> {
    reader: R,
    buffer: BytesMut,
    ended: bool,
}

impl<R: AsyncRead + Unpin> Gather<R> {
    pub fn new(reader: R) -> Self {
        Self { reader, buffer: BytesMut::new(), ended: false }
    }

    /// Everything that is there, at least one byte; empty at the end. Loses nothing when dropped halfway.
    pub async fn next(&mut self) -> io::Result<Bytes> {
        poll_fn(|context| self.poll_gather(context)).await
    }

    fn poll_gather(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        while !self.ended && self.buffer.len() < MOST {
            self.buffer.reserve(PIECE);
            match poll_read_buf(Pin::new(&mut self.reader), context, &mut self.buffer) {
                Poll::Ready(Ok(0)) => self.ended = true,
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) if self.buffer.is_empty() => return Poll::Ready(Err(error)),
                // What came before the error is handed out first; the error shows again at the next reading.
                Poll::Ready(Err(_)) => self.ended = true,
                Poll::Pending if self.buffer.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready(Ok(self.buffer.split().freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    #[tokio::test]
    async fn what_has_come_in_pieces_goes_out_as_one() {
        let (mut desktop, ours) = tokio::io::duplex(1 << 20);
        let mut gather = Gather::new(ours);
        for piece in [&b"RFB "[..], b"003.", b"008\n"] {
            desktop.write_all(piece).await.unwrap();
        }
        assert_eq!(gather.next().await.unwrap(), "RFB 003.008\n");
        desktop.write_all(&vec![7; MOST + 3]).await.unwrap();
        drop(desktop);
        let (first, second) = (gather.next().await.unwrap(), gather.next().await.unwrap());
        assert!(first.len() >= MOST, "as much as goes into one message");
        assert_eq!(first.len() + second.len(), MOST + 3);
        assert!(gather.next().await.unwrap().is_empty(), "the end");
    }
}
