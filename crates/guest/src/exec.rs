//! `rolltop-guest exec`: one command, its streams and its end, over the frames of
//! [`rolltop_guest_protocol::exec`].
//!
//! One thread, which waits for whatever comes first:
//!
//! ```text
//!  door ──frames──► input ──► the command's standard input
//!       ◄─frames─── as much as the door's window lets through ◄── its output and error
//! ```
//!
//! The command has a process group of its own. When the door hangs up, that group is asked to end and
//! after [`GRACE`] made to. What a program has put into another group or session is left alone, as
//! after any other way of starting it; and what still holds the output open when the command itself
//! has ended is not waited for.

mod request;
mod streams;

use std::io::{self, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rolltop_guest_protocol::exec::{ExecExit, ExecFailure, ExecFailureKind, ExecRequest, FromGuest, ToGuest};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open, test_kill_process_group};

use crate::init::Session;
use request::FrameReader;
use streams::{Input, Output};

/// For a command whose caller has gone to end by itself.
const GRACE: Duration = Duration::from_secs(3);
/// How often it is looked whether it has.
const LOOK: Duration = Duration::from_millis(50);
const LOOK_AGAIN: Timespec = Timespec { tv_sec: 0, tv_nsec: 50_000_000 };
const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };

#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("the request can't be read")]
    Request(#[source] io::Error),
    #[error("the request is not one")]
    NotARequest(#[source] serde_json::Error),
    #[error("the door hung up")]
    Door(#[source] io::Error),
    #[error("waiting failed")]
    Wait(#[source] io::Error),
}

/// Runs the command that standard input asks for, until it ends or the door hangs up.
pub fn run(session: Option<Session>) -> Result<(), ExecError> {
    let mut frames = FrameReader::new(io::stdin());
    let line = frames.line().map_err(ExecError::Request)?;
    let request: ExecRequest = serde_json::from_slice(&line).map_err(ExecError::NotARequest)?;
    be_as_likely_to_be_ended_as_others();
    let mut child = match start(&request, session) {
        Ok(child) => child,
        Err(failure) => return say(&FromGuest::NotStarted(failure)),
    };
    say(&FromGuest::Started)?;
    let group = Pid::from_child(&child);
    let ended = Relay::new(&mut child, request.window, frames)?.run();
    match ended {
        Ok(status) => say(&FromGuest::Exit(exit(status))),
        Err(error) => {
            end_group(&mut child, group);
            Err(error)
        }
    }
}

/// Where memory runs out the kernel spares what sshd has started where sshd itself is protected, and would end the desktop
/// in place of the command that took it all.
fn be_as_likely_to_be_ended_as_others() {
    // One may always make oneself likelier; where there is no such file there is nothing to undo.
    let _ = std::fs::write("/proc/self/oom_score_adj", "0");
}

fn say(frame: &FromGuest) -> Result<(), ExecError> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(&frame.encoded()).and_then(|()| stdout.flush()).map_err(ExecError::Door)
}

fn start(request: &ExecRequest, session: Option<Session>) -> Result<Child, ExecFailure> {
    let failed = |kind, error: String| ExecFailure { kind, error };
    let Some((program, arguments)) = request.command.split_first() else {
        return Err(failed(ExecFailureKind::Other, "There is no command.".to_owned()));
    };
    let mut command = Command::new(program);
    command.args(arguments).process_group(0);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut folder = std::env::current_dir().unwrap_or_default();
    if let Some(session) = session {
        command.env_clear().envs(session.environment);
        folder = session.home;
    }
    if let Some(cwd) = &request.cwd {
        folder = folder.join(cwd);
        if !folder.is_dir() {
            return Err(failed(ExecFailureKind::NoFolder, format!("There is no folder {cwd}.")));
        }
    }
    command.current_dir(folder).envs(&request.env);
    command.spawn().map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            failed(ExecFailureKind::NotFound, format!("There is no program {program}."))
        }
        io::ErrorKind::PermissionDenied => {
            failed(ExecFailureKind::NotExecutable, format!("{program} can't be run: permission denied."))
        }
        _ if error.raw_os_error() == Some(rustix::io::Errno::NOEXEC.raw_os_error()) => {
            failed(ExecFailureKind::NotExecutable, format!("{program} is no program."))
        }
        _ => failed(ExecFailureKind::Other, format!("{program} can't be run: {error}.")),
    })
}

fn exit(status: ExitStatus) -> ExecExit {
    match (status.code(), status.signal()) {
        (Some(code), _) => ExecExit::Code(u32::try_from(code).unwrap_or(u32::MAX)),
        (None, signal) => ExecExit::Signal(streams::signal_name(signal.unwrap_or_default())),
    }
}

/// Asks a process group to end, and makes it after a while.
fn end_group(child: &mut Child, group: Pid) {
    let begun = Instant::now();
    // An error means that nobody is left in it.
    let mut left = kill_process_group(group, Signal::TERM).is_ok();
    while left && begun.elapsed() < GRACE {
        let _ = child.try_wait();
        left = test_kill_process_group(group).is_ok();
        std::thread::sleep(LOOK);
    }
    if left {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.wait();
}

struct Relay<'a> {
    child: &'a mut Child,
    group: Pid,
    /// Tells when the command has ended; kernels before 5.3 have none.
    ended: Option<OwnedFd>,
    status: Option<ExitStatus>,
    frames: FrameReader<io::Stdin>,
    input: Input,
    output: Output,
    error: Output,
    /// What may still be sent.
    window: i64,
}

/// What there is to do.
#[derive(Default)]
struct Ready {
    door: bool,
    input: bool,
    output: bool,
    error: bool,
    /// Whether output and error were looked at, which they are only while the window is open.
    looked: bool,
}

impl<'a> Relay<'a> {
    fn new(child: &'a mut Child, window: u32, frames: FrameReader<io::Stdin>) -> Result<Self, ExecError> {
        let group = Pid::from_child(child);
        Ok(Self {
            ended: pidfd_open(group, PidfdFlags::empty()).ok(),
            status: None,
            input: Input::new(child.stdin.take()).map_err(ExecError::Wait)?,
            output: Output::new(child.stdout.take().map(OwnedFd::from)),
            error: Output::new(child.stderr.take().map(OwnedFd::from)),
            child,
            group,
            frames,
            window: i64::from(window),
        })
    }

    fn run(mut self) -> Result<ExitStatus, ExecError> {
        say(&FromGuest::Window(streams::INPUT_WINDOW))?;
        loop {
            let ready = self.wait()?;
            if ready.door {
                self.hear()?;
            }
            if ready.input {
                self.feed()?;
            }
            if ready.output {
                self.window -= send(&mut self.output, FromGuest::Stdout)?;
            }
            if ready.error {
                self.window -= send(&mut self.error, FromGuest::Stderr)?;
            }
            if self.status.is_none() {
                self.status = self.child.try_wait().map_err(ExecError::Wait)?;
            } else if let Some(status) = self.status
                && ready.looked
                && !ready.output
                && !ready.error
            {
                return Ok(status);
            }
        }
    }

    /// Waits until something can be done; not at all once the command has ended and its output may flow.
    fn wait(&self) -> Result<Ready, ExecError> {
        let stdin = io::stdin();
        let may_flow = self.window > 0;
        let wanted: [(u8, Option<BorrowedFd<'_>>, PollFlags); 5] = [
            (0, Some(stdin.as_fd()).filter(|_| !self.frames.has_buffered()), PollFlags::IN),
            (1, self.input.waiting(), PollFlags::OUT),
            (2, self.output.fd().filter(|_| may_flow), PollFlags::IN),
            (3, self.error.fd().filter(|_| may_flow), PollFlags::IN),
            (4, self.ended.as_ref().map(AsFd::as_fd).filter(|_| self.status.is_none()), PollFlags::IN),
        ];
        let (names, mut fds): (Vec<u8>, Vec<PollFd<'_>>) = wanted
            .into_iter()
            .filter_map(|(what, fd, flags)| Some((what, PollFd::from_borrowed_fd(fd?, flags))))
            .unzip();
        match poll(&mut fds, self.longest().as_ref()) {
            Err(rustix::io::Errno::INTR) => return Ok(Ready::default()),
            polled => polled.map_err(|error| ExecError::Wait(error.into()))?,
        };
        let is_ready =
            |what: u8| names.iter().zip(&fds).any(|(name, fd)| *name == what && !fd.revents().is_empty());
        Ok(Ready {
            door: self.frames.has_buffered() || is_ready(0),
            input: is_ready(1),
            output: is_ready(2),
            error: is_ready(3),
            looked: may_flow,
        })
    }

    fn longest(&self) -> Option<Timespec> {
        let may_end = self.status.is_some() && self.window > 0;
        if may_end || self.frames.has_buffered() {
            Some(AT_ONCE)
        } else if self.status.is_none() && self.ended.is_none() {
            Some(LOOK_AGAIN)
        } else {
            None
        }
    }

    /// What the door says.
    fn hear(&mut self) -> Result<(), ExecError> {
        match self.frames.read().map_err(ExecError::Door)? {
            Some(ToGuest::Input(bytes)) => self.input.push(&bytes),
            Some(ToGuest::EndInput) => self.input.end(),
            Some(ToGuest::Window(more)) => self.window = self.window.saturating_add(i64::from(more)),
            Some(ToGuest::Signal(name)) => {
                if let Some(signal) = streams::signal(&name) {
                    // One that comes too late finds nobody.
                    let _ = kill_process_group(self.group, signal);
                }
            }
            None => {}
        }
        self.feed()
    }

    fn feed(&mut self) -> Result<(), ExecError> {
        match self.input.write() {
            0 => Ok(()),
            taken => say(&FromGuest::Window(taken)),
        }
    }
}

/// Passes on what is there, and says what it took of the window.
fn send(output: &mut Output, frame: impl Fn(Vec<u8>) -> FromGuest) -> Result<i64, ExecError> {
    let bytes = output.read();
    if bytes.is_empty() {
        return Ok(0);
    }
    let cost = i64::from(rolltop_guest_protocol::exec::cost(bytes.len()));
    say(&frame(bytes))?;
    Ok(cost)
}
