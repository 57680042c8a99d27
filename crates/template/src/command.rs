//! Running an external program so that its failure is one readable message.
//!
//! Output and errors come through one pipe, in order, line by line; the last lines are kept
//! for the message. A child dies with the thread that waits for it. No secret is ever an argument.

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader};
use std::process::{Command, ExitStatus, Stdio};

/// Lines of output that a failure quotes.
const TAIL_LINES: usize = 8;
/// Longest line quoted, characters.
const LINE_LENGTH: usize = 300;

/// Why a program did not do its work.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    #[error("{program} can't be run; is it installed?")]
    Start { program: String, source: io::Error },
    #[error("{program} failed ({status}): {tail}")]
    Failed { program: String, status: ExitStatus, tail: String },
}

impl CommandError {
    /// What the program last said; empty if it never ran.
    pub(crate) fn tail(&self) -> &str {
        match self {
            CommandError::Start { .. } => "",
            CommandError::Failed { tail, .. } => tail,
        }
    }
}

/// A program that ends when the thread that started it does, by whatever cause.
pub(crate) fn tethered(program: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", program]);
    command
}

/// A program with mounts and processes of its own: whatever it mounts or starts is gone with it.
pub(crate) fn isolated(options: &[&str]) -> Command {
    let mut command = tethered("unshare");
    command.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]).args(options);
    command
}

/// Runs a program to its end. Every line it prints is handed to `on_line`.
pub(crate) fn run(
    name: &str,
    mut command: Command,
    on_line: &mut dyn FnMut(&str),
) -> Result<(), CommandError> {
    let start = |source| CommandError::Start { program: name.to_owned(), source };
    let (reader, writer) = io::pipe().map_err(start)?;
    command.stdout(writer.try_clone().map_err(start)?).stderr(writer);
    let mut child = command.spawn().map_err(start)?;
    // The command holds this side's ends of the pipe; with them open it would never end.
    drop(command);

    let mut tail = VecDeque::new();
    let mut reader = BufReader::new(reader);
    let mut bytes = Vec::new();
    while reader.read_until(b'\n', &mut bytes).map_err(start)? > 0 {
        let line = String::from_utf8_lossy(&bytes);
        let line = line.trim_end();
        on_line(line);
        if !line.is_empty() {
            tail.push_back(line.chars().take(LINE_LENGTH).collect::<String>());
            if tail.len() > TAIL_LINES {
                tail.pop_front();
            }
        }
        bytes.clear();
    }
    let status = child.wait().map_err(start)?;
    if status.success() {
        return Ok(());
    }
    let tail = Vec::from(tail).join(" | ");
    Err(CommandError::Failed { program: name.to_owned(), status, tail })
}

/// Runs a program that has nothing to tell but its failure.
pub(crate) fn run_quietly(name: &str, mut command: Command) -> Result<(), CommandError> {
    command.stdin(Stdio::null());
    run(name, command, &mut |_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Command {
        let mut command = tethered("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn lines_of_both_streams_come_in_order() {
        let mut lines = Vec::new();
        run("sh", shell("echo a; echo b >&2; echo c"), &mut |line| lines.push(line.to_owned())).unwrap();
        assert_eq!(lines, ["a", "b", "c"]);
    }

    #[test]
    fn a_failure_quotes_the_last_lines_only() {
        let error = run_quietly("sh", shell("seq 1 100; exit 3")).unwrap_err();
        assert_eq!(error.tail(), "93 | 94 | 95 | 96 | 97 | 98 | 99 | 100");
        assert!(error.to_string().starts_with("sh failed (exit status: 3): 93 |"), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = run_quietly("no-such-program", Command::new("/no-such-program")).unwrap_err();
        assert_eq!(error.to_string(), "no-such-program can't be run; is it installed?");
    }
}
