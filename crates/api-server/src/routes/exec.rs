//! `POST /v1/desktops/{id}/exec`: a command, and what comes of it as server-sent events.
//!
//! One piece of output at a time waits for the caller. While it waits, the command stands still
//! inside the desktop, so neither this process's memory grows nor the desktop's other channels wait.
//! When the caller goes, so does the command.

pub(super) mod socket;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::response::sse::{Event as SseEvent, Sse};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use rolltop_api_types::{
    Code, EXEC_COMMAND_LIMIT, ExecEvent, ExecExit, ExecOutput, ExecProblem, ExecRequest, ExecWords, op,
};
use rolltop_control::{
    ExecCommand, ExecError, ExecLine, Exit, Process, ProcessEvent, ProcessOutput, purpose,
};
use tokio::sync::mpsc::{Sender, channel};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_stream::wrappers::ReceiverStream;

use crate::call::Call;
use crate::config::ApiConfig;
use crate::problems::ApiError;

/// Longest that a command may be given, seconds.
const LONGEST: u32 = 86_400;
/// For an end that is never asked for.
const FOR_EVER: Duration = Duration::from_secs(365 * 86_400);

pub(crate) async fn run(mut call: Call<op::Exec>) -> Result<Response, ApiError> {
    let config = call.state.config.clone();
    let access = call.desktop::<purpose::Exec>().await?;
    let request = call.body().await?;
    let input = input(&request)?;
    let limit = limit(&request)?;
    let command = command(request)?;
    let line = call.control.exec(&access).await?;
    let process = line.start(command).await?;
    let (events, receiver) = channel(1);
    let follower = Follower { config, events, _line: line };
    tokio::spawn(follower.run(process, input, limit));
    Ok(Sse::new(ReceiverStream::new(receiver)).into_response())
}

/// What is to be run.
fn command(request: ExecRequest) -> Result<ExecCommand, ApiError> {
    let bytes = request.command_bytes();
    if bytes > EXEC_COMMAND_LIMIT {
        let detail = format!(
            "A command, its folder and its variables have at most {} KiB together; these have {} KiB. \
             Send the rest as its input or as a file.",
            EXEC_COMMAND_LIMIT >> 10,
            bytes.div_ceil(1024)
        );
        return Err(ApiError::new(Code::InvalidCommand, detail).in_field("command"));
    }
    let mut command = match request.command {
        ExecWords::Words(words) => ExecCommand::of_words(words)?,
        ExecWords::Shell(text) => ExecCommand::of_shell(text)?,
    };
    if let Some(cwd) = request.cwd {
        command = command.in_folder(cwd)?;
    }
    Ok(command.with_variables(request.env)?)
}

fn input(request: &ExecRequest) -> Result<Bytes, ApiError> {
    match (&request.stdin, &request.stdin_base64) {
        (None, None) => Ok(Bytes::new()),
        (Some(text), None) => Ok(Bytes::from(text.clone())),
        (None, Some(text)) => STANDARD.decode(text).map(Bytes::from).map_err(|_| {
            ApiError::new(Code::InvalidBody, "The value of stdin_base64 is no base64.")
                .in_field("stdin_base64")
        }),
        (Some(_), Some(_)) => {
            let detail = "Standard input is given twice; choose one of stdin and stdin_base64.";
            Err(ApiError::new(Code::InvalidBody, detail).in_field("stdin_base64"))
        }
    }
}

fn limit(request: &ExecRequest) -> Result<Duration, ApiError> {
    match request.timeout_seconds {
        None => Ok(FOR_EVER),
        Some(seconds @ 1..=LONGEST) => Ok(Duration::from_secs(seconds.into())),
        Some(_) => {
            let detail = format!("A command may be given 1 to {LONGEST} seconds.");
            Err(ApiError::new(Code::InvalidBody, detail).in_field("timeout_seconds"))
        }
    }
}

fn exit(exit: Exit) -> ExecExit {
    match exit {
        Exit::Code(code) => ExecExit { code: Some(code), ..ExecExit::default() },
        Exit::Signal(name) => ExecExit { signal: Some(name), ..ExecExit::default() },
    }
}

fn timed_out() -> ExecEvent {
    ExecEvent::Exit(ExecExit { timed_out: true, ..ExecExit::default() })
}

fn lost() -> ExecEvent {
    let detail = "The way to the desktop is gone; whether the command has ended is not known.".to_owned();
    ExecEvent::Error(ExecProblem { code: Code::DesktopUnreachable, detail })
}

/// Follows one command for one caller. When the caller's credential ends, so does its answer, and with
/// that this.
struct Follower {
    config: Arc<ApiConfig>,
    events: Sender<Result<SseEvent, Infallible>>,
    /// Its place among the desktop's commands.
    _line: ExecLine,
}

impl Follower {
    async fn run(self, process: Process, input: Bytes, limit: Duration) {
        let Process { mut output, input: to_command } = process;
        let feed = async {
            to_command.write(&input).await;
            to_command.end().await;
            std::future::pending::<()>().await;
        };
        let gone = self.events.clone();
        tokio::select! {
            () = self.follow(&mut output) => {}
            () = feed => {}
            () = gone.closed() => tracing::debug!("the caller of a command has gone"),
            () = self.config.shutdown.cancelled() => {}
            () = tokio::time::sleep(limit) => { self.send(&timed_out()).await; }
        }
        // The output is dropped here, which ends the command.
    }

    async fn follow(&self, output: &mut ProcessOutput) {
        let (mut stdout, mut stderr) = (Text::default(), Text::default());
        let beat = self.config.heartbeat;
        let mut heartbeat = interval_at(Instant::now() + beat, beat);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut goes_on = self.send(&ExecEvent::Started).await;
        while goes_on {
            let event = tokio::select! {
                event = output.next() => event,
                _ = heartbeat.tick() => {
                    goes_on = self.deliver(SseEvent::default().comment("still here")).await;
                    continue;
                }
            };
            goes_on = match event {
                Ok(ProcessEvent::Stdout(bytes)) => {
                    self.send_text(stdout.push(&bytes), ExecEvent::Stdout).await
                }
                Ok(ProcessEvent::Stderr(bytes)) => {
                    self.send_text(stderr.push(&bytes), ExecEvent::Stderr).await
                }
                Ok(ProcessEvent::Exit(how)) => {
                    self.send_text(stdout.rest(), ExecEvent::Stdout).await;
                    self.send_text(stderr.rest(), ExecEvent::Stderr).await;
                    self.send(&ExecEvent::Exit(exit(how))).await;
                    false
                }
                Err(error) => {
                    tracing::debug!(%error, "a command's end is not known");
                    self.send(&lost()).await;
                    false
                }
            };
        }
    }

    async fn send_text(&self, bytes: Vec<u8>, event: impl Fn(ExecOutput) -> ExecEvent) -> bool {
        if bytes.is_empty() {
            return true;
        }
        self.send(&event(ExecOutput::of(&bytes))).await
    }

    async fn send(&self, event: &ExecEvent) -> bool {
        match SseEvent::default().event(event.name()).json_data(event) {
            Ok(line) => self.deliver(line).await,
            Err(_) => false,
        }
    }

    /// False once nobody takes anything any more.
    async fn deliver(&self, line: SseEvent) -> bool {
        matches!(timeout(self.config.stalled_viewer, self.events.send(Ok(line))).await, Ok(Ok(())))
    }
}

/// Keeps back a character that was cut, so that text stays text.
#[derive(Default)]
struct Text {
    cut: Vec<u8>,
}

impl Text {
    /// What can be sent now.
    fn push(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut all = std::mem::take(&mut self.cut);
        all.extend_from_slice(bytes);
        if let Err(error) = std::str::from_utf8(&all)
            && error.error_len().is_none()
        {
            self.cut = all.split_off(error.valid_up_to());
        }
        all
    }

    fn rest(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.cut)
    }
}

/// A start that failed, as an event.
fn refused(error: ExecError) -> ExecEvent {
    not_a_command(error.into())
}

fn not_a_command(error: ApiError) -> ExecEvent {
    let problem = *error.problem;
    ExecEvent::Error(ExecProblem { code: problem.code, detail: problem.detail })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_is_cut_stays_whole() {
        let mut text = Text::default();
        let euro = "a€".as_bytes();
        assert_eq!(text.push(&euro[..2]), b"a");
        assert_eq!(text.push(&euro[2..]), "€".as_bytes());
        assert_eq!(text.push(&[b'x', 0xff]), [b'x', 0xff], "what is no text is not kept back");
        assert_eq!(text.push(&euro[..3]), b"a");
        assert_eq!(text.rest(), &euro[1..3]);
        assert!(text.rest().is_empty());
    }
}
