//! Ending what people run in a desktop, and how much is asked of it: `rolltop-guest`'s attendant, or else the program itself.

use std::time::Duration;

use rolltop_guest_protocol::{ATTENDANT_SOCKET, END, LOOK, Load};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

use crate::channel::ChannelError;
use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::init::{as_root, complaint};

/// The guest waits 10 s for what it has ended to be gone, and may have a busy machine.
const LIMITS: ExecLimits = ExecLimits { max_output: MOST, timeout: Duration::from_secs(30) };
const MOST: usize = 16 * 1024;
/// For a machine that may be able to start nothing.
const START: ExecLimits = ExecLimits { max_output: MOST, timeout: Duration::from_secs(20) };

#[derive(Debug, thiserror::Error)]
pub enum EndError {
    #[error("the guest program did not run")]
    Exec(#[from] ExecError),
    /// The guest's own sentence, made safe to show.
    #[error("the guest could not end what runs: {0}")]
    Guest(String),
}

#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    #[error("nobody in the guest is there to be asked")]
    Nobody(#[from] ChannelError),
    #[error("the guest did not answer")]
    Silent(#[source] std::io::Error),
    #[error("the guest did not answer within {} seconds", .0.as_secs())]
    TimedOut(Duration),
    #[error("the guest's answer can't be read")]
    Answer(#[source] serde_json::Error),
}

impl Door {
    /// How much is asked of the machine, by its own account. Starts nothing in it.
    pub async fn load(&self) -> Result<Load, LoadError> {
        self.ask_attendant(LOOK).await
    }

    /// Ends what people run, with nothing started in it where its template has an attendant.
    pub async fn end_all(&self) -> Result<(), EndError> {
        match self.ask_attendant(END).await {
            Ok(_) => return Ok(()),
            Err(error) => tracing::debug!(%error, "the attendant did not end what runs"),
        }
        let output = self.exec(&as_root("end"), Vec::new(), LIMITS).await?;
        if output.succeeded() { Ok(()) } else { Err(EndError::Guest(complaint(&output))) }
    }

    /// Whether anything can be started in it.
    pub async fn starts_something(&self) -> bool {
        self.exec(":", Vec::new(), START).await.is_ok()
    }

    async fn ask_attendant(&self, word: &str) -> Result<Load, LoadError> {
        let answer = async {
            let mut socket = self.streamlocal(ATTENDANT_SOCKET).await?;
            socket.write_all(format!("{word}\n").as_bytes()).await.map_err(LoadError::Silent)?;
            let mut said = Vec::new();
            let most = u64::try_from(MOST).unwrap_or(u64::MAX);
            socket.take(most).read_to_end(&mut said).await.map_err(LoadError::Silent)?;
            serde_json::from_slice(&said).map_err(LoadError::Answer)
        };
        timeout(LIMITS.timeout, answer).await.unwrap_or(Err(LoadError::TimedOut(LIMITS.timeout)))
    }
}
