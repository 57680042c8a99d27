//! Structured logs on standard error; `RUST_LOG` sets what is seen (default `info`).
//!
//! Much of what is logged, a stranger or a guest can cause as often as they like. So of each kind of line only so many come
//! in a minute; how many were left out is said afterwards. What is asked for beyond `info` comes whole.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::callsite::Identifier;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::filter::FilterExt as _;
use tracing_subscriber::layer::{Context, Filter, Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Registry, fmt};

/// Lines of one kind in one minute.
const MOST: u32 = 300;
const MINUTE: Duration = Duration::from_secs(60);

pub fn start(role: &str) {
    let filter = EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| EnvFilter::new("info,russh=warn,sqlx=warn,sqlx_postgres::options::pgpass=error"));
    let lines = fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    Registry::default().with(lines.with_filter(filter.and(Throttle::default()))).init();
    tracing::info!(role, version = env!("CARGO_PKG_VERSION"), "starting");
}

#[derive(Default)]
struct Throttle {
    kinds: Mutex<HashMap<Identifier, Repeated>>,
}

#[derive(Debug)]
struct Repeated {
    since: Instant,
    count: u32,
}

impl Throttle {
    /// Whether one more may come, and how many were left out before it.
    fn admit(&self, kind: Identifier, now: Instant) -> (bool, u32) {
        let mut kinds = self.kinds.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kinds.entry(kind).or_insert(Repeated { since: now, count: 0 });
        let mut left_out = 0;
        if now.saturating_duration_since(known.since) >= MINUTE {
            left_out = known.count.saturating_sub(MOST);
            *known = Repeated { since: now, count: 0 };
        }
        known.count = known.count.saturating_add(1);
        (known.count <= MOST, left_out)
    }
}

impl<S: Subscriber> Filter<S> for Throttle {
    fn enabled(&self, _: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        true
    }

    fn event_enabled(&self, event: &Event<'_>, _: &Context<'_, S>) -> bool {
        let metadata = event.metadata();
        if *metadata.level() > Level::INFO {
            return true;
        }
        let (is_admitted, left_out) = self.admit(metadata.callsite(), Instant::now());
        if left_out > 0 {
            let (file, line) = (metadata.file().unwrap_or_default(), metadata.line().unwrap_or_default());
            eprintln!("{left_out} lines of {file}:{line} were left out: there were too many in a minute");
        }
        is_admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_one_kind_only_so_many_come_in_a_minute_and_what_is_left_out_is_counted() {
        let throttle = Throttle::default();
        let (one, other) = (kind(|| tracing::info!("one")), kind(|| tracing::info!("other")));
        let now = Instant::now();
        let admitted = (0..MOST + 50).filter(|_| throttle.admit(one.clone(), now).0).count();
        assert_eq!(admitted, MOST as usize);
        assert_eq!(throttle.admit(other, now), (true, 0), "others come all the same");
        assert_eq!(throttle.admit(one.clone(), now + MINUTE), (true, 50));
        assert_eq!(throttle.admit(one, now + MINUTE), (true, 0));
    }

    /// The kind of line that this logs.
    fn kind(log: impl FnOnce()) -> Identifier {
        struct Seen(std::sync::Arc<Mutex<Option<Identifier>>>);
        impl<S: Subscriber> tracing_subscriber::Layer<S> for Seen {
            fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
                *self.0.lock().unwrap() = Some(event.metadata().callsite());
            }
        }
        let seen = std::sync::Arc::new(Mutex::new(None));
        tracing::subscriber::with_default(Registry::default().with(Seen(seen.clone())), log);
        seen.lock().unwrap().take().unwrap()
    }
}
