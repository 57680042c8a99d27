//! Running one command in a desktop, with everything about it bounded.

use std::time::Duration;

use bytes::Bytes;
use russh::{ChannelMsg, ChannelReadHalf};
use tokio::time::timeout;

use crate::channel::{ChannelError, CloseOnDrop};
use crate::door::Door;
use crate::text::tame;

/// SSH's number for standard error.
const STANDARD_ERROR: u32 = 1;

/// What a command may cost.
#[derive(Debug, Clone, Copy)]
pub struct ExecLimits {
    /// Standard output and error together, bytes.
    pub max_output: usize,
    /// From asking for it to its exit.
    pub timeout: Duration,
}

/// What a command that ran to its end left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExecOutput {
    pub exit: Exit,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Exit {
    Code(u32),
    /// Ended by a signal, such as "KILL".
    Signal(String),
}

impl ExecOutput {
    pub fn succeeded(&self) -> bool {
        self.exit == Exit::Code(0)
    }
}

#[derive(Debug, thiserror::Error)]
pub enum ExecError {
    #[error("no channel for the command")]
    Channel(#[from] ChannelError),
    #[error("the desktop would not run the command")]
    NotStarted,
    #[error("the command did not end within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    #[error("the command wrote more than {0} bytes")]
    TooMuchOutput(usize),
    #[error("the connection ended before the command did")]
    Lost,
}

impl Door {
    /// Runs a command line in the shell of the door's user, gives it `stdin` and waits for its
    /// end. A command over its limits is let go of: its channel closes, and it gets no more.
    pub async fn exec(
        &self,
        command: &str,
        stdin: impl Into<Bytes>,
        limits: ExecLimits,
    ) -> Result<ExecOutput, ExecError> {
        match timeout(limits.timeout, self.run(command, stdin.into(), limits.max_output)).await {
            Ok(result) => result,
            Err(_) => Err(ExecError::TimedOut(limits.timeout)),
        }
    }

    async fn run(&self, command: &str, stdin: Bytes, max_output: usize) -> Result<ExecOutput, ExecError> {
        let (mut read, write) = self.session().await?.split();
        let channel = CloseOnDrop::new(write);
        channel.write_half().exec(true, command).await.map_err(|_| ExecError::Lost)?;
        let feed = async {
            // A command may end without having read everything; its exit tells then.
            let _ = channel.write_half().data_bytes(stdin).await;
            let _ = channel.write_half().eof().await;
            std::future::pending::<()>().await
        };
        tokio::select! {
            result = collect(&mut read, max_output) => result,
            () = feed => Err(ExecError::Lost),
        }
    }
}

/// Reads a command's output and exit until its channel closes.
async fn collect(read: &mut ChannelReadHalf, max_output: usize) -> Result<ExecOutput, ExecError> {
    let mut exit = None;
    let mut stdout = Vec::new();
    let mut stderr = Vec::new();
    while let Some(message) = read.wait().await {
        match message {
            ChannelMsg::Data { data } => stdout.extend_from_slice(&data),
            ChannelMsg::ExtendedData { data, ext: STANDARD_ERROR } => stderr.extend_from_slice(&data),
            ChannelMsg::ExitStatus { exit_status } => exit = Some(Exit::Code(exit_status)),
            ChannelMsg::ExitSignal { signal_name, .. } => {
                exit = Some(Exit::Signal(tame(format!("{signal_name:?}").as_bytes())));
            }
            ChannelMsg::Failure => return Err(ExecError::NotStarted),
            ChannelMsg::Close => break,
            _ => {}
        }
        if stdout.len().saturating_add(stderr.len()) > max_output {
            return Err(ExecError::TooMuchOutput(max_output));
        }
    }
    let exit = exit.ok_or(ExecError::Lost)?;
    Ok(ExecOutput { exit, stdout, stderr })
}
