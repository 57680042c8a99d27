//! Why a call did not give what was asked for.

use std::time::Duration;

use crate::{Code, Problem};

#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The server said no, and why.
    #[error("{}", problem.detail)]
    Problem {
        problem: Box<Problem>,
        /// How long to wait before asking again, where the server says so.
        retry_after: Option<Duration>,
    },
    #[error("the server can't be reached or broke off")]
    Transport(#[from] reqwest::Error),
    /// Mostly of something in between, such as a proxy, which answers with pages of its own.
    #[error("{}", unexpected(*status))]
    Unexpected { status: u16 },
    #[error("the server's answer can't be read")]
    Answer(#[source] serde_json::Error),
    #[error("the server's answer is longer than any that is expected")]
    TooLong,
    #[error("the server did not open a WebSocket")]
    NotAWebSocket,
    #[error("the server did not open a tunnel")]
    NotATunnel,
    #[error("the address is not of the form https://host:port")]
    Address,
    #[error("the credential has characters that no credential has")]
    Credential,
}

impl ClientError {
    /// The problem's code, where the server sent a problem.
    pub fn code(&self) -> Option<Code> {
        self.problem().map(|problem| problem.code)
    }

    pub fn problem(&self) -> Option<&Problem> {
        match self {
            ClientError::Problem { problem, .. } => Some(problem),
            ClientError::Transport(_)
            | ClientError::Unexpected { .. }
            | ClientError::Answer(_)
            | ClientError::TooLong
            | ClientError::NotAWebSocket
            | ClientError::NotATunnel
            | ClientError::Address
            | ClientError::Credential => None,
        }
    }
}

/// What an answer that is none of Rolltop's means, for a person.
fn unexpected(status: u16) -> String {
    let between = "something between you and Rolltop, such as a proxy,";
    match status {
        413 => format!("{between} takes no request that large (413); whoever runs it can raise its limit"),
        407 => format!("{between} wants you to sign in with it (407)"),
        502..=504 => format!("{between} answered that it can't reach Rolltop ({status}); try again shortly"),
        200..=399 => format!("what answered (status {status}) is not Rolltop: is the address right?"),
        _ => format!("the server answered with status {status} and no problem document"),
    }
}
