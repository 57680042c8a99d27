//! Why a step was not carried out, sorted by what to do about it.

use rolltop_engine::{EngineError, Lacks};
use rolltop_model::FailReason;
use rolltop_store::StoreError;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Fault {
    /// The host process does not answer: nothing is known, nothing counts.
    #[error("the host does not answer")]
    Silent(#[source] EngineError),
    /// Somebody else has the lease by now.
    #[error("the lease was lost")]
    Lost,
    /// The owner wants something else by now: decide again.
    #[error("the wish has changed")]
    Changed,
    /// It takes longer than others are to wait for their turn. Nothing went wrong: it is gone on with.
    #[error("it takes a while yet")]
    NotYet,
    /// It went wrong. `why` is for the log, `detail` may be shown to the owner.
    #[error("{why}")]
    Wrong { reason: FailReason, why: String, detail: Option<String> },
    #[error("the database failed")]
    Store(#[from] StoreError),
}

impl From<EngineError> for Fault {
    fn from(error: EngineError) -> Self {
        let reason = match &error {
            EngineError::Unreachable(_) => return Fault::Silent(error),
            EngineError::Fenced => return Fault::Lost,
            EngineError::UnknownTemplate(_) => FailReason::TemplateGone,
            EngineError::UnknownSnapshot => FailReason::OriginGone,
            EngineError::BaseMismatch(_) => FailReason::BaseMismatch,
            EngineError::MemoryUnusable(why) => {
                return Fault::Wrong {
                    reason: FailReason::MemoryUnusable,
                    why: error.to_string(),
                    detail: Some(why.clone()),
                };
            }
            EngineError::DiskFull => FailReason::DiskFull,
            EngineError::NoMemory => FailReason::NoMemory,
            EngineError::UnknownDesktop
            | EngineError::NotRunning
            | EngineError::CutShort
            | EngineError::Lacks(_)
            | EngineError::Timeout(_)
            | EngineError::Host(_) => FailReason::StartFailed,
        };
        Fault::wrong(reason, &error)
    }
}

impl From<Lacks> for Fault {
    fn from(lacks: Lacks) -> Self {
        EngineError::from(lacks).into()
    }
}

impl Fault {
    pub(crate) fn wrong(reason: FailReason, error: &(dyn std::error::Error + 'static)) -> Self {
        Fault::Wrong { reason, why: chain(error), detail: None }
    }

    pub(crate) fn wrong_because(reason: FailReason, why: &str) -> Self {
        Fault::Wrong { reason, why: why.to_owned(), detail: None }
    }
}

/// An error and its causes in one line, for the log.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
