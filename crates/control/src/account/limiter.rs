//! How often a name may be tried. In memory: a restart forgives, which an attacker can't cause.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Wrong passwords before the first pause.
const FREE_TRIES: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Names kept at most; the oldest go first.
const NAMES: usize = 10_000;
/// Hashes computed at the same time: each takes 19 MiB and a processor.
const HASHES: usize = 2;

pub(crate) struct SignInLimiter {
    names: Mutex<HashMap<String, Tries>>,
    pub(super) hashing: Semaphore,
}

struct Tries {
    count: u32,
    last: Instant,
    blocked_until: Instant,
}

impl Default for SignInLimiter {
    fn default() -> Self {
        Self { names: Mutex::default(), hashing: Semaphore::new(HASHES) }
    }
}

impl SignInLimiter {
    /// Counts a try as if it failed, before it is known; or says how long to wait. Unknown names
    /// are counted like known ones.
    pub(super) fn begin(&self, name: &str) -> Result<(), Duration> {
        let now = Instant::now();
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains_key(name) && names.len() >= NAMES {
            let oldest = names.iter().min_by_key(|(_, tries)| tries.last).map(|(name, _)| name.clone());
            oldest.and_then(|oldest| names.remove(&oldest));
        }
        let tries = names.entry(name.to_owned()).or_insert(Tries { count: 0, last: now, blocked_until: now });
        if tries.blocked_until > now {
            return Err(tries.blocked_until.saturating_duration_since(now));
        }
        // Who was quiet for long enough begins anew.
        if now.saturating_duration_since(tries.last) > LONGEST_PAUSE.saturating_mul(4) {
            tries.count = 0;
        }
        tries.count = tries.count.saturating_add(1);
        tries.last = now;
        if tries.count >= FREE_TRIES {
            let doublings = (tries.count - FREE_TRIES).min(16);
            tries.blocked_until = now + FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        }
        Ok(())
    }

    /// It was the right password.
    pub(super) fn succeeded(&self, name: &str) {
        self.names.lock().unwrap_or_else(PoisonError::into_inner).remove(name);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn wrong_passwords_cost_ever_more_time_and_a_right_one_clears_it() {
        let limiter = SignInLimiter::default();
        for _ in 0..FREE_TRIES {
            assert!(limiter.begin("ann").is_ok());
        }
        let wait = limiter.begin("ann").unwrap_err();
        assert!(wait <= FIRST_PAUSE && !wait.is_zero());
        assert!(limiter.begin("bob").is_ok(), "others are not held up");
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(limiter.begin("ann").is_ok());
        assert!(limiter.begin("ann").unwrap_err() > FIRST_PAUSE, "the pause has doubled");
        limiter.succeeded("ann");
        assert!(limiter.begin("ann").is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn names_don_t_pile_up() {
        let limiter = SignInLimiter::default();
        for number in 0..NAMES + 10 {
            assert!(limiter.begin(&number.to_string()).is_ok());
        }
        assert_eq!(limiter.names.lock().unwrap().len(), NAMES);
    }
}
