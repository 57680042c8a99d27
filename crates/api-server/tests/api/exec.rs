//! Commands: over server-sent events and over a WebSocket.

use std::time::Duration;

use futures::{SinkExt, StreamExt};
use reqwest::Method;
use rolltop_api_server::ApiConfig;
use rolltop_api_types::{
    Code, EXEC_MESSAGE_COST, EXEC_STDERR, EXEC_STDOUT, ExecControl, ExecEvent, ExecExit, ExecRequest,
    ExecSocket, ExecWords,
};
use rolltop_control::ControlConfig;
use rolltop_model::DesktopId;
use rolltop_testing::{PATIENCE, Platform, comes_true};
use serde_json::json;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use crate::told::told;

fn shell(text: &str) -> ExecRequest {
    ExecRequest { command: ExecWords::Shell(text.to_owned()), ..ExecRequest::of_words(Vec::new()) }
}

/// Output, error output and the last event of a command.
async fn run(platform: &Platform, id: DesktopId, request: &ExecRequest) -> (String, String, ExecEvent) {
    let mut stream = platform.client.exec(id, request).await.unwrap();
    let (mut stdout, mut stderr, mut last) = (Vec::new(), Vec::new(), ExecEvent::Started);
    while let Some(event) = timeout(PATIENCE, stream.next()).await.expect("an event in time") {
        match event.unwrap() {
            ExecEvent::Stdout(output) => stdout.extend(output.bytes().unwrap()),
            ExecEvent::Stderr(output) => stderr.extend(output.bytes().unwrap()),
            event => last = event,
        }
    }
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), last)
}

fn exited(code: u32) -> ExecEvent {
    ExecEvent::Exit(ExecExit { code: Some(code), ..ExecExit::default() })
}

#[tokio::test]
async fn a_command_streams_and_its_exit_is_passed_on() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let script = shell("echo out; echo err >&2; exit 7");
    let (stdout, stderr, last) = run(&platform, desktop.id, &script).await;
    assert_eq!((stdout.as_str(), stderr.as_str(), last), ("out\n", "err\n", exited(7)));
    let killed = run(&platform, desktop.id, &shell("kill -TERM $$")).await.2;
    let signal = ExecExit { signal: Some("TERM".into()), ..ExecExit::default() };
    assert_eq!(killed, ExecEvent::Exit(signal));
    let cat = ExecRequest { stdin: Some("in and out".into()), ..ExecRequest::of_words(vec!["cat".into()]) };
    assert_eq!(run(&platform, desktop.id, &cat).await.0, "in and out");
    let words = ["echo", "a  b", "; exit 9"].map(str::to_owned).to_vec();
    assert_eq!(run(&platform, desktop.id, &ExecRequest::of_words(words)).await.0, "a  b ; exit 9\n");
    let there = ExecRequest { cwd: Some("/tmp".into()), ..shell("pwd; env") };
    let there = ExecRequest { env: [("A".to_owned(), "1".to_owned())].into(), ..there };
    assert_eq!(run(&platform, desktop.id, &there).await.0, "/tmp\nA=1\n");
    let log = platform.client.access_log(desktop.id).await.unwrap();
    assert_eq!(log.iter().filter(|entry| entry.purpose == "exec").count(), 5, "each is noted: {log:?}");
}

#[tokio::test]
async fn events_are_written_as_documented() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let path = format!("/v1/desktops/{}/exec", desktop.id);
    let request = platform.raw(Method::POST, &path).json(&json!({"command": "echo hello"}));
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-type"], "text/event-stream");
    assert_eq!(response.headers()["x-accel-buffering"], "no", "proxies hand it on as it comes");
    insta::assert_snapshot!(response.text().await.unwrap(), @r#"
    event: started
    data: {"type":"started"}

    event: stdout
    data: {"type":"stdout","text":"hello\n"}

    event: exit
    data: {"type":"exit","code":0,"timed_out":false}
    "#);
}

#[tokio::test]
async fn what_can_not_be_run_is_a_problem() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let path = format!("/v1/desktops/{}/exec", desktop.id);
    let ask = |body: serde_json::Value| told(platform.raw(Method::POST, &path).json(&body));
    insta::assert_snapshot!(ask(json!({"command": ["no-such-program"]})).await, @r#"
    422 application/problem+json
    {
      "code": "command_not_found",
      "detail": "There is no program no-such-program.",
      "errors": [
        {
          "detail": "There is no program no-such-program.",
          "field": "command"
        }
      ],
      "status": 422,
      "title": "There is no such program",
      "type": "urn:rolltop:problem:command_not_found"
    }
    "#);
    for (body, code) in [
        (json!({"command": []}), "invalid_command"),
        (json!({"command": ["a\u{0}b"]}), "invalid_command"),
        (json!({"command": ["env"], "env": {"A=B": "1"}}), "invalid_command"),
        (json!({"command": ["pwd"], "cwd": "/nowhere"}), "folder_not_found"),
        (json!({"command": 7}), "invalid_body"),
        (json!({"command": "cat", "stdin": "a", "stdin_base64": "YQ=="}), "invalid_body"),
        (json!({"command": "cat", "stdin_base64": "?"}), "invalid_body"),
        (json!({"command": "cat", "timeout_seconds": 0}), "invalid_body"),
        (json!({"command": "cat", "comand": "x"}), "unknown_field"),
        (json!({}), "invalid_body"),
    ] {
        let answer = ask(body.clone()).await;
        assert!(answer.contains(&format!("\"code\": \"{code}\"")), "{body}: {answer}");
    }
    let stopped = platform.client.stop_desktop(desktop.id).await.unwrap();
    platform.until(stopped.id, rolltop_api_types::DesktopState::Stopped).await;
    let error = platform.client.exec(desktop.id, &shell("true")).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::NotRunning));
}

#[tokio::test]
async fn a_command_ends_with_its_caller_and_with_its_time() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let running = || platform.engine.running_commands(desktop.id).unwrap();
    let mut stream = platform.client.exec(desktop.id, &shell("echo here; sleep 1000")).await.unwrap();
    for _ in 0..2 {
        timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
    }
    assert_eq!(running(), 1);
    drop(stream);
    assert!(comes_true(async || running() == 0).await, "it ends when the caller has gone");
    let short = ExecRequest { timeout_seconds: Some(1), ..shell("sleep 1000") };
    let ended = run(&platform, desktop.id, &short).await.2;
    assert_eq!(ended, ExecEvent::Exit(ExecExit { timed_out: true, ..ExecExit::default() }));
    assert!(comes_true(async || running() == 0).await, "it ends when its time is over");
    let mut lost = platform.client.exec(desktop.id, &shell("echo here; sleep 1000")).await.unwrap();
    for _ in 0..2 {
        timeout(PATIENCE, lost.next()).await.unwrap().unwrap().unwrap();
    }
    platform.engine.cut_connections(desktop.id);
    let last = timeout(PATIENCE, lost.next()).await.unwrap().unwrap().unwrap();
    assert!(matches!(last, ExecEvent::Error(problem) if problem.code == Code::DesktopUnreachable));
}

#[tokio::test]
async fn a_flood_that_nobody_reads_stands_still() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let written = || platform.engine.command_bytes(desktop.id).unwrap();
    let mut stream = platform.client.exec(desktop.id, &shell("yes | head -c 200M")).await.unwrap();
    timeout(PATIENCE, stream.next()).await.unwrap().unwrap().unwrap();
    // It stands still once what is on the way is full.
    let mut last = 0;
    let still = async || {
        let before = std::mem::replace(&mut last, written());
        platform.client.screenshot(desktop.id, 320).await.unwrap();
        before == last && last > 0
    };
    assert!(comes_true(still).await);
    assert!(last < 16 << 20, "{last} bytes were written for nobody");
    let mut length = 0;
    while let Some(event) = timeout(PATIENCE, stream.next()).await.unwrap() {
        match event.unwrap() {
            ExecEvent::Stdout(output) => length += output.bytes().unwrap().len(),
            event => assert_eq!(event, exited(0)),
        }
    }
    assert_eq!(length, 200 << 20);
}

/// A caller that says what it has taken.
struct Caller {
    socket: ExecSocket,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    events: Vec<ExecEvent>,
    close: Option<u16>,
}

impl Caller {
    async fn start(platform: &Platform, id: DesktopId, request: &ExecRequest) -> Self {
        let socket = platform.client.exec_socket(id).await.unwrap();
        let mut caller =
            Self { socket, stdout: Vec::new(), stderr: Vec::new(), events: Vec::new(), close: None };
        caller.say(&serde_json::to_string(request).unwrap()).await;
        caller
    }

    async fn say(&mut self, text: &str) {
        self.socket.send(Message::text(text.to_owned())).await.unwrap();
    }

    async fn control(&mut self, control: ExecControl) {
        self.say(&serde_json::to_string(&control).unwrap()).await;
    }

    /// Reads one message; `false` once closed.
    async fn read(&mut self) -> bool {
        match timeout(PATIENCE, self.socket.next()).await.expect("a message in time") {
            Some(Ok(Message::Binary(bytes))) => {
                let (kind, bytes) = bytes.split_first().unwrap();
                match *kind {
                    EXEC_STDOUT => self.stdout.extend_from_slice(bytes),
                    EXEC_STDERR => self.stderr.extend_from_slice(bytes),
                    other => panic!("{other}"),
                }
                let bytes = u32::try_from(bytes.len()).unwrap() + EXEC_MESSAGE_COST;
                let taken = serde_json::to_string(&ExecControl::Taken { bytes }).unwrap();
                // It may have been closed meanwhile, which reading on tells.
                let _ = self.socket.send(Message::text(taken)).await;
                true
            }
            Some(Ok(Message::Text(text))) => {
                self.events.push(serde_json::from_str(&text).unwrap());
                true
            }
            Some(Ok(Message::Close(frame))) => {
                self.close = frame.map(|frame| frame.code.into());
                false
            }
            Some(Ok(_)) => true,
            Some(Err(_)) | None => false,
        }
    }

    async fn sees(&mut self, text: &str) {
        while !String::from_utf8_lossy(&self.stdout).contains(text) {
            assert!(self.read().await, "closed with {:?} before {text:?}: {:?}", self.close, self.events);
        }
    }

    /// The last event, and how it was closed.
    async fn ended(&mut self) -> (Option<ExecEvent>, Option<u16>) {
        while self.read().await {}
        (self.events.pop(), self.close)
    }
}

#[tokio::test]
async fn input_comes_as_it_is_typed_and_ends() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut cat = Caller::start(&platform, desktop.id, &ExecRequest::of_words(vec!["cat".into()])).await;
    for word in ["one\n", "two\n"] {
        cat.socket.send(Message::binary(word.as_bytes().to_vec())).await.unwrap();
        cat.sees(word).await;
    }
    cat.control(ExecControl::EndInput).await;
    assert_eq!(cat.ended().await, (Some(exited(0)), Some(1000)));
    assert_eq!(cat.events[0], ExecEvent::Started);
    assert!(matches!(cat.events[1], ExecEvent::Input { .. }));
    let mut script = Caller::start(&platform, desktop.id, &shell("echo err >&2; echo out; exit 3")).await;
    assert_eq!(script.ended().await, (Some(exited(3)), Some(1000)));
    assert_eq!((script.stdout.as_slice(), script.stderr.as_slice()), (&b"out\n"[..], &b"err\n"[..]));
}

#[tokio::test]
async fn signals_and_going_away_end_it() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let mut sleeper = Caller::start(&platform, desktop.id, &shell("echo here; sleep 1000")).await;
    sleeper.sees("here").await;
    sleeper.control(ExecControl::Signal { signal: "INT".into() }).await;
    let signal = ExecExit { signal: Some("INT".into()), ..ExecExit::default() };
    assert_eq!(sleeper.ended().await, (Some(ExecEvent::Exit(signal)), Some(1000)));
    let mut leaver = Caller::start(&platform, desktop.id, &shell("echo here; sleep 1000")).await;
    leaver.sees("here").await;
    drop(leaver);
    assert!(comes_true(async || platform.engine.running_commands(desktop.id) == Some(0)).await);
    let mut missing = Caller::start(&platform, desktop.id, &ExecRequest::of_words(vec!["nope".into()])).await;
    let (last, _) = missing.ended().await;
    assert!(matches!(last, Some(ExecEvent::Error(problem)) if problem.code == Code::CommandNotFound));
}

#[tokio::test]
async fn a_flood_over_the_socket_waits_for_its_reader_and_the_socket_does_not() {
    let config = ApiConfig {
        heartbeat: Duration::from_millis(100),
        stalled_viewer: Duration::from_secs(2),
        ..ApiConfig::default()
    };
    let platform = Platform::with(config, ControlConfig::default()).await;
    let desktop = platform.running("research").await;
    let mut flood = Caller::start(&platform, desktop.id, &shell("yes | head -c 20M")).await;
    let (mut bytes, mut pings) = (0, 0);
    // Takes nothing: a window comes and then only signs of life, longer than a stalled one is borne.
    while pings < 30 {
        match timeout(PATIENCE, flood.socket.next()).await.unwrap().unwrap().unwrap() {
            Message::Binary(piece) => bytes += piece.len() - 1,
            Message::Ping(_) => pings += 1,
            _ => {}
        }
    }
    assert!((256 << 10..2 << 20).contains(&bytes), "{bytes} bytes came");
    let written = platform.engine.command_bytes(desktop.id).unwrap();
    assert!(written < 4 << 20, "{written} bytes were written for nobody");
    flood.control(ExecControl::Taken { bytes: u32::MAX }).await;
    assert_eq!(flood.ended().await, (Some(exited(0)), Some(1000)));
    assert_eq!(bytes + flood.stdout.len(), 20 << 20, "nothing was lost");
}

#[tokio::test]
async fn it_closes_on_what_is_no_message_with_the_session_and_the_process() {
    let config = ApiConfig { heartbeat: Duration::from_millis(200), ..ApiConfig::default() };
    let platform = Platform::with(config, ControlConfig::default()).await;
    let desktop = platform.running("research").await;
    let sleep = shell("sleep 1000");
    let mut mistaken = Caller::start(&platform, desktop.id, &sleep).await;
    mistaken.say(r#"{"type":"dance"}"#).await;
    assert_eq!(mistaken.ended().await.1, Some(1003));
    let mut greedy = Caller::start(&platform, desktop.id, &sleep).await;
    for _ in 0..20 {
        let _ = greedy.socket.send(Message::binary(vec![0; 64 << 10])).await;
    }
    assert_eq!(greedy.ended().await.1, Some(1008), "more input than was allowed");
    let session = platform.session().await;
    let socket = session.exec_socket(desktop.id).await.unwrap();
    let mut theirs = Caller { socket, stdout: vec![], stderr: vec![], events: vec![], close: None };
    theirs.say(&serde_json::to_string(&sleep).unwrap()).await;
    assert!(theirs.read().await);
    session.sign_out().await.unwrap();
    assert_eq!(theirs.ended().await.1, Some(1008));
    let mut last = Caller::start(&platform, desktop.id, &sleep).await;
    assert!(last.read().await);
    platform.shutdown.cancel();
    assert_eq!(last.ended().await.1, Some(1012));
}

#[tokio::test]
async fn only_a_websocket_carries_input_as_it_comes() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let plain = platform.raw(Method::GET, &format!("/v1/desktops/{}/exec", desktop.id)).send().await.unwrap();
    assert_eq!(plain.status(), 426);
    let error = platform.client.exec_socket(DesktopId::from_u128(7)).await.err().unwrap();
    assert_eq!(error.code(), Some(Code::NotFound));
}

#[tokio::test]
async fn so_many_commands_run_in_a_desktop_and_no_more() {
    let platform = Platform::start().await;
    let desktop = platform.running("research").await;
    let sleep = shell("sleep 60");
    let run = || platform.client.exec(desktop.id, &sleep);
    let mut running = futures::future::try_join_all((0..32).map(|_| run())).await.unwrap();
    let refused = run().await.err().unwrap();
    assert_eq!(refused.code(), Some(Code::TooManyCommands));
    assert_eq!(refused.to_string(), "32 commands run in this desktop already; end one first.");
    let socket = platform.client.exec_socket(desktop.id).await;
    assert_eq!(socket.err().unwrap().code(), Some(Code::TooManyCommands), "over either way");
    running.pop();
    assert!(comes_true(async || run().await.is_ok()).await, "a place is given back");
}
