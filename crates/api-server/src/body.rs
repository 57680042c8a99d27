//! Request bodies that are read to their end, also where nobody wants them: whoever is still sending one gets to read the
//! answer then, rather than that the connection closed.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, HttpBody};
use bytes::Bytes;
use futures::{Stream, StreamExt as _};

/// How much of a body that nobody wants is read, bytes, and how long.
const MOST: usize = 8 << 20;
const LONGEST: Duration = Duration::from_secs(10);

/// The same body; what its handler leaves of it is read and forgotten.
pub(crate) fn to_its_end(body: Body) -> Body {
    if body.is_end_stream() { body } else { Body::from_stream(ToItsEnd(Some(body.into_data_stream()))) }
}

/// Nothing once it has ended.
struct ToItsEnd(Option<BodyDataStream>);

impl Stream for ToItsEnd {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(stream) = self.0.as_mut() else { return Poll::Ready(None) };
        let polled = stream.poll_next_unpin(context);
        if matches!(polled, Poll::Ready(None | Some(Err(_)))) {
            self.0 = None;
        }
        polled
    }
}

impl Drop for ToItsEnd {
    fn drop(&mut self) {
        let Some(mut rest) = self.0.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(tokio::time::timeout(LONGEST, async move {
            let mut read = 0;
            while let Some(Ok(bytes)) = rest.next().await {
                read += bytes.len();
                if read > MOST {
                    return;
                }
            }
        }));
    }
}
