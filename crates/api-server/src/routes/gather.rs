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

/// Hands out what has come, waiting only while there is nothing at all.
pub(crate) struct Gather<R> {
    reader: R,
    buffer: BytesMut,
    /// About this much goes into one message at most, bytes.
    most: usize,
    end: Option<io::Result<()>>,
}

impl<R: AsyncRead + Unpin> Gather<R> {
    pub fn new(reader: R, most: usize) -> Self {
        Self { reader, buffer: BytesMut::new(), most, end: None }
    }

    /// Everything that is there, at least one byte; empty at the end. Loses nothing when dropped halfway.
    pub async fn next(&mut self) -> io::Result<Bytes> {
        poll_fn(|context| self.poll_gather(context)).await
    }

    fn poll_gather(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Bytes>> {
        while self.end.is_none() && self.buffer.len() < self.most {
            self.buffer.reserve(PIECE.min(self.most));
            match poll_read_buf(Pin::new(&mut self.reader), context, &mut self.buffer) {
                Poll::Ready(Ok(0)) => self.end = Some(Ok(())),
                Poll::Ready(Ok(_)) => {}
                Poll::Ready(Err(error)) => self.end = Some(Err(error)),
                Poll::Pending if self.buffer.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        // What came before an error is handed out first.
        if let (true, Some(Err(error))) = (self.buffer.is_empty(), &self.end) {
            return Poll::Ready(Err(io::Error::new(error.kind(), error.to_string())));
        }
        Poll::Ready(Ok(self.buffer.split().freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncWriteExt;

    const MOST: usize = 256 << 10;

    #[tokio::test]
    async fn an_error_comes_after_what_came_before_it_and_stays() {
        let reader = failing_reader();
        let mut gather = Gather::new(reader, MOST);
        assert_eq!(gather.next().await.unwrap(), "last words");
        for _ in 0..2 {
            assert_eq!(gather.next().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
        }
    }

    /// Gives two words and then an error.
    fn failing_reader() -> impl AsyncRead + Unpin {
        let failing = futures::stream::iter([
            Ok(Bytes::from_static(b"last ")),
            Ok(Bytes::from_static(b"words")),
            Err(io::Error::new(io::ErrorKind::TimedOut, "read too slowly")),
        ]);
        tokio_util::io::StreamReader::new(failing)
    }

    #[tokio::test]
    async fn what_has_come_in_pieces_goes_out_as_one() {
        let (mut desktop, ours) = tokio::io::duplex(1 << 20);
        let mut gather = Gather::new(ours, MOST);
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
