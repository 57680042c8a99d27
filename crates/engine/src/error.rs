//! Why an engine did not do what was asked.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use crate::Lacks;

/// Serialisable, because it crosses the socket between the api and the host.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "code", content = "detail")]
pub enum EngineError {
    #[error("the host has no template {0}")]
    UnknownTemplate(String),
    #[error("the host has no such desktop")]
    UnknownDesktop,
    #[error("the host has no such snapshot")]
    UnknownSnapshot,
    #[error("the desktop is not running")]
    NotRunning,
    #[error("a newer request for this desktop has been carried out")]
    Fenced,
    /// Ask again, with another next layer: the machine may write to this one.
    #[error("an earlier try of this snapshot was cut short")]
    CutShort,
    #[error("the host's disk is full")]
    DiskFull,
    #[error("the host has too little free memory")]
    NoMemory,
    #[error("the template's memory was baked for another machine: {0}")]
    BaseMismatch(String),
    /// The disk can still be booted, with [`Engine::start`](crate::Engine::start).
    #[error("the memory that was kept can't be brought back: {0}")]
    MemoryUnusable(String),
    #[error(transparent)]
    Lacks(#[from] Lacks),
    #[error("the host did not answer in time: {0}")]
    Timeout(String),
    #[error("the host process can't be reached: {0}")]
    Unreachable(String),
    #[error("the host failed: {0}")]
    Host(String),
}

pub(crate) fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
