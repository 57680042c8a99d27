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

/// Longest pause between two questions.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// What takes longer is told, as where a test's time goes.
const LONG: Duration = Duration::from_secs(5);

/// Asks `probe` again and again until it answers `Some`, at most for `limit`. What takes long is asked for more rarely: each
/// question takes time from the guest that is waited for.
pub async fn eventually<T, F>(what: &str, limit: Duration, mut probe: impl FnMut() -> F) -> anyhow::Result<T>
where
    F: Future<Output = anyhow::Result<Option<T>>>,
{
    let start = std::time::Instant::now();
    loop {
        let answer = probe().await?;
        let waited = start.elapsed();
        if let Some(value) = answer {
            if waited > LONG {
                eprintln!("{what}: after {} s", waited.as_secs());
            }
            return Ok(value);
        }
        if waited > limit {
            bail!("{what}: not within {} s", limit.as_secs());
        }
        tokio::time::sleep((waited / 10).clamp(Duration::from_millis(20), LONGEST_PAUSE)).await;
    }
}
