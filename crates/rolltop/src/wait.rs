//! Waiting for what the server does by itself.

use std::time::{Duration, Instant};

use clap::Args;

use crate::failure::{Exit, Failure};
use crate::output::Progress;

#[derive(Args)]
pub struct Wait {
    /// Wait until it is done
    #[arg(long, short)]
    pub wait: bool,
    /// How long to wait at most, seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    pub timeout: u64,
}

/// How often it is looked whether what is waited for has come.
const LOOK: Duration = Duration::from_millis(200);

/// What is seen of it.
pub enum Seen<T> {
    Done(T),
    /// What goes on, as it is shown before and after the seconds; and what is said where it takes too long.
    Not {
        doing: String,
        more: String,
        late: String,
    },
}

impl<T> Seen<T> {
    /// It goes on by itself, also when nobody waits.
    pub fn not(wait: &Wait, doing: String, late: &str) -> Self {
        let late = format!("{late} after {} s; it goes on.", wait.timeout);
        Seen::Not { doing, more: String::new(), late }
    }
}

/// Looks until it is done, for as long as is to be waited.
pub async fn until<T>(
    wait: &Wait,
    mut look: impl AsyncFnMut() -> Result<Seen<T>, Failure>,
) -> Result<T, Failure> {
    let begun = Instant::now();
    let mut progress = Progress::new();
    loop {
        let (doing, more, late) = match look().await? {
            Seen::Done(done) => return Ok(done),
            Seen::Not { doing, more, late } => (doing, more, late),
        };
        if begun.elapsed() > Duration::from_secs(wait.timeout) {
            return Err(Failure::new(Exit::TimedOut, "timed_out", late));
        }
        progress.say(|elapsed| format!("{doing}, {} s{more}", elapsed.as_secs()));
        tokio::time::sleep(LOOK).await;
    }
}
