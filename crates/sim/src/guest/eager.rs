//! Streams that are always read.
//!
//! russh writes out all it has before it reads on, and hands on what it has read before it writes. With a
//! russh at either end, and a channel whose reader waits for its own writing to be taken, all would
//! wait for ever; a real sshd reads while it writes. How much may wait is bounded by SSH's windows.

use futures::StreamExt;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_util::io::{ReaderStream, StreamReader};

const PIECE: usize = 16 * 1024;

/// The same stream; what comes is taken whether or not anybody reads it here.
pub fn eager(
    stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
) -> impl AsyncRead + AsyncWrite + Send + Unpin + 'static {
    let (read, write) = tokio::io::split(stream);
    let (sender, mut receiver) = mpsc::unbounded_channel();
    tokio::spawn(async move {
        let mut pieces = ReaderStream::with_capacity(read, PIECE);
        loop {
            let piece = tokio::select! {
                piece = pieces.next() => piece,
                () = sender.closed() => return,
            };
            if piece.is_none_or(|piece| sender.send(piece).is_err()) {
                return;
            }
        }
    });
    let pieces = futures::stream::poll_fn(move |context| receiver.poll_recv(context));
    tokio::io::join(StreamReader::new(pieces), write)
}
