//! Commands a simulated machine knows.

use std::sync::Arc;
use std::time::Duration;

use rolltop_guest_protocol::{GUEST_PROGRAM, GuestError};
use russh::server::Msg;
use russh::{Channel, ChannelMsg};

use super::files::{HOME, Trouble};
use super::{Guest, attendant, exec, init, keys, sftp, terminals};

/// Most of a command's standard input that is taken, bytes.
const MAX_INPUT: usize = 1024 * 1024;
const STANDARD_ERROR: u32 = 1;
/// What a shell says of a command it does not know.
const NOT_FOUND: u32 = 127;

/// What a command leaves.
#[derive(Default)]
struct Output {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    exit: u32,
}

impl Output {
    fn said(stdout: impl Into<Vec<u8>>) -> Self {
        Self { stdout: stdout.into(), ..Self::default() }
    }

    fn failed(exit: u32, stderr: impl Into<Vec<u8>>) -> Self {
        Self { stderr: stderr.into(), exit, ..Self::default() }
    }
}

/// Runs one command line on its channel and closes that.
pub async fn run(guest: Arc<Guest>, line: String, mut channel: Channel<Msg>) {
    let words: Vec<&str> = line.split_whitespace().collect();
    let words = without_sudo(&words);
    if words.first().is_some_and(|program| program.ends_with("/sftp-server")) {
        sftp::serve(guest.files.clone(), channel).await;
        return;
    }
    if let Some(name) = line.split_once("new-session -A -s ").map(|(_, name)| name.trim_end_matches('\'')) {
        terminals::attach(guest.clone(), name.to_owned(), channel).await;
        return;
    }
    if words == [GUEST_PROGRAM, "exec"] {
        exec::serve(guest, channel).await;
        return;
    }
    let reads = matches!(words, [GUEST_PROGRAM, "init" | "keys"] | ["cat"] | ["sh", "-c", .., "logins"]);
    let input = if reads { input(&mut channel).await } else { Vec::new() };
    let output = carry_out(&guest, words, input).await;
    // Whoever asked may be gone; then nobody misses the answer.
    let _ = channel.data_bytes(output.stdout).await;
    let _ = channel.extended_data_bytes(STANDARD_ERROR, output.stderr).await;
    let _ = channel.exit_status(output.exit).await;
    let _ = channel.eof().await;
    let _ = channel.close().await;
}

/// The command itself, without `sudo -n -u USER` and the question whether that is needed:
/// everyone may do everything here.
fn without_sudo<'a>(words: &'a [&'a str]) -> &'a [&'a str] {
    match words {
        ["if", "[", "-u", .., GUEST_PROGRAM, "init"] => &[GUEST_PROGRAM, "init"],
        ["if", "[", "-u", .., GUEST_PROGRAM, "keys"] => &[GUEST_PROGRAM, "keys"],
        ["if", "[", "-u", .., GUEST_PROGRAM, "exec"] => &[GUEST_PROGRAM, "exec"],
        ["if", "[", "-u", .., GUEST_PROGRAM, "end"] => &[GUEST_PROGRAM, "end"],
        ["sudo", "-n", "-u", _, rest @ ..] | ["sudo", "-n", rest @ ..] => rest,
        words => words,
    }
}

async fn input(channel: &mut Channel<Msg>) -> Vec<u8> {
    let mut input = Vec::new();
    while let Some(message) = channel.wait().await {
        match message {
            ChannelMsg::Data { data } if input.len() + data.len() <= MAX_INPUT => {
                input.extend_from_slice(&data)
            }
            ChannelMsg::Data { .. } | ChannelMsg::Eof | ChannelMsg::Close => break,
            _ => {}
        }
    }
    input
}

/// What a line that was typed in a terminal says.
pub async fn typed(guest: &Guest, line: &str) -> Vec<u8> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let mut output = carry_out(guest, &words, Vec::new()).await;
    output.stdout.append(&mut output.stderr);
    output.stdout
}

async fn carry_out(guest: &Guest, words: &[&str], input: Vec<u8>) -> Output {
    match words {
        [GUEST_PROGRAM, "init"] => initialise(guest, &input).await,
        [GUEST_PROGRAM, "keys"] => match keys::keys(guest, &input) {
            Ok(reply) => Output::said(serde_json::to_vec(&reply).unwrap_or_default()),
            Err(error) => guest_error(&error),
        },
        [GUEST_PROGRAM, "end"] => {
            guest.end_all();
            Output::said(serde_json::to_vec(&attendant::load(guest)).unwrap_or_default())
        }
        [GUEST_PROGRAM, "screenshot", "--width", width, ..] => {
            match width.parse().ok().map(|w| guest.screen().jpeg(w)) {
                Some(Some(jpeg)) => Output::said(jpeg),
                Some(None) | None => guest_error("no picture"),
            }
        }
        ["true" | ":"] | ["/usr/lib/systemd/systemd-growfs", "/"] | ["sh", "-s"] | [] => Output::default(),
        ["sh", "-c", .., "logins"] => logins(guest, &String::from_utf8_lossy(&input)),
        ["date", "+%s%N"] => Output::said(format!("{}\n", jiff::Timestamp::now().as_nanosecond())),
        ["false"] => Output::failed(1, ""),
        ["echo", words @ ..] => Output::said(format!("{}\n", words.join(" "))),
        ["hostname"] => {
            let name = guest.disk().identity.map_or("template".to_owned(), |identity| identity.hostname);
            Output::said(format!("{name}\n"))
        }
        ["sh", "-c", "'cd;", .., "list-sessions", "-F", _, _, _] => Output::said(guest.terminals.list()),
        ["sh", "-c", "'cd;", .., "kill-session", "-t", name] => {
            let found = guest.terminals.kill(name.trim_start_matches('=').trim_end_matches('\''));
            if found { Output::default() } else { Output::failed(1, "can't find session\n") }
        }
        ["ss", "-Hltnp"] => Output::said(guest.ports.listing()),
        ["python3", "-m", "http.server", port] => match port.parse() {
            Ok(port) => {
                guest.ports.start_web(port);
                Output::said(format!("Serving HTTP on 127.0.0.1 port {port}\n"))
            }
            Err(_) => Output::failed(2, "usage: python3 -m http.server PORT\n"),
        },
        ["pkill", "python3"] => {
            guest.ports.end_web();
            Output::default()
        }
        ["env", _, "tmux", "-L", "rolltop", "copy-mode", ..] => searched(guest, &words.join(" ")),
        ["cp", "-aT", "--", ..] | ["rm", "-rf", "--", ..] => on_files(guest, words),
        ["stat", "-Lc", _, "--", path] => match guest.files.contents(path.trim_matches('\'')) {
            // What it holds stands for the time of its last change.
            Some(contents) => Output::said(format!("1.{}.{}\n", number_of(&contents), contents.len())),
            None => Output::failed(1, "stat: cannot statx: No such file or directory\n"),
        },
        ["ls"] => listed(guest, HOME),
        ["ls", path] => listed(guest, path),
        ["cat"] => Output::said(input),
        ["cat", path] => match guest.files.contents(path) {
            Some(contents) => Output::said(contents),
            None => Output::failed(1, format!("cat: {path}: No such file or directory\n")),
        },
        ["sleep", seconds] => {
            let seconds = seconds.parse().unwrap_or(0.0_f64);
            tokio::time::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default()).await;
            Output::default()
        }
        ["exit", code] => Output::failed(code.parse().unwrap_or(2), ""),
        [name, ..] => Output::failed(NOT_FOUND, format!("sh: {name}: not found\n")),
    }
}

/// `tmux copy-mode … -t =NAME: \; … search-backward-text 'TEXT' \; …`: whether the text was shown.
fn searched(guest: &Guest, line: &str) -> Output {
    let between = |from: &str, to: &str| Some(line.split_once(from)?.1.split_once(to)?.0);
    let name = between("-t =", ":").unwrap_or_default();
    let text = unquoted(between("search-backward-text ", " \\; ").unwrap_or_default()).concat();
    Output::said(if guest.terminals.has_shown(name, &text) { "1\n" } else { "0\n" })
}

fn number_of(bytes: &[u8]) -> u64 {
    let mut hasher = std::hash::DefaultHasher::new();
    std::hash::Hash::hash(bytes, &mut hasher);
    std::hash::Hasher::finish(&hasher)
}

fn listed(guest: &Guest, path: &str) -> Output {
    match guest.files.list(path) {
        Ok(names) => Output::said(names.iter().map(|(name, _)| format!("{name}\n")).collect::<String>()),
        Err(_) => Output::failed(2, format!("ls: cannot access '{path}': No such file or directory\n")),
    }
}

/// `cp -aT -- 'FROM' 'TO'` and `rm -rf -- 'PATH'`.
fn on_files(guest: &Guest, words: &[&str]) -> Output {
    let line = words.join(" ");
    let paths = unquoted(line.split_once(" -- ").map_or("", |(_, paths)| paths));
    let result = match paths.as_slice() {
        [path] => guest.files.remove_all(path),
        [from, to] => guest.files.copy(from, to),
        _ => return Output::failed(2, "usage\n"),
    };
    match result {
        Ok(()) => Output::default(),
        Err(Trouble::PermissionDenied) => Output::failed(1, "Permission denied\n"),
        Err(trouble) => Output::failed(1, format!("{trouble:?}\n")),
    }
}

/// Words in single quotes, as a shell reads them.
fn unquoted(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let (mut quoted, mut letters) = (false, text.chars());
    while let Some(letter) = letters.next() {
        match (letter, quoted, words.last_mut()) {
            ('\'', _, _) => quoted = !quoted,
            ('\\', false, Some(word)) => word.extend(letters.next()),
            (' ', false, _) => words.push(String::new()),
            (letter, _, Some(word)) => word.push(letter),
            (_, _, None) => {}
        }
    }
    words
}

async fn initialise(guest: &Guest, input: &[u8]) -> Output {
    let (delay, failure) = guest.faults.init_fault();
    tokio::time::sleep(delay).await;
    if let Some(sentence) = failure {
        return guest_error(&sentence);
    }
    let reply = init::init(guest, input).map(|reply| serde_json::to_vec(&reply));
    match reply {
        Ok(Ok(text)) => Output::said(text),
        Ok(Err(error)) => guest_error(&error.to_string()),
        Err(error) => guest_error(&error),
    }
}

fn guest_error(sentence: &str) -> Output {
    let line = serde_json::to_vec(&GuestError { error: sentence.to_owned() }).unwrap_or_default();
    Output::failed(1, line)
}

/// Which of the paths that are asked about, below the home, are there.
fn logins(guest: &Guest, wanted: &str) -> Output {
    let there = wanted.lines().filter_map(|line| line.split_once(' ')).filter_map(|(tool, path)| {
        let path = format!("{HOME}/{path}");
        guest.files.lstat(&path).map(|_| format!("{tool}\t{path}\n"))
    });
    Output::said(there.collect::<String>())
}
