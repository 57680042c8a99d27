//! A desktop's clock, which nothing in it sets: a machine that is paused falls behind by as long, and an emulated one drifts.

use std::time::{Duration, Instant};

use bytes::Bytes;
use jiff::{SignedDuration, Timestamp};

use crate::door::Door;
use crate::exec::{ExecError, ExecLimits};
use crate::init::complaint;

const LIMITS: ExecLimits = ExecLimits { max_output: 4 * 1024, timeout: Duration::from_secs(30) };
/// An offset that is left alone.
const FINE: SignedDuration = SignedDuration::from_millis(100);

#[derive(Debug, thiserror::Error)]
pub enum ClockError {
    #[error("the guest did not answer")]
    Exec(#[from] ExecError),
    #[error("the guest did not say its time")]
    NoTime,
    /// The guest's own sentence, made safe to show.
    #[error("the guest's clock could not be set: {0}")]
    Guest(String),
}

impl Door {
    /// Sets the desktop's clock by ours where it is off by more than the way there takes; by how much it was.
    pub async fn correct_clock(&self) -> Result<Option<SignedDuration>, ClockError> {
        let asked_at = Instant::now();
        let output = self.exec("date +%s%N", Bytes::new(), LIMITS).await?;
        let way = SignedDuration::try_from(asked_at.elapsed()).unwrap_or(SignedDuration::MAX);
        let said = String::from_utf8_lossy(&output.stdout);
        let there = said.trim().parse().ok().and_then(|ns| Timestamp::from_nanosecond(ns).ok());
        // Read somewhere between the question and its answer.
        let off = Timestamp::now().duration_since(there.ok_or(ClockError::NoTime)?).saturating_sub(way / 2);
        if off.abs() <= FINE.saturating_add(way / 2) {
            return Ok(None);
        }
        let now = Timestamp::now().as_duration().saturating_add(way / 2);
        let set = format!("sudo -n date -u -s @{}.{:09} > /dev/null", now.as_secs(), now.subsec_nanos());
        let output = self.exec(&set, Bytes::new(), LIMITS).await?;
        if output.succeeded() { Ok(Some(off)) } else { Err(ClockError::Guest(complaint(&output))) }
    }
}
