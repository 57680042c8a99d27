//! `make bench`: Rolltop's numbers as JSON lines on standard output, one a benchmark.
//!
//! Everything is measured from outside on real processes and real guests, ratios within one
//! run on one machine, medians of [`ROUNDS`]. What is going on is told on standard error.

mod cli;
mod create;
mod density;
mod report;
mod rfb;

use rolltop_vm_tests::{Options, Platform};

/// Rounds of each benchmark.
pub const ROUNDS: usize = 5;

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if is_wanted("cli_help") {
        cli::help()?;
    }
    if wanted == ["cli_help"] {
        return Ok(());
    }
    let options = Options { binary: Options::built("release")?, ..Options::real()? };
    let platform = Platform::start(options).await?;
    if is_wanted("create_to_ssh_banner") {
        create::to_ssh_banner(&platform).await?;
    }
    if is_wanted("create_to_first_frame") {
        create::to_first_frame(&platform).await?;
    }
    if is_wanted("control_plane_memory") {
        density::control_plane_memory(&platform)?;
    }
    if is_wanted("idle_fork_private_memory") || is_wanted("host_memory_per_desktop") {
        density::twenty_idle_desktops(&platform).await?;
    }
    Ok(())
}
