//! Commands run in a desktop: what is asked for, what comes of it, and what is said meanwhile.

use std::collections::BTreeMap;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::Code;

/// Longest command, bytes: its words or its text, `cwd` and `env` together, and one for the end of each. What Linux takes
/// as one word.
pub const EXEC_COMMAND_LIMIT: usize = 128 << 10;

/// A command for a desktop. Only its text form goes through a shell. The command, `cwd` and `env` have at most 128 KiB
/// together.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ExecRequest {
    pub command: ExecWords,
    /// Where to run it; by default, and where it is relative, the user's home.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "/home/desk")]
    pub cwd: Option<String>,
    /// Variables besides those of the desktop's session.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Standard input as text, for `POST`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin: Option<String>,
    /// Standard input in base64, for `POST`; not beside `stdin`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stdin_base64: Option<String>,
    /// The command is ended after so many seconds, 1 to 86,400; by default it may run as long as its
    /// caller stays.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 60)]
    pub timeout_seconds: Option<u32>,
}

/// A program with its arguments, or a text for `/bin/sh`.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(untagged)]
pub enum ExecWords {
    /// A program, found in `PATH`, and its arguments, each as it is.
    Words(Vec<String>),
    /// A text for `/bin/sh -c`.
    Shell(String),
}

/// It may hold a secret, so nothing of it is shown.
impl fmt::Debug for ExecRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExecRequest").finish_non_exhaustive()
    }
}

impl ExecRequest {
    /// A program with its arguments.
    pub fn of_words(words: Vec<String>) -> Self {
        Self {
            command: ExecWords::Words(words),
            cwd: None,
            env: BTreeMap::new(),
            stdin: None,
            stdin_base64: None,
            timeout_seconds: None,
        }
    }

    /// What counts towards [`EXEC_COMMAND_LIMIT`], bytes.
    pub fn command_bytes(&self) -> usize {
        let words: usize = match &self.command {
            ExecWords::Words(words) => words.iter().map(|word| word.len() + 1).sum(),
            ExecWords::Shell(text) => text.len() + 1,
        };
        let cwd = self.cwd.as_ref().map_or(0, |cwd| cwd.len() + 1);
        let env: usize = self.env.iter().map(|(name, value)| name.len() + value.len() + 2).sum();
        words + cwd + env
    }
}

/// What is said of a command that runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ExecEvent {
    /// It runs.
    Started,
    /// It wrote to standard output.
    Stdout(ExecOutput),
    /// It wrote to standard error.
    Stderr(ExecOutput),
    /// So many more bytes of standard input may be sent, besides 512 for each message. WebSocket only.
    Input { bytes: u32 },
    /// It ended; nothing comes after this.
    Exit(ExecExit),
    /// Its end is not known, or it did not start; nothing comes after this.
    Error(ExecProblem),
}

impl ExecEvent {
    pub const fn name(&self) -> &'static str {
        match self {
            ExecEvent::Started => "started",
            ExecEvent::Stdout(_) => "stdout",
            ExecEvent::Stderr(_) => "stderr",
            ExecEvent::Input { .. } => "input",
            ExecEvent::Exit(_) => "exit",
            ExecEvent::Error(_) => "error",
        }
    }

    /// Reads one; `None` for a kind that this version of the client does not know.
    pub fn read(text: &str) -> Result<Option<Self>, serde_json::Error> {
        #[derive(Deserialize)]
        struct Kind {
            r#type: String,
        }
        let kind: Kind = serde_json::from_str(text)?;
        match kind.r#type.as_str() {
            "started" | "stdout" | "stderr" | "input" | "exit" | "error" => {
                serde_json::from_str(text).map(Some)
            }
            _ => Ok(None),
        }
    }
}

/// Bytes that a command wrote: `text` where they are UTF-8, else `base64`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecOutput {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "hello\n")]
    pub text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

impl ExecOutput {
    pub fn of(bytes: &[u8]) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self { text: Some(text.to_owned()), base64: None },
            Err(_) => Self { text: None, base64: Some(STANDARD.encode(bytes)) },
        }
    }

    /// The bytes; `None` for what is no base64.
    pub fn bytes(&self) -> Option<Vec<u8>> {
        match (&self.text, &self.base64) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(base64)) => STANDARD.decode(base64).ok(),
            (None, None) => Some(Vec::new()),
        }
    }
}

/// How a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecExit {
    /// Its exit code, where it ended by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = 0)]
    pub code: Option<u32>,
    /// The signal that ended it, without `SIG`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "TERM")]
    pub signal: Option<String>,
    /// It was ended because its time was over.
    #[serde(default)]
    pub timed_out: bool,
}

/// Why a command's end is not known, or why it did not start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ExecProblem {
    pub code: Code,
    /// One sentence.
    pub detail: String,
}

/// What the caller says in a text message once the command has been asked for. WebSocket only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ExecControl {
    /// So many more bytes of output have been taken. No more than 512 KiB are sent beyond what has been.
    Taken { bytes: u32 },
    /// There is no more standard input.
    EndInput,
    /// Send a signal to the command and what it has started: `INT`, `TERM`, `HUP`, `KILL` and their like.
    Signal { signal: String },
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::ExecRequest;
    use crate::operation::{EXEC, operations};

    operations! {
        /// Run a command
        ///
        /// As the desktop's user, without a terminal, with the variables of its session. Server-sent events,
        /// whose `data` is an `ExecEvent`: `started`, then `stdout` and `stderr` as they are written, and at the
        /// end `exit`, or `error` where the end is not known. What is not UTF-8 is in `base64`. The command stands
        /// still while its output is not read; a caller that reads nothing for a minute is taken for gone. It is ended when the caller closes the connection or its
        /// credential is revoked: its process group is asked to end, and made to after three seconds; what has
        /// left that group (`setsid`, a service) goes on. Noted in the access log, without what was run.
        Exec: POST "/v1/desktops/{id}/exec" {
            tag: "inside",
            access: EXEC,
            path: DesktopId,
            body: ExecRequest,
            reply: 200 "The command runs." as "text/event-stream" = "event: started\ndata: {\"type\":\"started\"}\n\nevent: stdout\ndata: {\"type\":\"stdout\",\"text\":\"hello\\n\"}\n\nevent: exit\ndata: {\"type\":\"exit\",\"code\":0,\"timed_out\":false}\n\n",
            errors: [
                InvalidJson, NotFound, NotRunning, NoExec, InvalidBody, UnknownField,
                InvalidCommand, CommandNotFound, NotExecutable, FolderNotFound, RateLimited,
                TooManyCommands, DesktopUnreachable,
            ],
        }

        /// Run a command, with input
        ///
        /// A WebSocket (HTTP/1.1 upgrade) with subprotocol `rolltop.exec.1`. The first message is an `ExecRequest`
        /// as text, without standard input. Then binary messages to the server are standard input, and those
        /// from it are a byte, 1 for standard output or 2 for standard error, and what was written. Texts from the
        /// server are `ExecEvent`s: `started`; `input` with how many more `bytes` of input may be sent; `exit` or
        /// `error` at the end. Texts to it are `{"type":"taken","bytes":4096}`, without which no more than 512 KiB of output come;
        /// `{"type":"end_input"}`; `{"type":"signal","signal":"INT"}`. In both counts each message costs 512 bytes besides its
        /// own, the leading byte not counted. When the WebSocket closes, the command is ended as `POST` says.
        OpenExec: GET "/v1/desktops/{id}/exec" {
            tag: "inside",
            access: EXEC,
            path: DesktopId,
            websocket: crate::EXEC_PROTOCOL,
            reply: 101 "The WebSocket is open.",
            errors: [
                NotFound, NotRunning, WebsocketRequired, RateLimited, TooManyCommands,
                DesktopUnreachable,
            ],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_written_as_documented() {
        let text = |event: ExecEvent| serde_json::to_string(&event).unwrap();
        assert_eq!(text(ExecEvent::Started), r#"{"type":"started"}"#);
        assert_eq!(text(ExecEvent::Stdout(ExecOutput::of(b"hi\n"))), r#"{"type":"stdout","text":"hi\n"}"#);
        assert_eq!(text(ExecEvent::Stderr(ExecOutput::of(&[255]))), r#"{"type":"stderr","base64":"/w=="}"#);
        let exit = ExecExit { code: Some(3), ..ExecExit::default() };
        assert_eq!(text(ExecEvent::Exit(exit)), r#"{"type":"exit","code":3,"timed_out":false}"#);
        assert_eq!(ExecEvent::read(r#"{"type":"new","x":1}"#).unwrap(), None);
        assert_eq!(ExecEvent::read(r#"{"type":"started","x":1}"#).unwrap(), Some(ExecEvent::Started));
        let control = |control: ExecControl| serde_json::to_string(&control).unwrap();
        assert_eq!(control(ExecControl::Taken { bytes: 7 }), r#"{"type":"taken","bytes":7}"#);
        assert_eq!(control(ExecControl::EndInput), r#"{"type":"end_input"}"#);
        assert!(serde_json::from_str::<ExecControl>(r#"{"type":"taken","bytes":-1}"#).is_err());
    }

    #[test]
    fn a_command_is_words_or_a_text_and_shows_nothing_of_itself() {
        let words: ExecRequest = serde_json::from_str(r#"{"command":["ls","-l"]}"#).unwrap();
        assert_eq!(words, ExecRequest::of_words(vec!["ls".into(), "-l".into()]));
        let text: ExecRequest = serde_json::from_str(r#"{"command":"secret | tool"}"#).unwrap();
        assert!(matches!(&text.command, ExecWords::Shell(text) if text == "secret | tool"));
        assert!(!format!("{text:?}").contains("secret"));
        assert!(serde_json::from_str::<ExecRequest>(r#"{"command":["ls"],"shell":true}"#).is_err());
    }

    #[test]
    fn all_that_the_command_is_given_counts() {
        let request = ExecRequest {
            cwd: Some("/tmp".into()),
            env: BTreeMap::from([("A".into(), "é".into())]),
            stdin: Some("not this".into()),
            ..ExecRequest::of_words(vec!["ls".into(), "-l".into()])
        };
        assert_eq!(request.command_bytes(), 3 + 3 + 5 + 5);
        let text: ExecRequest = serde_json::from_str(r#"{"command":"ls"}"#).unwrap();
        assert_eq!(text.command_bytes(), 3);
    }

    #[test]
    fn bytes_come_back_as_they_were() {
        for bytes in [&b""[..], b"text", &[0xc3], &[0, 159, 146, 150]] {
            assert_eq!(ExecOutput::of(bytes).bytes().unwrap(), bytes);
        }
    }
}
