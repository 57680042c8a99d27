//! Being set up, in a simulated machine: the commands by which the platform begins that and looks at it.
//!
//! Of a script, `echo`, `sleep`, `true`, `false` and `exit` are understood. A repository whose address has `missing` in it
//! is not there.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A run, all of which is known when it begins.
struct Run {
    name: String,
    begun: Instant,
    /// What it writes, how long after it has begun.
    log: Vec<(Duration, String)>,
    takes: Duration,
    /// The step that ends it, and its exit code.
    end: (&'static str, u32),
    /// The machine went off before its end.
    is_cut: bool,
}

/// The latest run.
#[derive(Default)]
pub struct Setups(Mutex<Option<Run>>);

impl Setups {
    fn latest(&self) -> MutexGuard<'_, Option<Run>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the command ends with.
    pub fn begin(&self, name: &str, repository: &str, folder: &str, script: &[u8]) -> u32 {
        const BUSY: u32 = 75;
        let mut latest = self.latest();
        match latest.as_ref() {
            Some(run) if run.name == name => return 0,
            Some(run) if run.goes_on() => return BUSY,
            _ => {}
        }
        *latest = Some(Run::planned(name, repository, folder, &String::from_utf8_lossy(script)));
        0
    }

    pub fn look(&self) -> String {
        let latest = self.latest();
        let Some(run) = latest.as_ref() else { return String::new() };
        let how = match run.end {
            _ if run.goes_on() => "running".to_owned(),
            _ if run.is_cut => "gone".to_owned(),
            (step, code) => format!("ended {step} {code}"),
        };
        let elapsed = run.begun.elapsed();
        let written = run.log.iter().filter(|(after, _)| *after <= elapsed);
        let log: String = written.map(|(_, line)| format!("{line}\n")).collect();
        format!("{}\n{how}\n{log}", run.name)
    }

    /// Ends a run, unless another is the latest.
    pub fn stop(&self, name: &str) {
        if let Some(run) = self.latest().as_mut().filter(|run| run.name == name && run.goes_on()) {
            run.takes = run.begun.elapsed();
            run.end = ("stopped", 0);
        }
    }

    pub fn power_off(&self) {
        if let Some(run) = self.latest().as_mut().filter(|run| run.goes_on()) {
            run.is_cut = true;
        }
    }
}

impl Run {
    fn planned(name: &str, repository: &str, folder: &str, script: &str) -> Self {
        let mut run = Self {
            name: name.to_owned(),
            begun: Instant::now(),
            log: Vec::new(),
            takes: Duration::ZERO,
            end: ("script", 0),
            is_cut: false,
        };
        if !repository.is_empty() {
            run.says(format!("Cloning into '{folder}'..."));
            if repository.contains("missing") {
                run.says(format!("fatal: repository '{repository}' not found"));
                run.end = ("repository", 128);
                return run;
            }
        }
        for line in script.lines() {
            let words: Vec<&str> = line.split_whitespace().collect();
            let code = match words.as_slice() {
                [] | ["true"] => 0,
                [word, ..] if word.starts_with('#') => 0,
                ["echo", words @ ..] => {
                    run.says(words.join(" "));
                    0
                }
                ["sleep", seconds] => {
                    run.takes +=
                        Duration::try_from_secs_f64(seconds.parse().unwrap_or(0.0)).unwrap_or_default();
                    0
                }
                ["exit", code] => {
                    run.end.1 = code.parse().unwrap_or(2);
                    return run;
                }
                ["false"] => 1,
                [name, ..] => {
                    run.says(format!("sh: {name}: not found"));
                    127
                }
            };
            run.end.1 = code;
        }
        run
    }

    fn says(&mut self, line: String) {
        self.log.push((self.takes, line));
    }

    fn goes_on(&self) -> bool {
        !self.is_cut && self.begun.elapsed() < self.takes
    }
}
