//! `make bench`: Rolltop's numbers as JSON lines on standard output, one a benchmark.
//!
//! Everything is measured from outside on real processes and real guests, ratios within one
//! run on one machine, medians of [`ROUNDS`]. What is going on is told on standard error.

mod cli;
mod cpu;
mod create;
mod density;
mod desk;
mod files;
mod kept;
mod monitor;
mod plot;
mod relay;
mod report;
mod rfb;
mod scale;
mod screen;
mod stock;
mod used;

use std::process::ExitCode;

use desk::Desk;
use rolltop_vm_tests::{Options, Platform};

/// Rounds of each benchmark.
pub const ROUNDS: usize = 5;

/// Those that need real guests.
const IN_GUESTS: [&str; 10] = [
    "create_to_ssh_banner",
    "create_to_first_frame",
    "control_plane_memory",
    "idle_fork_private_memory",
    "host_memory_per_desktop",
    SCREEN_FPS,
    KEY_TO_PIXEL,
    TEN_FORKS,
    KEPT,
    USED,
];
/// How often a window that is dragged is seen in a new place.
const SCREEN_FPS: &str = "screen_fps";
/// From a key to what it writes.
const KEY_TO_PIXEL: &str = "key_to_pixel";
/// Ten forks of a running desktop.
const TEN_FORKS: &str = "ten_forks";
/// Suspending, resuming and snapshots.
const KEPT: &str = "kept";
/// A desktop in long use.
const USED: &str = "used";
/// Draws what `kept`, or the one that is named after it, has printed, from standard input.
const PLOT: &str = "plot";
/// Ten thousand simulated desktops.
const SCALE: &str = "scale";
/// The command line's start.
const CLI: &str = "cli_help";
/// Those that measure the relays, before a guest that costs nothing.
const RELAYS: [&str; 4] = ["vnc_relay", "terminal_relay", "file_download", "large_file"];

fn main() -> ExitCode {
    let runtime = tokio::runtime::Runtime::new().map_err(anyhow::Error::from);
    match runtime.and_then(|runtime| runtime.block_on(measure())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // One sentence per cause, outermost first, and no backtrace, whatever the environment asks for.
            eprintln!("rolltop-bench: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn measure() -> anyhow::Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    if wanted.first().is_some_and(|name| name == PLOT) {
        return plot::plot(wanted.get(1).map_or(KEPT, String::as_str));
    }
    for name in &wanted {
        let known = IN_GUESTS.iter().chain(&RELAYS).chain([&CLI, &SCALE]).any(|known| known == name);
        anyhow::ensure!(known, "there is no benchmark {name}: {IN_GUESTS:?}, {RELAYS:?}, {CLI}, {SCALE}");
    }
    let is_wanted = |name: &str| wanted.is_empty() || wanted.iter().any(|w| w == name);
    if is_wanted(CLI) {
        cli::help()?;
    }
    if is_wanted(SCALE) {
        scale::all().await?;
    }
    if RELAYS.into_iter().any(is_wanted) {
        relays(is_wanted).await?;
    }
    if IN_GUESTS.into_iter().any(is_wanted) {
        in_guests(is_wanted).await?;
    }
    Ok(())
}

async fn relays(is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let desktops = if is_wanted("vnc_relay") { relay::MANY } else { relay::VIEWERS };
    let desk = Desk::start(desktops).await?;
    if is_wanted("vnc_relay") {
        relay::vnc(&desk).await?;
    }
    if is_wanted("terminal_relay") {
        relay::terminal(&desk).await?;
    }
    if is_wanted("file_download") {
        files::download(&desk).await?;
    }
    if is_wanted("large_file") {
        files::large(&desk).await?;
    }
    Ok(())
}

async fn in_guests(is_wanted: impl Fn(&str) -> bool) -> anyhow::Result<()> {
    let options = Options::real_of("release")?;
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
    if is_wanted(SCREEN_FPS) || is_wanted(KEY_TO_PIXEL) {
        screen::all(&platform, is_wanted(SCREEN_FPS), is_wanted(KEY_TO_PIXEL)).await?;
    }
    if is_wanted(TEN_FORKS) {
        kept::ten_forks(&platform).await?;
    }
    if is_wanted(KEPT) {
        kept::all(&platform).await?;
    }
    if is_wanted(USED) {
        used::all(&platform).await?;
    }
    if is_wanted("idle_fork_private_memory") || is_wanted("host_memory_per_desktop") {
        density::twenty_idle_desktops(&platform).await?;
    }
    Ok(())
}
