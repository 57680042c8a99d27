//! QEMU's monitor: commands and their answers, and what QEMU tells unasked.
//!
//! One task reads; commands are sent one at a time. A QMP socket takes one client, so each
//! machine has two of them: the engine keeps the first, the second is for a person in need.
//! Everything read here comes from QEMU, which may have been taken over by its guest: lines
//! are limited and nothing is believed beyond this one machine.

use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::{Mutex, mpsc};

use crate::fault::{Doing, Fault};
use crate::process::{Process, within};

/// Longest line that is read, bytes.
const MAX_LINE: usize = 1 << 20;
/// Longest event that is told, bytes. QEMU's have a few hundred, and dozens of them may wait to be heard.
const MAX_EVENT: usize = 16 << 10;
/// How long QEMU may take for an answer. It may be busy copying.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);

/// Something QEMU told unasked, such as `SHUTDOWN`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    pub name: String,
    pub data: Value,
}

#[derive(Debug, PartialEq)]
enum Message {
    Greeting,
    Answer { id: u64, result: Result<Value, String> },
    Event(Event),
    Other,
}

/// A connection to one machine's monitor.
#[derive(Debug)]
pub(crate) struct Monitor {
    line: Mutex<Line>,
    /// Who answers.
    qemu: Process,
}

#[derive(Debug)]
struct Line {
    writer: OwnedWriteHalf,
    answers: mpsc::Receiver<(u64, Result<Value, String>)>,
    last: u64,
}

impl Monitor {
    /// Connects and says hello. Events come out of the receiver until the connection ends.
    pub(crate) async fn connect(
        socket: &Path,
        qemu: Process,
    ) -> Result<(Self, mpsc::Receiver<Event>), Fault> {
        let stream = UnixStream::connect(socket).await.doing_with("connecting to QEMU at", socket)?;
        let (reader, writer) = stream.into_split();
        let (answer_sender, answers) = mpsc::channel(4);
        let (event_sender, events) = mpsc::channel(64);
        tokio::spawn(read(BufReader::new(reader), answer_sender, event_sender));
        let monitor = Self { line: Mutex::new(Line { writer, answers, last: 0 }), qemu };
        monitor.run("qmp_capabilities", json!({})).await?;
        Ok((monitor, events))
    }

    /// Has QEMU carry out a command.
    pub(crate) async fn run(&self, command: &str, arguments: Value) -> Result<Value, Fault> {
        let exchange = async {
            let mut line = self.line.lock().await;
            line.last += 1;
            let id = line.last;
            let request = json!({ "execute": command, "arguments": arguments, "id": id });
            line.writer
                .write_all(format!("{request}\n").as_bytes())
                .await
                .map_err(|_| Fault::MonitorClosed)?;
            loop {
                // Answers to commands whose callers gave up come first and are passed over.
                let (answered, result) = line.answers.recv().await.ok_or(Fault::MonitorClosed)?;
                if answered == id {
                    let refused = |description| Fault::Refused { command: command.to_owned(), description };
                    return result.map_err(refused);
                }
            }
        };
        within(ANSWER_LIMIT, [self.qemu], exchange)
            .await
            .unwrap_or_else(|| Err(Fault::Slow(format!("QEMU's answer to {command}"))))
    }

    /// The machine's state, such as `running`, `inmigrate`, `shutdown`, `io-error`.
    pub(crate) async fn status(&self) -> Result<String, Fault> {
        let answer = self.run("query-status", json!({})).await?;
        Ok(answer.get("status").and_then(Value::as_str).unwrap_or_default().to_owned())
    }
}

async fn read<R: AsyncRead + Unpin>(
    mut reader: BufReader<R>,
    answers: mpsc::Sender<(u64, Result<Value, String>)>,
    events: mpsc::Sender<Event>,
) {
    let mut line = Vec::new();
    while let Ok(true) = next_line(&mut reader, &mut line).await {
        match parse(&line) {
            // Nobody waiting for it is no reason to stop reading.
            Message::Answer { id, result } => drop(answers.try_send((id, result))),
            // Where nobody takes them, they are lost: answers must not wait behind them.
            Message::Event(event) if line.len() <= MAX_EVENT => drop(events.try_send(event)),
            Message::Event(_) => tracing::warn!("an event of QEMU's is too long to be one"),
            Message::Greeting | Message::Other => {}
        }
    }
}

/// Reads a line of at most [`MAX_LINE`]; `false` at the end.
async fn next_line<R: AsyncRead + Unpin>(
    reader: &mut BufReader<R>,
    line: &mut Vec<u8>,
) -> std::io::Result<bool> {
    line.clear();
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(false);
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let taken = end.map_or(chunk.len(), |end| end + 1);
        line.extend_from_slice(chunk.get(..taken).unwrap_or_default());
        reader.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
        if line.len() > MAX_LINE {
            return Err(std::io::Error::other("a line from QEMU is too long"));
        }
    }
}

fn parse(line: &[u8]) -> Message {
    let Ok(Value::Object(mut object)) = serde_json::from_slice(line) else { return Message::Other };
    if object.contains_key("QMP") {
        return Message::Greeting;
    }
    if let Some(Value::String(name)) = object.remove("event") {
        return Message::Event(Event { name, data: object.remove("data").unwrap_or(Value::Null) });
    }
    let Some(id) = object.get("id").and_then(Value::as_u64) else { return Message::Other };
    if let Some(value) = object.remove("return") {
        return Message::Answer { id, result: Ok(value) };
    }
    match object.get("error").and_then(|error| error.get("desc")).and_then(Value::as_str) {
        Some(description) => Message::Answer { id, result: Err(description.to_owned()) },
        None => Message::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::UnixListener;

    #[test]
    fn messages_are_told_apart_and_nonsense_is_nothing() {
        assert_eq!(parse(br#"{"QMP":{"version":{}}}"#), Message::Greeting);
        let event = Event { name: "SHUTDOWN".into(), data: json!({"guest": true}) };
        assert_eq!(
            parse(br#"{"event":"SHUTDOWN","data":{"guest":true},"timestamp":{}}"#),
            Message::Event(event)
        );
        assert_eq!(parse(br#"{"return":{},"id":7}"#), Message::Answer { id: 7, result: Ok(json!({})) });
        let refused = br#"{"error":{"class":"GenericError","desc":"no"},"id":8}"#;
        assert_eq!(parse(refused), Message::Answer { id: 8, result: Err("no".into()) });
        for nonsense in [&b"[1]"[..], b"", b"\xff", br#"{"return":{}}"#, br#"{"id":1}"#, br#"{"event":3}"#] {
            assert_eq!(parse(nonsense), Message::Other);
        }
    }

    fn us() -> Process {
        Process::of(i32::try_from(std::process::id()).unwrap()).unwrap()
    }

    /// A monitor that answers the given lines, one for each command, after a greeting.
    async fn fake(answers: Vec<String>) -> (tempfile::TempDir, std::path::PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("qmp");
        let listener = UnixListener::bind(&path).unwrap();
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            let mut stream = BufReader::new(stream);
            stream.write_all(b"{\"QMP\":{}}\r\n").await.unwrap();
            for answer in answers {
                let mut line = String::new();
                stream.read_line(&mut line).await.unwrap();
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        (directory, path)
    }

    #[tokio::test]
    async fn a_command_gets_its_own_answer_with_events_and_stale_answers_between() {
        let (_directory, path) = fake(vec![
            "{\"return\":{},\"id\":1}\r\n".into(),
            "{\"event\":\"STOP\"}\r\n{\"return\":\"stale\",\"id\":1}\r\n{\"return\":{\"status\":\"running\"},\"id\":2}\r\n"
                .into(),
            "{\"error\":{\"desc\":\"unknown\"},\"id\":3}\r\n".into(),
        ])
        .await;
        let (monitor, mut events) = Monitor::connect(&path, us()).await.unwrap();
        assert_eq!(monitor.status().await.unwrap(), "running");
        assert_eq!(events.recv().await.unwrap().name, "STOP");
        let refused = monitor.run("dance", json!({})).await.unwrap_err();
        assert_eq!(refused.to_string(), "QEMU refused dance: unknown");
        assert!(matches!(monitor.run("cont", json!({})).await, Err(Fault::MonitorClosed)));
        assert_eq!(events.recv().await, None);
    }

    #[tokio::test]
    async fn an_endless_line_ends_the_connection() {
        let (_directory, path) = fake(vec!["x".repeat(3 << 20)]).await;
        assert!(matches!(Monitor::connect(&path, us()).await, Err(Fault::MonitorClosed)));
    }

    #[tokio::test]
    async fn an_event_that_is_too_long_is_not_kept() {
        let long = format!("{{\"event\":\"LONG\",\"data\":{{\"x\":\"{}\"}}}}\r\n", "x".repeat(MAX_EVENT));
        let short = "{\"event\":\"SHORT\"}\r\n";
        let (_directory, path) = fake(vec![format!("{long}{short}{{\"return\":{{}},\"id\":1}}\r\n")]).await;
        let (_monitor, mut events) = Monitor::connect(&path, us()).await.unwrap();
        assert_eq!(events.recv().await.unwrap().name, "SHORT");
    }
}
