//! `rolltop exec`: a command in a desktop as if it were here.
//!
//! ```text
//!  stdin ──thread──► as much as the server allows ──► WebSocket ──► the command
//!  stdout, stderr ◄──thread, which says what it has taken ◄── WebSocket ◄──
//! ```
//!
//! Reading and writing here may stand still for as long as they like: only what was taken is
//! reported, and the connection itself never waits for either.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};
use std::time::Duration;

use bytes::Bytes;
use clap::Args;
use futures::stream::SplitSink;
use futures::{SinkExt as _, StreamExt as _};
use rolltop_api_types::{
    Code, EXEC_COMMAND_LIMIT, EXEC_MESSAGE_COST, EXEC_STDERR, EXEC_STDOUT, ExecControl, ExecEvent, ExecExit,
    ExecRequest, ExecSocket,
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::Message;

use crate::connect::Connection;
use crate::failure::{Exit, Failure};
use crate::find;

#[derive(Args)]
pub struct Exec {
    /// The desktop
    pub name: String,
    /// The command and its arguments, each as it is: no shell reads them in the desktop
    #[arg(required = true, last = true, value_name = "COMMAND")]
    pub words: Vec<String>,
    /// Folder in the desktop to run it in
    #[arg(long, short = 'C', value_name = "DIR")]
    pub cwd: Option<String>,
    /// A variable for it
    #[arg(long, short, value_name = "NAME=VALUE")]
    pub env: Vec<String>,
    /// Give it no input
    #[arg(long, short = 'n')]
    pub no_stdin: bool,
    /// End it after so many seconds
    #[arg(long, value_name = "SECONDS")]
    pub timeout: Option<u32>,
}

/// For trouble on the way, as ssh has it.
const ON_THE_WAY: u8 = 255;
/// What a shell says of a program that can't be run, and of one that is not there.
const NOT_EXECUTABLE: u8 = 126;
const NOT_FOUND: u8 = 127;
/// What GNU timeout says.
const TIMED_OUT: u8 = 124;
const INTERRUPTED: u8 = 130;
const BROKEN_PIPE: u8 = 141;
/// Read from standard input at once, bytes.
const PIECE: usize = 32 * 1024;
/// For what was written last to reach whoever reads it.
const FLUSH_DEADLINE: Duration = Duration::from_secs(3600);

/// `rolltop exec`; all failures of our own have an exit code that no command has.
pub async fn run(connection: &Connection, exec: &Exec) -> Result<u8, Failure> {
    let request = request(exec)?;
    let result = async {
        let desktop = find::desktop(connection, &exec.name).await?;
        let socket = connection.client.exec_socket(desktop.id).await?;
        Session::start(socket, request, !exec.no_stdin).await.run().await
    };
    match result.await {
        Err(failure) if ![NOT_EXECUTABLE, NOT_FOUND].contains(&failure.exit) => {
            Err(connection.explain(failure).await.exiting(ON_THE_WAY))
        }
        done => done,
    }
}

fn request(exec: &Exec) -> Result<ExecRequest, Failure> {
    let variables: BTreeMap<String, String> = exec
        .env
        .iter()
        .map(|text| {
            let (name, value) =
                text.split_once('=').ok_or_else(|| Failure::usage(format!("{text} is not NAME=VALUE.")))?;
            Ok((name.to_owned(), value.to_owned()))
        })
        .collect::<Result<_, Failure>>()?;
    let request = ExecRequest {
        cwd: exec.cwd.clone(),
        env: variables,
        timeout_seconds: exec.timeout,
        ..ExecRequest::of_words(exec.words.clone())
    };
    let bytes = request.command_bytes();
    if bytes > EXEC_COMMAND_LIMIT {
        return Err(Failure::usage(format!(
            "A command, its folder and its variables have at most {} KiB together; these have {} KiB. \
             Give it the rest on standard input, or as a file with rolltop cp.",
            EXEC_COMMAND_LIMIT >> 10,
            bytes.div_ceil(1024)
        )));
    }
    Ok(request)
}

type Sink = SplitSink<ExecSocket, Message>;

struct Session {
    to_server: Sink,
    from_server: futures::stream::SplitStream<ExecSocket>,
    /// What may still be sent of standard input.
    allowed: u32,
    /// The server takes nothing any more. What it said before that is still to be read.
    is_closing: bool,
    input: Option<mpsc::Receiver<Bytes>>,
    writer: Writer,
}

impl Session {
    async fn start(socket: ExecSocket, request: ExecRequest, with_input: bool) -> Self {
        let (to_server, from_server) = socket.split();
        let input = with_input.then(reader);
        let mut session =
            Self { to_server, from_server, allowed: 0, is_closing: false, input, writer: Writer::start() };
        let text = serde_json::to_string(&request).unwrap_or_default();
        session.send(Message::text(text)).await;
        if !with_input {
            session.control(&ExecControl::EndInput).await;
        }
        session
    }

    async fn run(mut self) -> Result<u8, Failure> {
        let mut signals = Signals::new()?;
        let mut interrupted = false;
        loop {
            tokio::select! {
                message = self.from_server.next() => match message {
                    Some(Ok(message)) => if let Some(code) = self.hear(message).await? { return Ok(code) },
                    Some(Err(_)) | None => return Err(broken("The connection to the server broke off.")),
                },
                piece = next(&mut self.input), if self.allowed > cost(PIECE) => match piece {
                    Some(piece) => {
                        self.allowed = self.allowed.saturating_sub(cost(piece.len()));
                        self.send(Message::Binary(piece)).await;
                    }
                    None => {
                        self.input = None;
                        self.control(&ExecControl::EndInput).await;
                    }
                },
                Some(written) = self.writer.taken.recv() => match written {
                    Ok(bytes) => self.control(&ExecControl::Taken { bytes }).await,
                    // Whoever read it has had enough, as after any program in a pipeline.
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(BROKEN_PIPE),
                    Err(error) => return Err(Failure::io("output can't be written", &error)),
                },
                name = signals.next() => {
                    if name == "INT" && std::mem::replace(&mut interrupted, true) {
                        return Ok(INTERRUPTED);
                    }
                    self.control(&ExecControl::Signal { signal: name.to_owned() }).await;
                }
            }
        }
    }

    /// The exit code, once there is one.
    async fn hear(&mut self, message: Message) -> Result<Option<u8>, Failure> {
        match message {
            Message::Binary(bytes) => {
                self.writer.write(bytes);
                Ok(None)
            }
            Message::Text(text) => match ExecEvent::read(&text) {
                Ok(Some(ExecEvent::Input { bytes })) => {
                    self.allowed = self.allowed.saturating_add(bytes);
                    Ok(None)
                }
                Ok(Some(ExecEvent::Exit(exit))) => {
                    self.writer.finish().await?;
                    Ok(Some(code_of(&exit)))
                }
                Ok(Some(ExecEvent::Error(problem))) => {
                    self.writer.finish().await?;
                    let failure = Failure::new(Exit::Failed, problem.code.as_str(), problem.detail);
                    Err(match problem.code {
                        Code::CommandNotFound => failure.exiting(NOT_FOUND),
                        Code::NotExecutable => failure.exiting(NOT_EXECUTABLE),
                        _ => failure,
                    })
                }
                Ok(_) => Ok(None),
                Err(_) => Err(broken("The server said something that is not understood.")),
            },
            Message::Close(frame) => {
                let why = frame.map(|frame| frame.reason.to_string()).filter(|reason| !reason.is_empty());
                Err(broken(&format!(
                    "The server closed the connection: {}.",
                    why.as_deref().unwrap_or("no reason given")
                )))
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => Ok(None),
        }
    }

    async fn control(&mut self, control: &ExecControl) {
        self.send(Message::text(serde_json::to_string(control).unwrap_or_default())).await;
    }

    async fn send(&mut self, message: Message) {
        if !self.is_closing {
            self.is_closing = self.to_server.send(message).await.is_err();
        }
    }
}

fn broken(detail: &str) -> Failure {
    Failure::new(Exit::Unreachable, "broke_off", detail)
}

fn cost(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX).saturating_add(EXEC_MESSAGE_COST)
}

fn code_of(exit: &ExecExit) -> u8 {
    const NUMBERS: [(&str, u8); 12] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ILL", 4),
        ("ABRT", 6),
        ("BUS", 7),
        ("FPE", 8),
        ("KILL", 9),
        ("SEGV", 11),
        ("PIPE", 13),
        ("ALRM", 14),
        ("TERM", 15),
    ];
    if exit.timed_out {
        return TIMED_OUT;
    }
    if let Some(name) = &exit.signal {
        let number = NUMBERS.iter().find(|(known, _)| known == name).map(|(_, number)| *number);
        return number.map_or(ON_THE_WAY, |number| 128 + number);
    }
    exit.code.and_then(|code| u8::try_from(code).ok()).unwrap_or(ON_THE_WAY)
}

async fn next(input: &mut Option<mpsc::Receiver<Bytes>>) -> Option<Bytes> {
    match input {
        Some(input) => input.recv().await,
        None => std::future::pending().await,
    }
}

/// Standard input in pieces, read in a thread that may wait for it for ever.
fn reader() -> mpsc::Receiver<Bytes> {
    let (sender, receiver) = mpsc::channel(2);
    std::thread::spawn(move || {
        let mut stdin = io::stdin().lock();
        let mut buffer = vec![0; PIECE];
        while let Ok(length @ 1..) = stdin.read(&mut buffer) {
            let piece = Bytes::copy_from_slice(buffer.get(..length).unwrap_or_default());
            if sender.blocking_send(piece).is_err() {
                return;
            }
        }
    });
    receiver
}

/// Standard output and error, written in a thread that may wait for whoever reads them.
struct Writer {
    /// `None` once nothing more is to be written.
    pieces: Option<std::sync::mpsc::Sender<Bytes>>,
    taken: mpsc::UnboundedReceiver<io::Result<u32>>,
}

impl Writer {
    fn start() -> Self {
        // Bounded by what the server may send before it is told that this was taken.
        let (pieces, receiver) = std::sync::mpsc::channel::<Bytes>();
        let (sender, taken) = mpsc::unbounded_channel();
        std::thread::spawn(move || {
            for piece in receiver {
                let written = write(&piece);
                let failed = written.is_err();
                if sender.send(written).is_err() || failed {
                    return;
                }
            }
        });
        Self { pieces: Some(pieces), taken }
    }

    fn write(&self, piece: Bytes) {
        if let Some(pieces) = &self.pieces {
            // A writer that has failed has said so.
            let _ = pieces.send(piece);
        }
    }

    /// Waits until everything is written.
    async fn finish(&mut self) -> Result<(), Failure> {
        self.pieces = None;
        let rest = async {
            while let Some(written) = self.taken.recv().await {
                match written {
                    Ok(_) => {}
                    Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(()),
                    Err(error) => return Err(Failure::io("output can't be written", &error)),
                }
            }
            Ok(())
        };
        tokio::time::timeout(FLUSH_DEADLINE, rest).await.unwrap_or(Ok(()))
    }
}

/// What was written, and what it counts.
fn write(piece: &Bytes) -> io::Result<u32> {
    let Some((kind, bytes)) = piece.split_first() else { return Ok(0) };
    match *kind {
        EXEC_STDOUT => {
            let mut stdout = io::stdout().lock();
            stdout.write_all(bytes)?;
            stdout.flush()?;
        }
        EXEC_STDERR => io::stderr().lock().write_all(bytes)?,
        _ => {}
    }
    Ok(cost(bytes.len()))
}

/// The signals that are passed on.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Signals {
    fn new() -> Result<Self, Failure> {
        let on = |kind| signal(kind).map_err(|error| Failure::io("signals can't be waited for", &error));
        Ok(Self {
            interrupt: on(SignalKind::interrupt())?,
            terminate: on(SignalKind::terminate())?,
            hang_up: on(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.interrupt.recv() => "INT",
            _ = self.terminate.recv() => "TERM",
            _ = self.hang_up.recv() => "HUP",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_a_shell() {
        let of = |code: Option<u32>, signal: Option<&str>, timed_out| {
            code_of(&ExecExit { code, signal: signal.map(str::to_owned), timed_out })
        };
        assert_eq!(of(Some(0), None, false), 0);
        assert_eq!(of(Some(7), None, false), 7);
        assert_eq!(of(None, Some("KILL"), false), 137);
        assert_eq!(of(None, None, true), 124);
        assert_eq!(of(Some(1000), None, false), 255);
    }
}
