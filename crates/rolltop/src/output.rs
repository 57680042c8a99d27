//! What is printed: tables for people, JSON for programs, and what goes on while one waits.
//!
//! Output is colourful, and progress shown, only where a terminal shows it; `NO_COLOR` is heeded.

use std::io::{self, IsTerminal as _, Write as _};
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
    let text = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::new(Exit::Failed, "json", error.to_string()))?;
    print(&format!("{text}\n"))
}

/// One value in one line, for streams of them.
pub fn print_json_line(value: &impl Serialize) -> Result<u8, Failure> {
    let text = serde_json::to_string(value)
        .map_err(|error| Failure::new(Exit::Failed, "json", error.to_string()))?;
    print(&format!("{text}\n"))
}

/// Text from elsewhere, with nothing in it that a terminal would obey.
pub fn plain(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !rolltop_model::is_deceptive(*c)).collect()
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

/// Columns that are as wide as what is in them.
pub struct Table {
    heads: Vec<String>,
    rows: Vec<(Vec<String>, Vec<Colour>)>,
}

impl Table {
    pub fn new(heads: &[&str]) -> Self {
        Self { heads: heads.iter().map(|head| (*head).to_owned()).collect(), rows: Vec::new() }
    }

    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.coloured_row(cells.into_iter().map(|cell| (cell, Colour::Plain)));
    }

    pub fn coloured_row(&mut self, cells: impl IntoIterator<Item = (String, Colour)>) {
        let cells = cells.into_iter().map(|(cell, colour)| (plain(&cell).replace(['\n', '\t'], " "), colour));
        self.rows.push(cells.unzip());
    }

    /// With a sentence in place of an empty table, which is for people and not output.
    pub fn print(self, empty: &str) -> Result<u8, Failure> {
        if self.rows.is_empty() {
            say(&format!("{empty}\n"));
            return Ok(0);
        }
        print(&self.rendered())
    }

    fn rendered(&self) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|(cells, _)| cells.get(column));
            cells.chain(self.heads.get(column)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let line = |cells: &[String], colour: &dyn Fn(usize) -> Colour| {
            let mut line = String::new();
            for (column, (cell, width)) in cells.iter().zip(&widths).enumerate() {
                let gap = " ".repeat(width.saturating_sub(cell.chars().count()) + 2);
                line.push_str(&colour(column).paint(cell));
                line.push_str(&gap);
            }
            format!("{}\n", line.trim_end())
        };
        let mut text = line(&self.heads, &|_| Colour::Grey);
        for (cells, colours) in &self.rows {
            text.push_str(&line(cells, &|column| colours.get(column).copied().unwrap_or(Colour::Plain)));
        }
        text
    }
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
        let mut table = Table::new(&["NAME", "STATE"]);
        table.row(["research".to_owned(), "running".to_owned()]);
        table.row(["a\x1b[2J\nb".to_owned(), "é".to_owned()]);
        assert_eq!(table.rendered(), "NAME      STATE\nresearch  running\na[2J b    é\n");
    }

    #[test]
    fn sizes_have_three_digits_at_most() {
        let sizes: Vec<String> = [0, 999, 1000, 12_345, 1_022_000, 104_816_000, 5 << 30].map(size).to_vec();
        assert_eq!(sizes, ["0 B", "999 B", "1.0 KiB", "12.1 KiB", "998 KiB", "100 MiB", "5.0 GiB"]);
    }
}
