//! What can go wrong on the host, with what was being done, and how the caller is told.

use std::error::Error;
use std::io;
use std::path::Path;

use rolltop_engine::EngineError;

/// A step on the host that did not succeed.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    #[error("{doing}")]
    Io { doing: String, source: io::Error },
    #[error("{program} ended with {status}: {stderr}")]
    Program { program: String, status: String, stderr: String },
    #[error("QEMU refused {command}: {description}")]
    Refused { command: String, description: String },
    #[error("QEMU's monitor closed")]
    MonitorClosed,
    #[error("QEMU ended while it was being started: {0}")]
    Ended(String),
    #[error("the memory that was kept can't be used: {0}")]
    Memory(String),
    #[error("{0} took too long")]
    Slow(String),
    #[error("{0}")]
    Other(String),
}

/// Adds what was being done to an I/O error.
pub(crate) trait Doing<T> {
    fn doing(self, what: &str) -> Result<T, Fault>;
    fn doing_with(self, what: &str, path: &Path) -> Result<T, Fault>;
}

impl<T, E: Into<io::Error>> Doing<T> for Result<T, E> {
    fn doing(self, what: &str) -> Result<T, Fault> {
        self.map_err(|error| Fault::Io { doing: what.to_owned(), source: error.into() })
    }

    fn doing_with(self, what: &str, path: &Path) -> Result<T, Fault> {
        self.map_err(|error| Fault::Io { doing: format!("{what} {}", path.display()), source: error.into() })
    }
}

impl From<Fault> for EngineError {
    fn from(fault: Fault) -> Self {
        match &fault {
            Fault::Io { source, .. } if source.kind() == io::ErrorKind::StorageFull => EngineError::DiskFull,
            Fault::Io { source, .. } if source.kind() == io::ErrorKind::OutOfMemory => EngineError::NoMemory,
            Fault::Program { stderr, .. } | Fault::Ended(stderr)
                if stderr.contains("No space left on device") =>
            {
                EngineError::DiskFull
            }
            Fault::Program { stderr, .. } | Fault::Ended(stderr)
                if stderr.contains("Cannot allocate memory") =>
            {
                EngineError::NoMemory
            }
            Fault::Memory(why) => EngineError::MemoryUnusable(why.clone()),
            Fault::Slow(what) => EngineError::Timeout(what.clone()),
            Fault::Io { .. }
            | Fault::Program { .. }
            | Fault::Refused { .. }
            | Fault::MonitorClosed
            | Fault::Ended(_)
            | Fault::Other(_) => EngineError::Host(told(&fault)),
        }
    }
}

/// Does work that waits for disks, devices or programs where nobody else waits for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let work = tokio::task::spawn_blocking(work).await;
    work.unwrap_or_else(|_| Err(Fault::Other("work on the host broke off".into())))
}

/// The error and its sources as one line.
pub(crate) fn told(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart_wherever_it_shows() {
        let io: Result<(), io::Error> =
            Err(io::Error::from_raw_os_error(rustix::io::Errno::NOSPC.raw_os_error()));
        assert_eq!(EngineError::from(io.doing("writing").unwrap_err()), EngineError::DiskFull);
        let program = Fault::Program {
            program: "qemu-img".into(),
            status: "exit status: 1".into(),
            stderr: "qemu-img: x: Could not create: No space left on device".into(),
        };
        assert_eq!(EngineError::from(program), EngineError::DiskFull);
        let io: Result<(), io::Error> = Err(io::Error::other("odd"));
        let told = EngineError::from(io.doing_with("reading", Path::new("a/b")).unwrap_err());
        assert_eq!(told, EngineError::Host("reading a/b: odd".into()));
    }
}
