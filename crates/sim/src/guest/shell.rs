//! Programs and a little of a shell, for commands that are run in a simulated machine.
//!
//! A script is commands after `;`, `&&` or a line's end, with words in quotes, `>&2`, `$?`, and pipes
//! from `yes` or `seq` only. Enough to see streams, exits, floods and signals.

use std::time::Duration;

use rolltop_guest_protocol::exec::{ExecExit, ExecRequest};

use super::exec::Streams;
use super::files::HOME;

const PROGRAMS: [&str; 18] = [
    "sh",
    "bash",
    "/bin/sh",
    "/bin/bash",
    "echo",
    "printf",
    "cat",
    "true",
    "false",
    "sleep",
    "yes",
    "wc",
    "env",
    "pwd",
    "hostname",
    "ls",
    "id",
    "kill",
];
/// What a shell says of a program that it does not find.
const NOT_FOUND: u32 = 127;
/// A flood's piece, bytes.
const PIECE: usize = 16 * 1024;

pub fn is_program(name: &str) -> bool {
    PROGRAMS.contains(&name)
}

enum Ended {
    Code(u32),
    /// The shell itself, with what follows left out.
    Exit(ExecExit),
}

pub async fn run(mut streams: Streams<'_>, request: ExecRequest) -> ExecExit {
    let words: Vec<&str> = request.command.iter().map(String::as_str).collect();
    if let ["/bin/sh", "-c", _, name, rest @ ..] = words.as_slice()
        && let Some(code) = setting_up(&mut streams, name, rest).await
    {
        return ExecExit::Code(code);
    }
    if let ["sh" | "bash" | "/bin/sh" | "/bin/bash", "-c", script, ..] = words.as_slice() {
        return run_script(&mut streams, &request, script).await;
    }
    match program(&mut streams, &request, &words, false).await {
        Ended::Code(code) => ExecExit::Code(code),
        Ended::Exit(exit) => exit,
    }
}

/// What the platform sets desktops up with; `None` for any other script.
async fn setting_up(streams: &mut Streams<'_>, name: &str, arguments: &[&str]) -> Option<u32> {
    match (name, arguments) {
        ("rolltop-setup-begin", [run, repository, _branch, folder, ..]) => {
            let mut script = Vec::new();
            while let Some(piece) = streams.read().await {
                script.extend_from_slice(&piece);
            }
            Some(streams.guest.setups.begin(run, repository, folder, &script))
        }
        ("rolltop-setup-stop", [run]) => {
            streams.guest.setups.stop(run);
            Some(0)
        }
        ("rolltop-setup-look", []) => {
            let seen = streams.guest.setups.look();
            streams.stdout(seen.as_bytes()).await;
            Some(0)
        }
        _ => None,
    }
}

async fn run_script(streams: &mut Streams<'_>, request: &ExecRequest, script: &str) -> ExecExit {
    let mut last = 0;
    for (text, only_after_success) in commands(script) {
        if only_after_success && last != 0 {
            continue;
        }
        let words = words(&text, last);
        let mut words: Vec<&str> = words.iter().map(String::as_str).collect();
        let to_stderr = words.last() == Some(&">&2");
        words.retain(|word| *word != ">&2");
        match Box::pin(program(streams, request, &words, to_stderr)).await {
            Ended::Code(code) => last = code,
            Ended::Exit(exit) => return exit,
        }
    }
    ExecExit::Code(last)
}

async fn program(streams: &mut Streams<'_>, request: &ExecRequest, words: &[&str], to_stderr: bool) -> Ended {
    let text = match words {
        ["echo", "-n", rest @ ..] => rest.join(" "),
        ["echo", rest @ ..] => format!("{}\n", rest.join(" ")),
        ["printf", text] => text.replace("\\n", "\n").replace("\\0", "\0"),
        ["cat"] => {
            while let Some(piece) = streams.read().await {
                streams.stdout(&piece).await;
            }
            return Ended::Code(0);
        }
        ["wc", "-c"] => {
            let mut count = 0;
            while let Some(piece) = streams.read().await {
                count += piece.len();
            }
            format!("{count}\n")
        }
        ["cat", path] => match streams.guest.files.contents(path) {
            Some(contents) => {
                streams.stdout(&contents).await;
                return Ended::Code(0);
            }
            None => return complaint(streams, 1, &format!("cat: {path}: No such file or directory\n")).await,
        },
        ["ls", rest @ ..] => match streams.guest.files.list(rest.first().unwrap_or(&folder(request))) {
            Ok(names) => names.iter().map(|(name, _)| format!("{name}\n")).collect(),
            Err(_) => {
                return complaint(streams, 2, "ls: cannot access it: No such file or directory\n").await;
            }
        },
        ["yes", rest @ ..] => return flood(streams, rest).await,
        ["sleep", seconds] => {
            let seconds = seconds.parse().unwrap_or(0.0_f64);
            tokio::time::sleep(Duration::try_from_secs_f64(seconds).unwrap_or_default()).await;
            return Ended::Code(0);
        }
        ["env"] => request.env.iter().map(|(name, value)| format!("{name}={value}\n")).collect(),
        ["pwd"] => format!("{}\n", folder(request)),
        ["id", "-un"] => "desk\n".to_owned(),
        ["hostname"] => {
            let identity = streams.guest.disk().identity;
            format!("{}\n", identity.map_or("template".to_owned(), |identity| identity.hostname))
        }
        ["kill", signal, "$$"] => {
            return Ended::Exit(ExecExit::Signal(signal.trim_start_matches('-').to_owned()));
        }
        ["exit", code] => return Ended::Exit(ExecExit::Code(code.parse().unwrap_or(2))),
        ["false"] => return Ended::Code(1),
        ["true"] | [] => return Ended::Code(0),
        [name, ..] => return complaint(streams, NOT_FOUND, &format!("sh: {name}: not found\n")).await,
    };
    if to_stderr {
        streams.stderr(text.as_bytes()).await;
    } else {
        streams.stdout(text.as_bytes()).await;
    }
    Ended::Code(0)
}

async fn complaint(streams: &Streams<'_>, code: u32, text: &str) -> Ended {
    streams.stderr(text.as_bytes()).await;
    Ended::Code(code)
}

fn folder(request: &ExecRequest) -> &str {
    request.cwd.as_deref().unwrap_or(HOME)
}

/// `yes`, and `yes | head -c 200M`.
async fn flood(streams: &Streams<'_>, rest: &[&str]) -> Ended {
    let mut left = match rest {
        [] => u64::MAX,
        ["|", "head", "-c", amount] => match amount.strip_suffix('M') {
            Some(millions) => millions.parse().unwrap_or(0u64).saturating_mul(1 << 20),
            None => amount.parse().unwrap_or(0),
        },
        _ => return complaint(streams, 2, "yes: usage\n").await,
    };
    let piece = b"y\n".repeat(PIECE / 2);
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(PIECE).min(PIECE);
        streams.stdout(piece.get(..length).unwrap_or_default()).await;
        left -= length as u64;
        tokio::task::yield_now().await;
    }
    Ended::Code(0)
}

/// The commands of a script, and whether each wants the one before to have succeeded.
fn commands(script: &str) -> Vec<(String, bool)> {
    let (mut commands, mut text, mut quote, mut after_success) = (Vec::new(), String::new(), None, false);
    let mut letters = script.chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, quote) {
            ('\'' | '"', None) => quote = Some(letter),
            (_, Some(quoted)) if quoted == letter => quote = None,
            (';' | '\n', None) => {
                commands.push((std::mem::take(&mut text), after_success));
                after_success = false;
                continue;
            }
            ('&', None) if letters.peek() == Some(&'&') => {
                letters.next();
                commands.push((std::mem::take(&mut text), after_success));
                after_success = true;
                continue;
            }
            _ => {}
        }
        text.push(letter);
    }
    commands.push((text, after_success));
    commands
}

/// Words of a command, unquoted.
fn words(text: &str, last: u32) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in text.replace("$?", &last.to_string()).chars() {
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, Some(quoted)) if quoted == letter => quote = None,
            (letter, None) if letter.is_whitespace() => words.extend(word.take()),
            (letter, _) => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_cut_as_a_shell_would() {
        assert_eq!(
            commands("echo 'a; b' && exit 3; true"),
            [("echo 'a; b' ".to_owned(), false), (" exit 3".to_owned(), true), (" true".to_owned(), false)]
        );
        assert_eq!(words("echo  'a; b' \"\" $?", 7), ["echo", "a; b", "", "7"]);
    }
}
