//! Waiting for a condition, never for a time.

use std::time::Duration;

use tokio::time::{sleep, timeout};

/// Longest wait for anything; generous, because many tests share few processors.
pub const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(10);

/// Whether this came true in time.
pub async fn comes_true(mut condition: impl AsyncFnMut() -> bool) -> bool {
    let waiting = async {
        while !condition().await {
            sleep(PAUSE).await;
        }
    };
    timeout(PATIENCE, waiting).await.is_ok()
}

/// Fails the test where it does not.
pub async fn eventually(what: &str, condition: impl AsyncFnMut() -> bool) {
    assert!(comes_true(condition).await, "not in time: {what}");
}
