//! What can be set about the API.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Read once at start.
#[derive(Debug, Clone)]
pub struct ApiConfig {
    /// How often one credential may ask. Default 2000 at once, 200 a second for long.
    pub requests: RateLimit,
    /// How often one address may try to sign in. Default 30 at once, one every two seconds for long.
    pub sign_ins: RateLimit,
    /// After this much silence a live connection gets a sign of life. Default 15 s.
    pub heartbeat: Duration,
    /// A screen or terminal whose viewer takes nothing for this long is closed. Default 60 s.
    pub stalled_viewer: Duration,
    /// Ends event streams, screens and terminals when the process is to stop.
    pub shutdown: CancellationToken,
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RateLimit {
    /// Requests that may come at once.
    pub burst: u32,
    /// Requests a second after that.
    pub per_second: f64,
}

impl Default for ApiConfig {
    fn default() -> Self {
        Self {
            requests: RateLimit { burst: 2000, per_second: 200.0 },
            sign_ins: RateLimit { burst: 30, per_second: 0.5 },
            heartbeat: Duration::from_secs(15),
            stalled_viewer: Duration::from_secs(60),
            shutdown: CancellationToken::new(),
        }
    }
}
