//! Token buckets by key, in memory: a restart forgives.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderName, HeaderValue};

use crate::config::RateLimit;

/// Above this many keys, buckets that are full again are forgotten.
const KEPT_KEYS: usize = 10_000;

pub(crate) struct Limiter {
    limit: RateLimit,
    buckets: Mutex<HashMap<String, Bucket>>,
}

struct Bucket {
    tokens: f64,
    at: Instant,
}

/// What is left after a request was counted.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Allowance {
    limit: RateLimit,
    tokens: f64,
    /// Whether this request may go on.
    pub granted: bool,
}

impl Limiter {
    pub fn new(limit: RateLimit) -> Self {
        Self { limit, buckets: Mutex::new(HashMap::new()) }
    }

    /// Counts one request of `key`.
    pub fn take(&self, key: &str, now: Instant) -> Allowance {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= KEPT_KEYS {
            buckets.retain(|_, bucket| self.filled(bucket, now) < f64::from(self.limit.burst));
        }
        let full = Bucket { tokens: f64::from(self.limit.burst), at: now };
        let bucket = buckets.entry(key.to_owned()).or_insert(full);
        bucket.tokens = self.filled(bucket, now);
        bucket.at = now;
        let granted = bucket.tokens >= 1.0;
        if granted {
            bucket.tokens -= 1.0;
        }
        Allowance { limit: self.limit, tokens: bucket.tokens, granted }
    }

    fn filled(&self, bucket: &Bucket, now: Instant) -> f64 {
        let elapsed = now.saturating_duration_since(bucket.at).as_secs_f64();
        (bucket.tokens + elapsed * self.limit.per_second).min(f64::from(self.limit.burst))
    }
}

impl Allowance {
    /// When the next request may come.
    pub fn retry_after(&self) -> Duration {
        Duration::from_secs_f64(((1.0 - self.tokens) / self.limit.per_second).clamp(0.0, 3600.0))
    }

    /// Whole seconds, rounded up, as headers carry them.
    pub fn retry_after_seconds(&self) -> u64 {
        (self.retry_after().as_secs_f64().ceil() as u64).max(1)
    }

    /// `RateLimit-Policy` and `RateLimit`, as the IETF's draft describes them.
    pub fn write(&self, headers: &mut HeaderMap) {
        let window = (f64::from(self.limit.burst) / self.limit.per_second).ceil() as u64;
        let until_full = ((f64::from(self.limit.burst) - self.tokens) / self.limit.per_second).ceil() as u64;
        let policy = format!("\"default\";q={};w={window}", self.limit.burst);
        let left = format!("\"default\";r={};t={until_full}", self.tokens.floor() as u64);
        for (name, value) in [("ratelimit-policy", policy), ("ratelimit", left)] {
            if let Ok(value) = HeaderValue::try_from(value) {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: RateLimit = RateLimit { burst: 3, per_second: 2.0 };

    #[test]
    fn a_burst_is_granted_then_as_many_as_trickle_in() {
        let (limiter, start) = (Limiter::new(LIMIT), Instant::now());
        let granted = |at: u64| limiter.take("a", start + Duration::from_millis(at)).granted;
        assert_eq!([0, 0, 0, 0].map(granted), [true, true, true, false]);
        assert_eq!([500, 500].map(granted), [true, false], "one comes back in half a second");
        assert_eq!(
            [9000, 9000, 9000, 9000].map(granted),
            [true, true, true, false],
            "never more than the burst"
        );
        assert!(limiter.take("b", start).granted, "another key has a bucket of its own");
    }

    #[test]
    fn the_headers_say_what_is_left_and_when() {
        let (limiter, start) = (Limiter::new(LIMIT), Instant::now());
        for _ in 0..3 {
            limiter.take("a", start);
        }
        let refused = limiter.take("a", start);
        let mut headers = HeaderMap::new();
        refused.write(&mut headers);
        assert_eq!(headers["ratelimit-policy"], "\"default\";q=3;w=2");
        assert_eq!(headers["ratelimit"], "\"default\";r=0;t=2");
        assert_eq!(refused.retry_after(), Duration::from_millis(500));
        assert_eq!(refused.retry_after_seconds(), 1);
    }

    #[test]
    fn full_buckets_are_forgotten_when_there_are_too_many() {
        let (limiter, start) = (Limiter::new(LIMIT), Instant::now());
        for key in 0..KEPT_KEYS {
            limiter.take(&key.to_string(), start);
        }
        limiter.take("last", start + Duration::from_secs(60));
        assert_eq!(limiter.buckets.lock().unwrap().len(), 1);
    }
}
