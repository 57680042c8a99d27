//! Server-sent events as a stream. It ends when the server closes it; call again with the
//! last `seq` seen to lose nothing.

use std::collections::VecDeque;
use std::pin::Pin;

use futures::{Stream, stream};
use http::header::ACCEPT;
use rolltop_model::DesktopId;

use super::{Client, ClientError, send};
use crate::{Event, EventsQuery, op};

/// Events in order.
pub type EventStream = Pin<Box<dyn Stream<Item = Result<Event, ClientError>> + Send>>;

/// Longest event, bytes.
const EVENT_LIMIT: usize = 1 << 20;

impl Client {
    /// `GET /v1/events`: everything after `after`, or from now on where it is `None`.
    /// Returns once the server has begun to send: what happens after that is in the stream.
    pub async fn events(
        &self,
        after: Option<u64>,
        desktop: Option<DesktopId>,
    ) -> Result<EventStream, ClientError> {
        self.stream_events(&EventsQuery { desktop, after, follow: None }).await
    }

    /// The same up to the last event there is.
    pub async fn past_events(
        &self,
        after: u64,
        desktop: Option<DesktopId>,
    ) -> Result<EventStream, ClientError> {
        self.stream_events(&EventsQuery { desktop, after: Some(after), follow: Some(false) }).await
    }

    async fn stream_events(&self, query: &EventsQuery) -> Result<EventStream, ClientError> {
        let request = self.asking::<op::FollowEvents>((), query, &());
        let response = send(request.header(ACCEPT, "text/event-stream")).await?;
        let state = (response, Parser::default(), VecDeque::<String>::new());
        Ok(Box::pin(stream::try_unfold(state, |(mut response, mut parser, mut ready)| async move {
            loop {
                if let Some(data) = ready.pop_front() {
                    let event: Event = serde_json::from_str(&data).map_err(ClientError::Answer)?;
                    return Ok(Some((event, (response, parser, ready))));
                }
                match response.chunk().await? {
                    Some(bytes) => parser.feed(&bytes, &mut ready)?,
                    None => return Ok(None),
                }
            }
        })))
    }
}

/// Cuts a byte stream into the `data` of its events. Lines may be cut anywhere on the way.
#[derive(Default)]
pub(super) struct Parser {
    line: Vec<u8>,
    data: String,
}

impl Parser {
    pub(super) fn feed(&mut self, bytes: &[u8], ready: &mut VecDeque<String>) -> Result<(), ClientError> {
        for byte in bytes {
            if *byte == b'\n' {
                let line = std::mem::take(&mut self.line);
                self.take_line(&String::from_utf8_lossy(&line), ready);
            } else {
                self.line.push(*byte);
            }
            if self.line.len() + self.data.len() > EVENT_LIMIT {
                return Err(ClientError::TooLong);
            }
        }
        Ok(())
    }

    fn take_line(&mut self, line: &str, ready: &mut VecDeque<String>) {
        let line = line.strip_suffix('\r').unwrap_or(line);
        if line.is_empty() {
            if !self.data.is_empty() {
                ready.push_back(std::mem::take(&mut self.data));
            }
        } else if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        }
        // id, event and retry repeat what data says; a line that starts with ':' keeps the line open.
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STREAM: &str =
        ": hello\n\nid: 7\nevent: step\ndata: {\"a\":\ndata: 1}\n\nretry: 5\n\ndata:x\r\n\r\ndata: cut";

    #[test]
    fn events_come_out_whole_wherever_the_bytes_are_cut() {
        for cut in 1..STREAM.len() {
            let (mut parser, mut ready) = (Parser::default(), VecDeque::new());
            for piece in STREAM.as_bytes().chunks(cut) {
                parser.feed(piece, &mut ready).unwrap();
            }
            assert_eq!(ready, ["{\"a\":\n1}", "x"], "in pieces of {cut}");
        }
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let result = parser.feed(&vec![b'x'; EVENT_LIMIT + 1], &mut VecDeque::new());
        assert!(matches!(result, Err(ClientError::TooLong)));
    }
}
