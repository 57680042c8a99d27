//! The program inside every desktop, run through the door.
//!
//! ```text
//!  rolltop-guest init                   stdin InitRequest, stdout InitReply; as root, or setuid root
//!  rolltop-guest keys                   stdin KeysRequest, stdout KeysReply; as root, or setuid root
//!  rolltop-guest screenshot --width N   stdout a JPEG of display :1; as any user the display lets look
//!  rolltop-guest exec                   runs a command as the session's user, over `guest_protocol::exec`
//!  rolltop-guest exec --as-caller       the same as whoever calls
//!  rolltop-guest apart PID              puts a process where terminals belong; as root, or setuid root
//!  rolltop-guest end                    ends what people run, stdout Load; as root, or setuid root
//!  rolltop-guest attend                 waits at ATTENDANT_SOCKET to do that, for when nothing more can be started; as root
//! ```
//!
//! A command that fails says why in one line of JSON on standard error
//! (`guest_protocol::GuestError`) and ends with 1; 2 means that it was not understood.
//!
//! It is one static binary that starts few processes and reads few files, because a fork of a
//! desktop waits for it, perhaps in an emulated machine. So its arguments are read by hand.

mod apart;
mod attendant;
mod end;
mod exec;
mod init;
mod screenshot;

use std::io::{self, Write};
use std::process::ExitCode;

use rolltop_guest_protocol::GuestError;

use crate::apart::Group;

const USAGE: &str = "usage: rolltop-guest init | keys | screenshot [--width PIXELS] | exec [--as-caller] | apart PID | end | attend";
/// Width of a screenshot that names none, pixels.
const DEFAULT_WIDTH: u16 = 480;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["init"] => end(run_init()),
        ["keys"] => end(run_keys()),
        ["screenshot"] => end(run_screenshot(DEFAULT_WIDTH)),
        ["screenshot", "--width", width] => match width.parse() {
            Ok(width) => end(run_screenshot(width)),
            Err(_) => usage(),
        },
        ["apart", pid] => end(run_apart(pid)),
        ["end"] => end(run_end()),
        ["attend"] => end(attendant::serve().map_err(|error| told(&error))),
        ["exec"] => end(run_exec(true)),
        ["exec", "--as-caller"] => end(run_exec(false)),
        _ => usage(),
    }
}

/// Puts the shell that is about to start a terminal where terminals belong.
fn run_apart(pid: &str) -> Result<(), String> {
    init::may_initialise_here().map_err(|error| told(&error))?;
    let pid = pid.parse().map_err(|_| "there is no such process".to_owned())?;
    apart::put(Group::Terminals, pid).map_err(|error| told(&error))
}

fn run_end() -> Result<(), String> {
    let entitled = init::may_initialise_here().map_err(|error| told(&error))?;
    let load = end::people(&entitled).map_err(|error| told(&error))?;
    write(&serde_json::to_vec(&load).map_err(|error| told(&error))?)
}

fn run_exec(as_session_user: bool) -> Result<(), String> {
    let session = if as_session_user {
        let entitled = init::may_initialise_here().map_err(|error| told(&error))?;
        // A kernel without control groups is no reason not to run it.
        let _ = apart::put(Group::Commands, std::process::id());
        Some(init::become_session_user(&entitled).map_err(|error| told(&error))?)
    } else {
        init::drop_lent_rights().map_err(|error| told(&error))?;
        None
    };
    exec::run(session).map_err(|error| told(&error))
}

fn run_init() -> Result<(), String> {
    let reply = init::run_here(io::stdin().lock()).map_err(|error| told(&error))?;
    let text = serde_json::to_vec(&reply).map_err(|error| told(&error))?;
    write(&text)
}

fn run_keys() -> Result<(), String> {
    let reply = init::run_keys_here(io::stdin().lock()).map_err(|error| told(&error))?;
    let text = serde_json::to_vec(&reply).map_err(|error| told(&error))?;
    write(&text)
}

fn run_screenshot(width: u16) -> Result<(), String> {
    init::drop_lent_rights().map_err(|error| told(&error))?;
    write(&screenshot::take(width).map_err(|error| told(&error))?)
}

fn write(bytes: &[u8]) -> Result<(), String> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| format!("can't answer: {error}"))
}

/// An error and what caused it, as one sentence.
fn told(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

fn end(result: Result<(), String>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            if let Ok(line) = serde_json::to_string(&GuestError { error }) {
                // Nobody is left to tell if standard error is gone too.
                let _ = writeln!(io::stderr(), "{line}");
            }
            ExitCode::FAILURE
        }
    }
}

fn usage() -> ExitCode {
    let _ = writeln!(io::stderr(), "{USAGE}");
    ExitCode::from(2)
}
