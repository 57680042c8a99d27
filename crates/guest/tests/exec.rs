//! Commands through the door, over OpenSSH's own sshd, with the real guest program.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a test is a failed test")]

#[path = "../../door/tests/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use rolltop_door::{Door, ExecLimits, Exit, Process, ProcessError, ProcessEvent, ProcessOutput, StartError};
use rolltop_guest_protocol::exec::{ExecFailureKind, ExecRequest};
use support::Guest;
use tokio::time::timeout;

/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A desktop whose guest program runs what it is told to as whoever runs the test.
fn desktop() -> Guest {
    let guest = Guest::new();
    let program = env!("CARGO_BIN_EXE_rolltop-guest");
    // As protected from the kernel as what a protected sshd starts.
    let protected = "echo -500 > /proc/self/oom_score_adj 2>/dev/null";
    guest.put("guest", format!("#!/bin/sh\n{protected}\nexec {program} \"$@\" --as-caller\n"), 0o755);
    guest
}

fn shell(script: &str) -> ExecRequest {
    let command = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    ExecRequest { command, ..ExecRequest::default() }
}

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it did not happen in time")
}

/// What a command wrote, and its end.
async fn whole(output: &mut ProcessOutput) -> (Vec<u8>, Vec<u8>, Exit) {
    let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
    loop {
        match soon(output.next()).await.unwrap() {
            ProcessEvent::Stdout(bytes) => stdout.extend_from_slice(&bytes),
            ProcessEvent::Stderr(bytes) => stderr.extend_from_slice(&bytes),
            ProcessEvent::Exit(exit) => return (stdout, stderr, exit),
        }
    }
}

async fn run(door: &Door, request: ExecRequest) -> (String, String, Exit) {
    let mut process = door.start(request).await.unwrap();
    process.input.end().await;
    let (stdout, stderr, exit) = whole(&mut process.output).await;
    (String::from_utf8(stdout).unwrap(), String::from_utf8(stderr).unwrap(), exit)
}

#[tokio::test]
async fn output_error_exit_folder_and_variables_are_the_commands_own() {
    let mut guest = desktop();
    let door = guest.open().await;
    let (stdout, stderr, exit) = run(&door, shell("echo out; echo err >&2; exit 7")).await;
    assert_eq!((stdout.as_str(), stderr.as_str(), exit), ("out\n", "err\n", Exit::Code(7)));
    let words = ["printf", "%s|", "a b", "$HOME", "'; echo no"].map(str::to_owned).to_vec();
    let (stdout, _, _) = run(&door, ExecRequest { command: words, ..ExecRequest::default() }).await;
    assert_eq!(stdout, "a b|$HOME|'; echo no|", "no shell reads the words");
    let env = BTreeMap::from([("GREETING".to_owned(), "hi there".to_owned())]);
    let there = ExecRequest { cwd: Some("/usr/share".into()), env, ..shell("pwd; echo $GREETING") };
    assert_eq!(run(&door, there).await.0, "/usr/share\nhi there\n");
    assert_eq!(run(&door, shell("kill -KILL $$")).await.2, Exit::Signal("KILL".into()));
    let (likeliness, _, _) = run(&door, shell("cat /proc/self/oom_score_adj")).await;
    assert_eq!(likeliness, "0\n", "a command is not spared in place of what is on the screen");
}

#[tokio::test]
async fn what_can_not_start_says_why() {
    let mut guest = desktop();
    let door = guest.open().await;
    let refused = async |request| match door.start(request).await {
        Err(StartError::Refused(failure)) => failure,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it started"),
    };
    let named = |name: &str| ExecRequest { command: vec![name.to_owned()], ..ExecRequest::default() };
    let failure = refused(named("no-such-program")).await;
    assert_eq!(failure.kind, ExecFailureKind::NotFound);
    assert_eq!(failure.error, "There is no program no-such-program.");
    guest.put("text", "no program", 0o644);
    let text = guest.path("text").display().to_string();
    assert_eq!(refused(named(&text)).await.kind, ExecFailureKind::NotExecutable);
    let nowhere = ExecRequest { cwd: Some("/nowhere".into()), ..shell("true") };
    assert_eq!(refused(nowhere).await.kind, ExecFailureKind::NoFolder);
    guest.put("guest", "#!/bin/sh\necho usage >&2\nexit 2\n", 0o755);
    assert!(matches!(door.start(shell("true")).await, Err(StartError::NotSupported)));
    guest.put("guest", "#!/bin/sh\nread line\nprintf '\\377\\377\\377\\377\\377'\nsleep 100\n", 0o755);
    let broken = door.start(shell("true")).await.err().unwrap();
    assert!(matches!(broken, StartError::Process(ProcessError::Unexpected)), "{broken}");
}

#[tokio::test]
async fn input_flows_as_it_comes_and_ends() {
    let mut guest = desktop();
    let door = guest.open().await;
    let mut process = door.start(shell("read line; echo \"got $line\"; wc -c")).await.unwrap();
    assert!(process.input.write(b"hello\n").await);
    assert_eq!(soon(process.output.next()).await.unwrap(), ProcessEvent::Stdout("got hello\n".into()));
    // Much more than any buffer on the way holds.
    let Process { output, input } = process;
    let feeding = async {
        let piece = vec![b'x'; 1 << 20];
        for _ in 0..16 {
            assert!(input.write(&piece).await);
        }
        input.end().await;
    };
    let mut output = output;
    let (_, (stdout, _, exit)) = tokio::join!(feeding, whole(&mut output));
    assert_eq!((String::from_utf8(stdout).unwrap(), exit), (format!("{}\n", 16 << 20), Exit::Code(0)));
    // A command that reads nothing does not make anybody wait for ever.
    let mut deaf = door.start(shell("exec <&-; sleep 0.2; exit 4")).await.unwrap();
    let much = vec![b'x'; 4 << 20];
    let writing = deaf.input.write(&much);
    let (_, ended) = soon(async { tokio::join!(writing, deaf.output.next()) }).await;
    assert_eq!(ended.unwrap(), ProcessEvent::Exit(Exit::Code(4)));
}

#[tokio::test]
async fn a_flood_that_nobody_reads_stands_still_and_holds_up_nothing() {
    let mut guest = desktop();
    let door = guest.open().await;
    let counter = guest.path("counter");
    // Says how far it has come, in pieces of 64 KiB.
    let script = format!(
        "i=0; while [ $i -lt 3200 ]; do head -c 65536 /dev/zero; i=$((i+1)); echo $i >{0}.new; mv {0}.new {0}; done",
        counter.display()
    );
    let mut flood = door.start(shell(&script)).await.unwrap();
    let written = || -> u64 {
        std::fs::read_to_string(&counter).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
    };
    // It stands still once it has filled the window and its own pipe.
    let mut last = u64::MAX;
    while written() != last || last == 0 {
        last = written();
        for _ in 0..20 {
            let answer = soon(door.exec("echo here", "", LIMITS)).await.unwrap();
            assert_eq!(answer.stdout, b"here\n", "others go on");
        }
    }
    assert!(last < 32, "{last} pieces of 64 KiB were written for nobody");
    // And then it flows to its end, every byte of it.
    let (stdout, _, exit) = whole(&mut flood.output).await;
    assert_eq!((stdout.len(), exit), (3200 * 65536, Exit::Code(0)));
}

const LIMITS: ExecLimits = ExecLimits { max_output: 1 << 16, timeout: Duration::from_secs(30) };

#[tokio::test]
async fn a_flood_of_tiny_writes_is_bounded_too() {
    let mut guest = desktop();
    let door = guest.open().await;
    let mut tiny = door.start(shell("i=0; while [ $i -lt 20000 ]; do echo; i=$((i+1)); done")).await.unwrap();
    let (stdout, _, exit) = whole(&mut tiny.output).await;
    assert_eq!((stdout.len(), exit), (20_000, Exit::Code(0)));
}

#[tokio::test]
async fn signals_arrive_and_whoever_lets_go_ends_the_command() {
    let mut guest = desktop();
    let door = guest.open().await;
    let mut process = door
        .start(shell("trap 'echo caught; exit 3' INT; echo ready; while :; do sleep 0.1; done"))
        .await
        .unwrap();
    assert_eq!(soon(process.output.next()).await.unwrap(), ProcessEvent::Stdout("ready\n".into()));
    process.input.signal("NONSENSE");
    process.input.signal("INT");
    let (stdout, _, exit) = whole(&mut process.output).await;
    assert_eq!((stdout.as_slice(), exit), (&b"caught\n"[..], Exit::Code(3)));

    // One that does not want to go, with a child of its own; both leave their ids.
    let pids = guest.path("pids");
    let script =
        format!("trap '' TERM; sleep 1000 & echo $! $$ >{0}.new; mv {0}.new {0}; wait", pids.display());
    let stubborn = door.start(shell(&script)).await.unwrap();
    let ids = soon(async {
        loop {
            match std::fs::read_to_string(&pids) {
                Ok(text) => return text,
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            }
        }
    });
    let ids: Vec<u32> = ids.await.split_whitespace().map(|id| id.parse().unwrap()).collect();
    assert_eq!(ids.len(), 2);
    let lives = |id: &u32| std::path::Path::new(&format!("/proc/{id}/cmdline")).exists();
    assert!(ids.iter().all(lives));
    drop(stubborn);
    soon(async {
        while ids.iter().any(lives) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    assert!(soon(door.exec("true", "", LIMITS)).await.unwrap().succeeded(), "the door stays open");
}

#[tokio::test]
async fn what_is_left_in_the_background_is_not_waited_for() {
    let mut guest = desktop();
    let door = guest.open().await;
    let started = std::time::Instant::now();
    let (stdout, _, exit) = run(&door, shell("setsid sleep 30 & echo done")).await;
    assert_eq!((stdout.as_str(), exit), ("done\n", Exit::Code(0)));
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_desktop_that_dies_ends_the_command_with_an_error() {
    let mut guest = desktop();
    let door = guest.open().await;
    let mut process = door.start(shell("echo here; sleep 1000")).await.unwrap();
    assert_eq!(soon(process.output.next()).await.unwrap(), ProcessEvent::Stdout("here\n".into()));
    guest.kill();
    assert!(matches!(soon(process.output.next()).await, Err(ProcessError::Lost)));
}
