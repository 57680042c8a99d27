//! What went wrong, told once: a sentence on standard error, and an exit code for scripts.

use std::error::Error;
use std::fmt;
use std::io;

use rolltop_api_types::{ClientError, Code, Problem};

use crate::output::{plain, say};

/// What `rolltop` exits with besides 0; they are documented and stay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Failed = 1,
    Usage = 2,
    NotAllowed = 3,
    NotFound = 4,
    Conflict = 5,
    Unreachable = 6,
    TimedOut = 7,
}

/// The code of a server to which there was no way.
pub const UNREACHABLE: &str = "unreachable";

#[derive(Debug)]
pub struct Failure {
    pub exit: u8,
    /// For programs.
    pub code: String,
    /// What happened and what helps.
    pub detail: String,
}

impl Failure {
    pub fn new(exit: Exit, code: &str, detail: impl Into<String>) -> Self {
        Self { exit: exit as u8, code: code.to_owned(), detail: detail.into() }
    }

    pub fn usage(detail: impl Into<String>) -> Self {
        Self::new(Exit::Usage, "usage", detail)
    }

    /// There is nothing of that name.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, "not_found", detail)
    }

    /// There is more than one of that name.
    pub fn ambiguous(detail: impl Into<String>) -> Self {
        Self::new(Exit::NotFound, "ambiguous_name", detail)
    }

    /// What was waited for will not come.
    pub fn failed(detail: impl Into<String>) -> Self {
        Self::new(Exit::Failed, "failed", detail)
    }

    /// `what` could not be done on this machine.
    pub fn io(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::new(Exit::Failed, "io", format!("{what}: {error}"))
    }

    /// The same with another exit code: `exec` has its own.
    pub fn exiting(self, exit: u8) -> Self {
        Self { exit, ..self }
    }

    /// Says so, and answers with the exit code.
    pub fn tell(&self, json: bool) -> u8 {
        if json {
            let error = serde_json::json!({"error": {"code": self.code, "detail": self.detail}});
            say(&format!("{error}\n"));
        } else {
            say(&format!("rolltop: {}\n", plain(&self.detail)));
        }
        self.exit
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        match &error {
            ClientError::Problem { problem, .. } => {
                let detail = if problem.code == Code::Unauthenticated {
                    "The server does not know this credential (any more); sign in with rolltop login."
                        .to_owned()
                } else {
                    problem.detail.clone()
                };
                Self::new(exit_of(problem), problem.code.as_str(), detail)
            }
            ClientError::Address => {
                Self::usage("An address is of the form desk.example.org or https://HOST:PORT.")
            }
            ClientError::Transport(_) => Self::new(Exit::Unreachable, UNREACHABLE, causes(&error)),
            ClientError::Unexpected { .. }
            | ClientError::Answer(_)
            | ClientError::TooLong
            | ClientError::NotAWebSocket
            | ClientError::NotATunnel
            | ClientError::Credential => Self::new(Exit::Failed, "answer", causes(&error)),
        }
    }
}

fn exit_of(problem: &Problem) -> Exit {
    match problem.status {
        401 | 403 => Exit::NotAllowed,
        _ if problem.code == Code::AccessDenied => Exit::NotAllowed,
        404 => Exit::NotFound,
        409 | 412 => Exit::Conflict,
        429 | 503 | 504 => Exit::Unreachable,
        _ => Exit::Failed,
    }
}

/// An error and what lies behind it, without repeating what was said.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let cause = source.to_string();
        if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
        next = source.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use rolltop_api_types::Problem;

    #[test]
    fn a_problem_gives_its_code_and_an_exit_code_by_its_kind() {
        let of = |code: Code| {
            let problem = Box::new(Problem::new(code, "So it is."));
            let failure = Failure::from(ClientError::Problem { problem, retry_after: None });
            (failure.exit, failure.code, failure.detail)
        };
        assert_eq!(of(Code::NotRunning), (5, "not_running".into(), "So it is.".into()));
        assert_eq!(of(Code::NotFound).0, 4);
        assert_eq!(of(Code::MissingScope).0, 3);
        assert_eq!(of(Code::DesktopUnreachable).0, 6);
        assert_eq!(of(Code::InvalidName).0, 1);
        assert!(of(Code::Unauthenticated).2.contains("rolltop login"));
    }
}
