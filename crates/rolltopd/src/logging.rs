//! Structured logs on standard error; `RUST_LOG` sets what is seen (default `info`).

use tracing_subscriber::EnvFilter;

pub fn start(role: &str) {
    let filter =
        EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info,russh=warn,sqlx=warn"));
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(false).init();
    tracing::info!(role, version = env!("CARGO_PKG_VERSION"), "starting");
}
