//! Asking the engine something, within a deadline.

use std::time::Duration;

use rolltop_engine::EngineError;
use tokio::time::timeout;

use crate::kernel::fault::Fault;

/// For the engine to bring a machine up or take it away, under the load of many.
pub(crate) const ENGINE_DEADLINE: Duration = Duration::from_secs(120);

/// Asks the engine something, within a deadline.
pub(crate) async fn ask<T>(
    deadline: Duration,
    answer: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, Fault> {
    Ok(in_time(deadline, answer).await??)
}

/// What the engine answers. That it answers late says nothing of what became of the question: it may be done yet, so it is
/// asked again, and whatever was given for it stays.
pub(crate) async fn in_time<T>(deadline: Duration, answer: impl Future<Output = T>) -> Result<T, Fault> {
    let late = |_| Fault::Silent(EngineError::Timeout(format!("{} s", deadline.as_secs())));
    timeout(deadline, answer).await.map_err(late)
}

#[cfg(test)]
mod tests {
    use rolltop_model::FailReason;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_is_answered_late_is_no_failure_of_the_desktops() {
        let late = ask(ENGINE_DEADLINE, std::future::pending::<Result<(), EngineError>>()).await;
        assert!(matches!(late, Err(Fault::Silent(EngineError::Timeout(_)))), "it is asked again: {late:?}");
        let refused = ask(ENGINE_DEADLINE, async { Err::<(), _>(EngineError::DiskFull) }).await;
        assert!(matches!(refused, Err(Fault::Wrong { reason: FailReason::DiskFull, .. })), "{refused:?}");
    }
}
