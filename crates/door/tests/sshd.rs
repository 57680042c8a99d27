//! The door against OpenSSH's own sshd.

#![expect(clippy::unwrap_used, reason = "a failed unwrap in a fixture is a failed test")]

mod support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rolltop_door::{
    ChannelError, Door, ExecError, ExecLimits, Exit, HostKeyPolicy, InitError, Login, OpenError,
    ScreenshotError, SftpError, generate_key,
};
use rolltop_guest_protocol::{InitReply, InitRequest, InitStep};
use support::Guest;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixListener;
use tokio::time::timeout;

const LIMITS: ExecLimits = ExecLimits { max_output: 1 << 20, timeout: Duration::from_secs(30) };
/// Longest wait for anything that must happen.
const PATIENCE: Duration = Duration::from_secs(60);

async fn soon<T>(what: impl Future<Output = T>) -> T {
    timeout(PATIENCE, what).await.expect("it did not happen in time")
}

async fn open_error(guest: &mut Guest, login: &Login) -> OpenError {
    let stream = guest.connect();
    Door::open(stream, login).await.err().expect("the door should not have opened")
}

/// As a VNC server is: its queue takes a few, and each that it accepts keeps it busy for a moment.
fn slow_server(path: &std::path::Path) {
    let address = rustix::net::SocketAddrUnix::new(path).unwrap();
    let socket =
        rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &address).unwrap();
    rustix::net::listen(&socket, 1).unwrap();
    let listener = std::os::unix::net::UnixListener::from(socket);
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            std::thread::sleep(Duration::from_millis(20));
            // Who has left in the meantime misses nothing.
            let _ = std::io::Write::write_all(&mut stream, b"RFB");
        }
    });
}

#[tokio::test]
async fn many_at_once_take_their_turn_with_a_server_that_takes_in_few() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let path = guest.path("few.sock");
    slow_server(&path);
    let path = path.to_str().unwrap();
    let one = async || {
        let mut channel = soon(door.streamlocal_in_turn(path)).await?;
        let mut said = [0; 3];
        soon(channel.read_exact(&mut said)).await.unwrap();
        Ok::<_, ChannelError>(said)
    };
    for said in futures::future::join_all((0..20).map(|_| one())).await {
        assert_eq!(&said.unwrap(), b"RFB");
    }
    let nowhere = guest.path("nowhere.sock");
    let refused = soon(door.streamlocal_in_turn(nowhere.to_str().unwrap())).await.err().unwrap();
    assert!(matches!(refused, ChannelError::Refused { .. }), "{refused:?}");
}

#[tokio::test]
async fn a_command_gets_its_input_and_gives_back_output_and_exit() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let output = door.exec("cat; echo oops >&2; exit 7", "some input", LIMITS).await.unwrap();
    assert_eq!(output.stdout, b"some input");
    assert_eq!(output.stderr, b"oops\n");
    assert_eq!(output.exit, Exit::Code(7));
    let killed = door.exec("kill -TERM $$", "", LIMITS).await.unwrap();
    assert_eq!(killed.exit, Exit::Signal("TERM".into()));
    assert_eq!(door.host_key(), guest.host_key);
}

#[tokio::test]
async fn large_input_is_not_cut_and_one_that_nobody_reads_does_not_hang() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let input = vec![b'x'; 8 << 20];
    let output = door.exec("wc -c", input.clone(), LIMITS).await.unwrap();
    assert_eq!(output.stdout, format!("{}\n", input.len()).into_bytes());
    assert!(door.exec("exec <&-; true", input, LIMITS).await.unwrap().succeeded());
}

#[tokio::test]
async fn a_command_over_its_limits_is_let_go_of_and_the_door_stays_usable() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let little = ExecLimits { max_output: 1000, ..LIMITS };
    assert!(matches!(door.exec("yes", "", little).await, Err(ExecError::TooMuchOutput(1000))));
    let short = ExecLimits { timeout: Duration::from_millis(200), ..LIMITS };
    assert!(matches!(door.exec("sleep 100", "", short).await, Err(ExecError::TimedOut(_))));
    assert!(door.exec("true", "", LIMITS).await.unwrap().succeeded());
}

#[tokio::test]
async fn many_channels_share_one_door_and_are_given_back() {
    let mut guest = Guest::new();
    let door = Arc::new(guest.open().await);
    // More in all than sshd allows at once.
    for _ in 0..3 {
        let mut running = tokio::task::JoinSet::new();
        for number in 0..40 {
            let door = door.clone();
            running.spawn(async move { door.exec(&format!("echo {number}"), "", LIMITS).await.unwrap() });
        }
        let outputs = soon(running.join_all()).await;
        assert_eq!(outputs.iter().filter(|output| output.succeeded()).count(), 40);
    }
}

#[tokio::test]
async fn the_wrong_host_key_is_refused_before_our_key_is_shown() {
    let mut guest = Guest::new();
    let (_, other) = generate_key().unwrap();
    let login = Login { host_key: HostKeyPolicy::Pinned(other), ..guest.login() };
    let error = open_error(&mut guest, &login).await;
    let fingerprint = rolltop_door::fingerprint(&guest.host_key).unwrap();
    assert!(matches!(error, OpenError::WrongHostKey { shown } if shown == fingerprint));
    let login = Login { host_key: HostKeyPolicy::Pinned("not a key".into()), ..guest.login() };
    assert!(matches!(open_error(&mut guest, &login).await, OpenError::PinnedKey(_)));
    let login = Login { host_key: HostKeyPolicy::AnyInQuarantine, ..guest.login() };
    let stream = guest.connect();
    assert_eq!(Door::open(stream, &login).await.unwrap().host_key(), guest.host_key);
}

#[tokio::test]
async fn a_key_the_desktop_does_not_know_is_refused() {
    let mut guest = Guest::new();
    let (other, _) = generate_key().unwrap();
    let login = Login { private_key: other, ..guest.login() };
    assert!(matches!(open_error(&mut guest, &login).await, OpenError::Refused));
}

#[tokio::test]
async fn a_socket_inside_is_reached_and_both_ends_can_finish() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let path = guest.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut said = Vec::new();
        stream.read_to_end(&mut said).await.unwrap();
        said.reverse();
        stream.write_all(&said).await.unwrap();
    });
    let mut channel = door.streamlocal(path.to_str().unwrap()).await.unwrap();
    let said: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut back = Vec::new();
    soon(async {
        channel.write_all(&said).await.unwrap();
        channel.shutdown().await.unwrap();
        channel.read_to_end(&mut back).await.unwrap();
    })
    .await;
    back.reverse();
    assert!(back == said);
    let nowhere = guest.path("nowhere");
    let error = door.streamlocal(nowhere.to_str().unwrap()).await.err().unwrap();
    assert!(matches!(error, ChannelError::Refused { .. }), "{error}");
}

#[tokio::test]
async fn a_reader_that_stands_still_costs_bounded_memory_and_not_the_other_channels() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let path = guest.path("flood");
    let listener = UnixListener::bind(&path).unwrap();
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = sent.clone();
    let flood = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        while let Ok(written) = stream.write(&[0; 65536]).await {
            counter.fetch_add(written, Ordering::Relaxed);
        }
    });
    let mut stalled = door.streamlocal(path.to_str().unwrap()).await.unwrap();
    // The command has to wait for the stalled channel to be cut off, and then runs.
    let output = soon(async {
        while sent.load(Ordering::Relaxed) < 4 << 20 {
            tokio::task::yield_now().await;
        }
        door.exec("echo through", "", LIMITS).await
    });
    assert_eq!(output.await.unwrap().stdout, b"through\n");
    soon(flood).await.unwrap();
    let sent = sent.load(Ordering::Relaxed);
    assert!(sent < 16 << 20, "{sent} bytes were taken in for a reader that took none");
    let mut rest = Vec::new();
    let error = soon(stalled.read_to_end(&mut rest)).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
    assert!(rest.len() <= 4 << 20);
}

#[tokio::test]
async fn a_slow_reader_gets_everything() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let path = guest.path("large");
    let listener = UnixListener::bind(&path).unwrap();
    let total: usize = 24 << 20;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        stream.write_all(&vec![7; total]).await.unwrap();
    });
    let mut channel = door.streamlocal(path.to_str().unwrap()).await.unwrap();
    let mut read = 0;
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = soon(channel.read(&mut buffer)).await.unwrap();
        if length == 0 {
            break;
        }
        read += length;
        if read % 16 == 0 {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(read, total);
}

#[tokio::test]
async fn the_end_of_a_desktop_is_noticed_by_everyone() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let path = guest.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let mut channel = door.streamlocal(path.to_str().unwrap()).await.unwrap();
    let _held = listener.accept().await.unwrap();
    assert!(!door.is_closed());
    let running = door.exec("sleep 100", "", LIMITS);
    let end = async {
        tokio::task::yield_now().await;
        guest.kill();
    };
    let (result, ()) = soon(async { tokio::join!(running, end) }).await;
    assert!(matches!(result, Err(ExecError::Lost | ExecError::Channel(_))), "{result:?}");
    soon(door.closed()).await;
    assert!(door.is_closed());
    let error = soon(channel.read_u8()).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
    let error = door.streamlocal("/x").await.err().unwrap();
    assert!(matches!(error, ChannelError::Closed), "{error}");
}

#[tokio::test]
async fn hanging_up_ends_the_door_and_its_channels() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let path = guest.path("socket");
    let listener = UnixListener::bind(&path).unwrap();
    let mut channel = door.streamlocal(path.to_str().unwrap()).await.unwrap();
    let (mut far, _) = listener.accept().await.unwrap();
    door.close().await;
    soon(door.closed()).await;
    assert!(soon(channel.read_u8()).await.is_err());
    assert!(soon(far.read_u8()).await.is_err());
}

#[tokio::test]
async fn files_are_read_as_the_sessions_user() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    let contents: Vec<u8> = (0..5_000_000u32).map(|n| (n % 253) as u8).collect();
    guest.put("file", &contents, 0o644);
    guest.put("empty", "", 0o644);
    let pipe = guest.path("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o644.into(), 0).unwrap();
    let at = |name: &str| guest.path(name).to_str().unwrap().to_owned();
    let sftp = door.sftp().await.unwrap();
    let file = sftp.read_file(&at("file")).await.unwrap();
    assert_eq!(file.info().size, contents.len() as u64);
    let mut read = Vec::new();
    soon(file.reader().read_to_end(&mut read)).await.unwrap();
    assert!(read == contents);
    let empty = sftp.read_file(&at("empty")).await.unwrap();
    assert_eq!((empty.info().size, soon(empty.reader().read(&mut [0; 8])).await.unwrap()), (0, 0));
    assert!(matches!(soon(sftp.read_file(&at("missing"))).await, Err(SftpError::NotFound)));
    assert!(matches!(soon(sftp.read_file(&at("."))).await, Err(SftpError::NotAFile)));
    assert!(matches!(soon(sftp.read_file(&at("pipe"))).await, Err(SftpError::NotAFile)));
    // The server is kept for the next file.
    door.sftp().await.unwrap();
    assert_eq!(fs::read_to_string(guest.path("users")).unwrap(), "desk\n");
}

#[tokio::test]
async fn a_file_that_is_cut_while_it_is_read_is_an_error() {
    let mut guest = Guest::new();
    let door = guest.open().await;
    guest.put("file", vec![1; 3_000_000], 0o644);
    let file = door.sftp().await.unwrap().read_file(guest.path("file").to_str().unwrap()).await.unwrap();
    guest.put("file", "short", 0o644);
    let error = soon(file.reader().read_to_end(&mut Vec::new())).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::UnexpectedEof);
}

fn request() -> InitRequest {
    InitRequest {
        desktop: "dsk_1".into(),
        hostname: "blue".into(),
        unix_time_ns: 1_790_000_000_000_000_000,
        entropy: "AAAA".into(),
        door_public_key: "ssh-ed25519 AAAA".into(),
        authorized_keys: Vec::new(),
        timezone: None,
        resumed: false,
        host_key_shown: None,
    }
}

#[tokio::test]
async fn personalising_is_one_round_trip_of_json() {
    let mut guest = Guest::new();
    let (_, host_public_key) = generate_key().unwrap();
    let steps = vec![InitStep { name: "clock".into(), ms: 3 }];
    let reply = InitReply { host_public_key, renewed: true, reloaded: true, steps, left_undone: vec![] };
    let said = serde_json::to_string(&reply).unwrap();
    let kept = guest.path("request").display().to_string();
    guest.put("guest", format!("#!/bin/sh\n[ \"$*\" = init ] && cat >{kept} && echo '{said}'\n"), 0o755);
    let door = guest.open().await;
    assert_eq!(door.init(&request()).await.unwrap(), reply);
    let received = fs::read(guest.path("request")).unwrap();
    assert_eq!(serde_json::from_slice::<InitRequest>(&received).unwrap(), request());

    guest.put("guest", "#!/bin/sh\ncat >/dev/null; echo '{\"error\":\"no room\"}' >&2; exit 1\n", 0o755);
    let error = door.init(&request()).await.unwrap_err();
    assert!(matches!(&error, InitError::Guest(text) if text == "no room"), "{error}");
    guest.put(
        "guest",
        "#!/bin/sh\ncat >/dev/null; echo '{\"host_public_key\":\"x\",\"renewed\":true}'\n",
        0o755,
    );
    assert!(matches!(door.init(&request()).await, Err(InitError::HostKey)));
}

#[tokio::test]
async fn only_a_jpeg_of_reasonable_size_is_taken_for_a_screenshot() {
    let mut guest = Guest::new();
    guest.put("guest", "#!/bin/sh\nprintf '\\377\\330\\377%s\\377\\331' \"$*\"\n", 0o755);
    let door = guest.open().await;
    let picture = door.screenshot(480).await.unwrap();
    assert_eq!(picture, b"\xff\xd8\xffscreenshot --width 480\xff\xd9");
    assert_eq!(fs::read_to_string(guest.path("users")).unwrap(), "desk\n");
    guest.put("guest", "#!/bin/sh\necho '<svg onload=alert(1)>'\n", 0o755);
    assert!(matches!(door.screenshot(480).await, Err(ScreenshotError::NotJpeg)));
    guest.put("guest", "#!/bin/sh\nyes\n", 0o755);
    let error = door.screenshot(480).await.unwrap_err();
    assert!(matches!(error, ScreenshotError::Exec(ExecError::TooMuchOutput(_))), "{error}");
}
