//! What a person sees while a template is built, and how far the package manager is.

use std::fmt;
use std::time::{Duration, Instant};

/// One line about a build under way.
#[derive(Debug, Clone, PartialEq)]
pub struct Progress {
    /// Which step, counted from 1.
    pub step: u32,
    /// How many steps there are.
    pub of: u32,
    /// The step, such as "Packages".
    pub name: &'static str,
    /// What it is doing, such as "unpacking 120 of 412".
    pub detail: String,
    /// How far the step is, 0 to 1, where that is known.
    pub fraction: Option<f64>,
    /// Since the build began.
    pub elapsed: Duration,
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}/{}] {}: {}", self.step, self.of, self.name, self.detail)?;
        if let Some(fraction) = self.fraction {
            write!(f, " ({:.0}%)", fraction * 100.0)?;
        }
        write!(f, ", {} s", self.elapsed.as_secs())
    }
}

/// The steps of a build, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Packages = 1,
    Tree,
    Setup,
    Disk,
    Finish,
}

impl Step {
    const COUNT: u32 = Step::Finish as u32;

    const fn name(self) -> &'static str {
        match self {
            Step::Packages => "Packages",
            Step::Tree => "Tree",
            Step::Setup => "Setup",
            Step::Disk => "Disk",
            Step::Finish => "Finish",
        }
    }
}

/// Stamps progress with step and time and hands it to the caller.
pub(crate) struct Reporter<'a> {
    started: Instant,
    callback: &'a mut dyn FnMut(Progress),
}

impl<'a> Reporter<'a> {
    pub(crate) fn new(callback: &'a mut dyn FnMut(Progress)) -> Self {
        Self { started: Instant::now(), callback }
    }

    pub(crate) fn report(&mut self, step: Step, detail: impl Into<String>, fraction: Option<f64>) {
        (self.callback)(Progress {
            step: step as u32,
            of: Step::COUNT,
            name: step.name(),
            detail: detail.into(),
            fraction,
            elapsed: self.started.elapsed(),
        });
    }
}

/// Words in apt's line about fetching an index; one about a package has more.
const INDEX_WORDS: usize = 7;

/// How the lines about a new phase begin.
const PHASES: [&str; 5] = ["running apt", "downloading", "extracting", "installing", "creating"];

/// Reads the package manager's output and counts.
///
/// The base system and the rest are installed in two rounds, each of which announces how many
/// packages it is about to install.
#[derive(Debug, Default)]
pub(crate) struct PackageProgress {
    announced: u64,
    downloaded: u64,
    unpacked: u64,
    configured: u64,
    last_hundredth: u64,
}

impl PackageProgress {
    /// Takes a line; answers when there is something new to tell: the detail, and how far.
    pub(crate) fn line(&mut self, line: &str) -> Option<(String, Option<f64>)> {
        if let Some(phase) = line.strip_prefix("I: ") {
            // The rest of what it says about itself is about its own temporary files.
            let is_news = PHASES.iter().any(|start| phase.starts_with(start));
            return is_news.then(|| (phase.trim_end_matches('.').to_owned(), self.fraction()));
        }
        let word = if let Some(count) = newly_installed(line) {
            self.announced += count;
            return None;
        } else if line.starts_with("Get:") && line.split(' ').count() > INDEX_WORDS {
            self.downloaded += 1;
            "downloading"
        } else if line.starts_with("Unpacking ") {
            self.unpacked += 1;
            "unpacking"
        } else if line.starts_with("Setting up ") {
            self.configured += 1;
            "setting up"
        } else {
            return None;
        };
        let done = match word {
            "downloading" => self.downloaded,
            "unpacking" => self.unpacked,
            _ => self.configured,
        };
        let fraction = self.fraction()?;
        let hundredth = (fraction * 100.0) as u64;
        if hundredth == self.last_hundredth {
            return None;
        }
        self.last_hundredth = hundredth;
        Some((format!("{word} {} of {}", done.min(self.announced), self.announced), Some(fraction)))
    }

    fn fraction(&self) -> Option<f64> {
        let all = self.announced * 3;
        (all > 0).then(|| (self.downloaded + self.unpacked + self.configured).min(all) as f64 / all as f64)
    }
}

/// "0 upgraded, 412 newly installed, 0 to remove and 0 not upgraded."
fn newly_installed(line: &str) -> Option<u64> {
    let (before, _) = line.split_once(" newly installed")?;
    before.rsplit(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_counted_through_three_phases() {
        let mut progress = PackageProgress::default();
        assert_eq!(
            progress.line("I: running apt-get update..."),
            Some(("running apt-get update".into(), None))
        );
        assert_eq!(progress.line("0 upgraded, 2 newly installed, 0 to remove and 0 not upgraded."), None);
        assert_eq!(progress.line("Get:1 http://x trixie/main amd64 Packages [9,000 kB]"), None, "an index");
        let (detail, fraction) =
            progress.line("Get:2 http://x trixie/main amd64 bash amd64 5.2 [1 kB]").unwrap();
        assert_eq!((detail.as_str(), fraction), ("downloading 1 of 2", Some(1.0 / 6.0)));
        progress.line("Get:3 http://x trixie/main amd64 fonts all 5.2 [1 kB]");
        progress.line("Unpacking bash (5.2) ...");
        let (detail, _) = progress.line("Unpacking fonts (5.2) ...").unwrap();
        assert_eq!(detail, "unpacking 2 of 2");
        progress.line("Setting up bash (5.2) ...");
        let (detail, fraction) = progress.line("Setting up fonts (5.2) ...").unwrap();
        assert_eq!((detail.as_str(), fraction), ("setting up 2 of 2", Some(1.0)));
        assert_eq!(progress.line("Processing triggers for libc-bin"), None);
    }

    #[test]
    fn a_line_is_only_told_when_the_percentage_moves() {
        let mut progress = PackageProgress::default();
        progress.line("0 upgraded, 1000 newly installed, 0 to remove and 0 not upgraded.");
        let told = (0..1000).filter(|_| progress.line("Unpacking x (1) ...").is_some()).count();
        assert_eq!(told, 33);
    }

    #[test]
    fn a_step_reads_as_one_line() {
        let mut lines = Vec::new();
        let mut callback = |progress: Progress| lines.push(progress.to_string());
        let mut reporter = Reporter::new(&mut callback);
        reporter.report(Step::Packages, "unpacking 3 of 12", Some(0.25));
        reporter.report(Step::Finish, "done", None);
        assert_eq!(lines, ["[1/5] Packages: unpacking 3 of 12 (25%), 0 s", "[5/5] Finish: done, 0 s"]);
    }
}
