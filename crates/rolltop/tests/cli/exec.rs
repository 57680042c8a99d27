//! Commands in a desktop, as if they were here.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::process::Stdio;

use rolltop_api_types::{Code, ExecRequest};
use rolltop_testing::{PATIENCE, eventually};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::time::timeout;

use crate::platform::{Platform, fed, finished, spawned, stderr, stdout};

fn exec<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["exec", "research", "--"], words].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn output_input_and_exit_codes_are_the_commands_own() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    assert_eq!(person.ok(&exec(&["echo", "a  b", "$HOME"])).await, "a  b $HOME\n");
    let output = person.run(&exec(&["sh", "-c", "echo out; echo err >&2; exit 7"])).await;
    assert_eq!((stdout(&output).as_str(), stderr(&output).as_str()), ("out\n", "err\n"));
    assert_eq!(output.status.code(), Some(7));
    assert_eq!(person.fails(&exec(&["sh", "-c", "kill -TERM $$"])).await.0, 143);
    let (code, said) = person.fails(&exec(&["no-such-program"])).await;
    assert_eq!((code, said.as_str()), (127, "rolltop: There is no program no-such-program.\n"));
    assert_eq!(person.fails(&["exec", "research", "--timeout", "1", "--", "sleep", "100"]).await.0, 124);
    assert_eq!(person.fails(&["exec", "nowhere", "--", "true"]).await.0, 255, "no command's code");
    let there = ["exec", "research", "-C", "/tmp", "-e", "A=1", "--", "sh", "-c", "pwd; env"];
    assert_eq!(person.ok(&there).await, "/tmp\nA=1\n");
    assert_eq!(person.ok(&["exec", "-n", "research", "--", "cat"]).await, "");
    assert_eq!(person.fails(&["exec", "research", "echo"]).await.0, 2, "-- is needed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_too_long_is_told_the_limit() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let id = platform.running("research").await.id;
    // Escaped in JSON, it is six times as long.
    let longest = "\u{1}".repeat((128 << 10) - "echo\0-n\0\0".len());
    let printed = person.ok(&exec(&["echo", "-n", &longest])).await;
    assert_eq!(printed.len(), longest.len());
    let (half, other) = ("x".repeat(100 << 10), format!("A={}", "y".repeat(28 << 10)));
    let (code, said) = person.fails(&["exec", "research", "-e", &other, "--", "echo", &half]).await;
    assert!(code == 2 && said.contains("at most 128 KiB together; these have 129 KiB"), "{code}: {said}");
    let too_long = ExecRequest::of_words(vec!["echo".into(), half.clone(), half]);
    let refused = platform.client.exec(id, &too_long).await.err().unwrap();
    assert!(refused.to_string().contains("body is longer than 192 KiB"), "{refused}");
    let too_long = ExecRequest::of_words(vec!["echo".into(), "x".repeat(140 << 10)]);
    let refused = platform.client.exec(id, &too_long).await.err().unwrap();
    let problem = refused.problem().unwrap();
    assert_eq!(problem.code, Code::InvalidCommand);
    assert!(problem.detail.contains("at most 128 KiB together"), "{}", problem.detail);
    let mut not_text = person.rolltop(&["exec", "research", "--", "echo"]);
    not_text.arg(OsStr::from_bytes(b"\xff"));
    let refused = finished(not_text).await;
    assert_eq!(refused.status.code(), Some(2));
    assert!(stderr(&refused).contains("invalid UTF-8"), "{}", stderr(&refused));
}

#[tokio::test(flavor = "multi_thread")]
async fn input_flows_both_ways_while_it_runs() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    platform.running("research").await;
    let mut cat = spawned(person.rolltop(&["exec", "research", "--", "cat"]));
    let (mut stdin, mut lines) =
        (cat.stdin.take().unwrap(), BufReader::new(cat.stdout.take().unwrap()).lines());
    for word in ["one", "two", "three"] {
        stdin.write_all(format!("{word}\n").as_bytes()).await.unwrap();
        let line = timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap();
        assert_eq!(line.as_deref(), Some(word), "each comes back before the next is sent");
    }
    drop(stdin);
    assert!(timeout(PATIENCE, cat.wait()).await.unwrap().unwrap().success());
    // More than any window, byte for byte.
    let much: Vec<u8> = (0..20_000_000u32).map(|place| (place % 251) as u8).collect();
    let back = fed(person.rolltop(&["exec", "research", "--", "cat"]), &much).await;
    let came = back.stdout.len();
    assert!(
        back.status.success() && back.stdout == much,
        "{came} bytes: {:?} {}",
        back.status,
        stderr(&back)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_waits_for_its_reader_and_ends_with_it() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let desktop = platform.running("research").await;
    let mut flood = spawned(person.rolltop(&["exec", "research", "--", "sh", "-c", "yes | head -c 200M"]));
    let mut stdout = flood.stdout.take().unwrap();
    let mut last = 0;
    eventually("the flood stands still", async || {
        let before = std::mem::replace(&mut last, platform.engine.command_bytes(desktop.id).unwrap());
        platform.client.screenshot(desktop.id, 320).await.unwrap();
        before == last && last > 0
    })
    .await;
    assert!(last < 8 << 20, "{last} bytes were written for nobody");
    let mut piece = vec![0; 1 << 20];
    stdout.read_exact(&mut piece).await.unwrap();
    assert!(piece.starts_with(b"y\ny\n"));
    drop(stdout);
    let ended = timeout(PATIENCE, flood.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(141), "as any program whose reader has gone");
    eventually("the command ends too", async || platform.engine.running_commands(desktop.id) == Some(0))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn interrupting_is_passed_on_and_killing_ends_it() {
    let platform = Platform::start().await;
    let person = platform.person().await;
    let desktop = platform.running("research").await;
    let started = async |words: &[&str]| {
        let mut command = person.rolltop(&[&["exec", "research", "--"], words].concat());
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert_eq!(timeout(PATIENCE, lines.next_line()).await.unwrap().unwrap().as_deref(), Some("here"));
        child
    };
    let sleep = ["sh", "-c", "echo here; sleep 1000"];
    let mut interrupted = started(&sleep).await;
    let pid = Pid::from_raw(i32::try_from(interrupted.id().unwrap()).unwrap()).unwrap();
    kill_process(pid, Signal::INT).unwrap();
    let ended = timeout(PATIENCE, interrupted.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(130), "the command's own end by SIGINT");
    let mut killed = started(&sleep).await;
    assert_eq!(platform.engine.running_commands(desktop.id), Some(1));
    killed.kill().await.unwrap();
    eventually("the command ends too", async || platform.engine.running_commands(desktop.id) == Some(0))
        .await;
    let mut lost = started(&sleep).await;
    platform.engine.cut_connections(desktop.id);
    let ended = timeout(PATIENCE, lost.wait()).await.unwrap().unwrap();
    assert_eq!(ended.code(), Some(255));
}
