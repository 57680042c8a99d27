//! What is printed: tables for people, JSON for programs, and what goes on while one waits.
//!
//! Output is colourful, and progress shown, only where a terminal shows it; `NO_COLOR` is heeded.

use std::fs;
use std::io::{self, BufRead as _, IsTerminal as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, PermissionsExt as _};
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use serde::Serialize;

use crate::failure::{Exit, Failure};

/// Nothing is shown of what takes no longer than this.
const SHORT: Duration = Duration::from_millis(800);
/// Progress is drawn no more often than this.
const REDRAW: Duration = Duration::from_millis(100);

/// Says something to a person, on standard error. Where nobody reads that any more, nobody misses it: `eprint` would
/// panic.
pub fn say(text: &str) {
    let _ = io::stderr().lock().write_all(text.as_bytes());
}

/// Returns once whoever read standard output has gone, also while nothing is written. Files and terminals stay.
pub async fn reader_gone() {
    let (sender, gone) = tokio::sync::oneshot::channel();
    // A thread, as not everything that output may go to can be waited for by the runtime; it ends with the process.
    std::thread::spawn(move || {
        let stdout = io::stdout();
        loop {
            let mut descriptors = [PollFd::new(&stdout, PollFlags::empty())];
            match poll(&mut descriptors, None) {
                Ok(1..) => break,
                Ok(0) | Err(Errno::INTR) => {}
                // Then only a write can tell.
                Err(_) => return,
            }
        }
        let _ = sender.send(());
    });
    if gone.await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Prints to standard output. A reader that has had enough is no failure.
pub fn print(text: &str) -> Result<u8, Failure> {
    let mut stdout = io::stdout().lock();
    match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
        Ok(()) => Ok(0),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::io("standard output", &error)),
    }
}

pub fn print_json(value: &impl Serialize) -> Result<u8, Failure> {
    in_json(serde_json::to_string_pretty(value))
}

/// One value in one line, for streams of them.
pub fn print_json_line(value: &impl Serialize) -> Result<u8, Failure> {
    in_json(serde_json::to_string(value))
}

fn in_json(text: serde_json::Result<String>) -> Result<u8, Failure> {
    let text = text.map_err(|error| Failure::new(Exit::Failed, "json", error.to_string()))?;
    print(&format!("{text}\n"))
}

/// Writes a file beside its place and moves it there; unless `mode` says so, nobody else can read it at any time.
pub fn replace(path: &Path, text: &str, mode: Option<u32>) -> Result<(), Failure> {
    let told = |error: io::Error| Failure::io(path.display(), &error);
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(told)?;
    let mut beside = tempfile::NamedTempFile::new_in(folder).map_err(told)?;
    beside.write_all(text.as_bytes()).and_then(|()| beside.as_file().sync_all()).map_err(told)?;
    if let Some(mode) = mode {
        beside.as_file().set_permissions(fs::Permissions::from_mode(mode)).map_err(told)?;
    }
    beside.persist(path).map_err(|error| told(error.error))?;
    Ok(())
}

/// Text from elsewhere, with nothing in it that a terminal would obey.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !rolltop_model::is_deceptive(*c)).collect()
}

fn one_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Colour {
    Green,
    Red,
    Yellow,
    Grey,
    Plain,
}

impl Colour {
    /// The text in this colour, where colours are shown.
    pub fn paint(self, text: &str) -> String {
        let code = match self {
            Colour::Green => "32",
            Colour::Red => "31",
            Colour::Yellow => "33",
            Colour::Grey => "90",
            Colour::Plain => return text.to_owned(),
        };
        if has_colours() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

fn has_colours() -> bool {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let able = std::env::var_os("TERM").is_none_or(|term| term != "dumb");
    wanted && able && io::stdout().is_terminal()
}

/// Text in columns that are as wide as what is in them, under their heads.
fn in_columns<const N: usize>(heads: [&str; N], rows: &[[(String, Colour); N]]) -> String {
    let heads = heads.map(|head| (head.to_owned(), Colour::Grey));
    let length = |cell: &(String, Colour)| cell.0.chars().count();
    let rows = || std::iter::once(&heads).chain(rows);
    let mut widths = [0; N];
    for row in rows() {
        widths.iter_mut().zip(row).for_each(|(width, cell)| *width = length(cell).max(*width));
    }
    let lines = rows().map(|row| {
        let cells = row.iter().zip(widths).map(|(cell, width)| {
            format!("{}{}", cell.1.paint(&cell.0), " ".repeat(width - length(cell) + 2))
        });
        format!("{}\n", cells.collect::<String>().trim_end())
    });
    lines.collect()
}

/// Prints a table; a sentence in place of an empty one, which is for people and not output.
pub fn print_table<const N: usize>(
    heads: [&str; N],
    rows: impl IntoIterator<Item = [(String, Colour); N]>,
    empty: &str,
) -> Result<u8, Failure> {
    let rows = rows.into_iter().map(|row| row.map(|(text, colour)| (one_line(&text), colour)));
    let rows: Vec<_> = rows.collect();
    if rows.is_empty() {
        say(&format!("{empty}\n"));
        return Ok(0);
    }
    print(&in_columns(heads, &rows))
}

/// Asks a person for a yes.
pub fn confirmed(question: &str) -> Result<bool, Failure> {
    say(question);
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer).map_err(|error| Failure::io("standard input", &error))?;
    Ok(answer.trim() == "yes")
}

/// A line on standard error that says what goes on, on a terminal, once it takes long.
pub struct Progress {
    begun: Instant,
    drawn: Option<Instant>,
    shown: bool,
}

impl Progress {
    pub fn new() -> Self {
        Self { begun: Instant::now(), drawn: None, shown: io::stderr().is_terminal() }
    }

    pub fn say(&mut self, text: impl FnOnce(Duration) -> String) {
        let elapsed = self.begun.elapsed();
        let too_soon = self.drawn.is_some_and(|drawn| drawn.elapsed() < REDRAW);
        if !self.shown || elapsed < SHORT || too_soon {
            return;
        }
        self.drawn = Some(Instant::now());
        say(&format!("\r\x1b[2K{}", plain(&text(elapsed)).replace('\n', " ")));
    }

    pub fn clear(&self) {
        if self.drawn.is_some() {
            say("\r\x1b[2K");
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Bytes as people say them, in the units of the pages.
#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let (mut value, mut unit) = (bytes as f64, 0);
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    let digits = if unit == 0 || value >= 99.95 { 0 } else { 1 };
    format!("{value:.digits$} {}", UNITS.get(unit).copied().unwrap_or_default())
}

/// How long ago, in its largest unit.
pub fn ago(then: jiff::Timestamp) -> String {
    let seconds = jiff::Timestamp::now().duration_since(then).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// For how much longer, to the minute.
pub fn left_until(then: jiff::Timestamp) -> String {
    let seconds = then.duration_since(jiff::Timestamp::now()).as_secs().max(0);
    // A minute that has begun counts.
    let minutes = seconds / 60 + i64::from(seconds % 60 > 0);
    match minutes {
        0..60 => format!("{minutes} min"),
        60..2880 if minutes % 60 == 0 => format!("{} h", minutes / 60),
        60..2880 => format!("{} h {} min", minutes / 60, minutes % 60),
        _ => format!("{} d", minutes / 1440),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them_and_obey_nobody() {
        let rows = [["research", "running"], ["a\x1b[2J\nb", "é"]];
        let rows = rows.map(|row| row.map(|cell| (one_line(cell), Colour::Plain)));
        let shown = in_columns(["NAME", "STATE"], &rows);
        assert_eq!(shown, "NAME      STATE\nresearch  running\na[2J b    é\n");
    }

    #[test]
    fn sizes_have_three_digits_at_most() {
        let sizes: Vec<String> = [0, 999, 1000, 12_345, 1_022_000, 104_816_000, 5 << 30].map(size).to_vec();
        assert_eq!(sizes, ["0 B", "999 B", "1.0 KiB", "12.1 KiB", "998 KiB", "100 MiB", "5.0 GiB"]);
    }
}
