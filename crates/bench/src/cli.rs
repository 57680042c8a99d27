//! The command line's start, which a person waits for each time.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::ensure;
use rolltop_vm_tests::Options;

use crate::report;

/// It takes so little that many are needed for a steady figure.
const RUNS: usize = 200;

/// `rolltop --help`, from starting the process until it has ended.
pub fn help() -> anyhow::Result<()> {
    let binary = Options::built("release")?.with_file_name("rolltop");
    let mut times = Vec::new();
    for _ in 0..RUNS {
        let start = Instant::now();
        let status =
            Command::new(&binary).arg("--help").stdin(Stdio::null()).stdout(Stdio::null()).status()?;
        times.push(start.elapsed().as_secs_f64() * 1000.0);
        ensure!(status.success(), "rolltop --help failed");
    }
    report::value("cli_help", "ms", &times)
}
