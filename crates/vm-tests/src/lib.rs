//! A whole Rolltop, started as an operator starts it: `rolltopd up` as a child process with a
//! state directory of its own, driven through its public API. For the tests and the benchmarks
//! that need real guests; knows nothing of what is inside the processes.

mod exec;
mod platform;
mod processes;

pub use platform::{Options, Platform};
pub use processes::{Memory, alive, qemus};

use std::time::Duration;

use anyhow::bail;

/// Asks `probe` again and again until it answers `Some`, at most for `limit`.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut probe: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<Option<T>>>,
{
    let start = std::time::Instant::now();
    loop {
        if let Some(value) = probe().await? {
            return Ok(value);
        }
        if start.elapsed() > limit {
            bail!("{what}: not within {} s", limit.as_secs());
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
