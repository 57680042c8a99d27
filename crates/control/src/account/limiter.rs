//! How often a name may be tried. In memory: a restart forgives, which an attacker can't cause.
//!
//! Tries are counted by name and network, so that whoever guesses locks out themselves and not the name's owner. All
//! networks together have so many tries of one name; those from which it has signed in before are not held up by that.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::kernel::state::default_state;
use rolltop_model::network_of;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// Wrong passwords before the first pause.
const FREE_TRIES: u32 = 5;
/// The same for all networks together.
const FREE_TRIES_OF_ALL: u32 = 100;
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(300);
/// Counters kept at most; the oldest go first.
const COUNTERS: usize = 10_000;
/// Hashes computed at the same time: each takes 19 MiB and a processor.
const HASHES: usize = 2;

pub(crate) struct SignInLimiter {
    counters: Mutex<HashMap<(String, Whence), Tries>>,
    pub(crate) hashing: Semaphore,
}
default_state!(SignInLimiter);

/// Where a try comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Whence {
    /// From one subscriber's network.
    Network(IpAddr),
    /// From somebody who is in already, or from the host itself.
    Inside,
    /// From all networks together.
    Anywhere,
}

impl Whence {
    pub(crate) fn of(address: Option<IpAddr>) -> Self {
        address.map_or(Self::Inside, |address| Self::Network(network_of(address)))
    }

    fn free_tries(self) -> u32 {
        match self {
            Self::Network(_) | Self::Inside => FREE_TRIES,
            Self::Anywhere => FREE_TRIES_OF_ALL,
        }
    }
}

struct Tries {
    count: u32,
    last: Instant,
    blocked_until: Instant,
    /// It was once the right password.
    known: bool,
}

impl Default for SignInLimiter {
    fn default() -> Self {
        Self { counters: Mutex::default(), hashing: Semaphore::new(HASHES) }
    }
}

impl SignInLimiter {
    /// Counts a try as if it failed, before it is known; or says how long to wait. Unknown names
    /// are counted like known ones.
    pub(crate) fn begin(&self, name: &str, from: Whence) -> Result<(), Duration> {
        let now = Instant::now();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let own = (name.to_owned(), from);
        let known = counters.get(&own).is_some_and(|tries| tries.known);
        let is_stranger = matches!(from, Whence::Network(_)) && !known;
        let of_all = is_stranger.then(|| (name.to_owned(), Whence::Anywhere));
        let all = [Some(own), of_all];
        for key in all.iter().flatten() {
            if let Some(tries) = counters.get(key)
                && tries.blocked_until > now
            {
                return Err(tries.blocked_until.saturating_duration_since(now));
            }
        }
        for key in all.into_iter().flatten() {
            if !counters.contains_key(&key) && counters.len() >= COUNTERS {
                let oldest = counters.iter().min_by_key(|(_, tries)| (tries.known, tries.last));
                let oldest = oldest.map(|(key, _)| key.clone());
                oldest.and_then(|oldest| counters.remove(&oldest));
            }
            let free = key.1.free_tries();
            let new = Tries { count: 0, last: now, blocked_until: now, known: false };
            counters.entry(key).or_insert(new).count(free, now);
        }
        Ok(())
    }

    /// It was the right password.
    pub(crate) fn succeeded(&self, name: &str, from: Whence) {
        let now = Instant::now();
        let mut counters = self.counters.lock().unwrap_or_else(PoisonError::into_inner);
        let tries = Tries { count: 0, last: now, blocked_until: now, known: true };
        counters.insert((name.to_owned(), from), tries);
    }
}

impl Tries {
    fn count(&mut self, free: u32, now: Instant) {
        // Who was quiet for long enough begins anew.
        if now.saturating_duration_since(self.last) > LONGEST_PAUSE.saturating_mul(4) {
            self.count = 0;
        }
        self.count = self.count.saturating_add(1);
        self.last = now;
        if self.count >= free {
            let doublings = (self.count - free).min(16);
            self.blocked_until = now + FIRST_PAUSE.saturating_mul(1 << doublings).min(LONGEST_PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from(last: u8) -> Whence {
        Whence::of(Some(IpAddr::from([192, 0, 2, last])))
    }

    #[tokio::test(start_paused = true)]
    async fn wrong_passwords_cost_ever_more_time_and_a_right_one_clears_it() {
        let limiter = SignInLimiter::default();
        for _ in 0..FREE_TRIES {
            assert!(limiter.begin("ann", from(1)).is_ok());
        }
        let wait = limiter.begin("ann", from(1)).unwrap_err();
        assert!(wait <= FIRST_PAUSE && !wait.is_zero());
        assert!(limiter.begin("bob", from(1)).is_ok(), "others are not held up");
        tokio::time::advance(FIRST_PAUSE).await;
        assert!(limiter.begin("ann", from(1)).is_ok());
        assert!(limiter.begin("ann", from(1)).unwrap_err() > FIRST_PAUSE, "the pause has doubled");
        limiter.succeeded("ann", from(1));
        assert!(limiter.begin("ann", from(1)).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_guesses_does_not_lock_the_owner_out() {
        let limiter = SignInLimiter::default();
        while limiter.begin("ann", from(1)).is_ok() {}
        assert!(limiter.begin("ann", from(2)).is_ok(), "the owner is elsewhere");
        let near = Whence::of(Some("2001:db8::1".parse().unwrap()));
        while limiter.begin("ann", near).is_ok() {}
        let neighbour = Whence::of(Some("2001:db8::2".parse().unwrap()));
        assert!(limiter.begin("ann", neighbour).is_err(), "one subscriber has one counter");
    }

    #[tokio::test(start_paused = true)]
    async fn many_networks_together_have_only_so_many_tries_but_the_owners_has_its_own() {
        let limiter = SignInLimiter::default();
        assert!(limiter.begin("ann", from(0)).is_ok());
        limiter.succeeded("ann", from(0));
        let guesses = (1..=255).filter(|last| limiter.begin("ann", from(*last)).is_ok()).count();
        assert_eq!(guesses, FREE_TRIES_OF_ALL as usize - 1);
        assert!(limiter.begin("ann", from(0)).is_ok(), "from where she has signed in");
        assert!(limiter.begin("ann", Whence::Inside).is_ok(), "and from inside");
        assert!(limiter.begin("bob", from(1)).is_ok(), "another name");
    }

    #[tokio::test(start_paused = true)]
    async fn counters_don_t_pile_up_and_known_networks_stay() {
        let limiter = SignInLimiter::default();
        limiter.succeeded("ann", from(0));
        // Each name is counted twice: for its network, and for all of them.
        for number in 0..COUNTERS / 2 + 50 {
            tokio::time::advance(Duration::from_millis(1)).await;
            assert!(limiter.begin(&number.to_string(), from(1)).is_ok());
        }
        let counters = limiter.counters.lock().unwrap();
        assert_eq!(counters.len(), COUNTERS);
        assert!(counters.get(&("ann".to_owned(), from(0))).is_some_and(|tries| tries.known));
    }
}
