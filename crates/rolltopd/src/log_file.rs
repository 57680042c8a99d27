//! A role's log: what it says on standard error, in a file that is put aside when it is long or old.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Bytes after which a log is put aside.
const LONGEST: u64 = 16 << 20;
/// Time after which it is.
const OLDEST: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// How many that were put aside are kept: `NAME.log.1` is the latest.
const KEPT: usize = 4;
/// A line that is longer is cut, bytes.
const LINE: usize = 16 << 10;

/// Writes what comes until that ends. A disk that is full costs lines, and nobody waits for it.
pub fn keep(from: impl Read, path: &Path) {
    let mut from = BufReader::new(from);
    let mut log = Log::new(path, LONGEST, OLDEST);
    let mut line = Vec::new();
    loop {
        line.clear();
        // The rest of a line that is too long comes as the next ones.
        match from.by_ref().take(LINE as u64).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => log.write(&line),
        }
    }
}

struct Log {
    path: PathBuf,
    longest: u64,
    oldest: Duration,
    /// The file, how long it is, and since when it is written to; `None` where it can't be opened.
    open: Option<(File, u64, SystemTime)>,
}

impl Log {
    fn new(path: &Path, longest: u64, oldest: Duration) -> Self {
        Self { path: path.to_owned(), longest, oldest, open: None }
    }

    fn write(&mut self, line: &[u8]) {
        if self.is_due() {
            self.open = None;
            self.put_aside();
        }
        if self.open.is_none() {
            self.open = open(&self.path).ok();
        }
        if let Some((file, length, _)) = &mut self.open {
            match file.write_all(line) {
                Ok(()) => *length += line.len() as u64,
                Err(_) => self.open = None,
            }
        }
    }

    fn is_due(&self) -> bool {
        let age = |since: &SystemTime| since.elapsed().unwrap_or_default();
        self.open.as_ref().is_some_and(|(_, length, since)| {
            *length >= self.longest || (*length > 0 && age(since) >= self.oldest)
        })
    }

    fn put_aside(&self) {
        let name = |number: usize| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        for number in (1..KEPT).rev() {
            // Those that are not there yet can't be moved.
            let _ = fs::rename(name(number), name(number + 1));
        }
        let _ = fs::rename(&self.path, name(1));
    }
}

/// With its length and the time of its beginning, which is when it was made or put in place of another.
fn open(path: &Path) -> io::Result<(File, u64, SystemTime)> {
    let file = File::options().create(true).append(true).open(path)?;
    let metadata = file.metadata()?;
    // Not every file system knows when a file was made.
    let since = metadata.created().or_else(|_| metadata.modified())?;
    Ok((file, metadata.len(), since))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_log_is_put_aside_and_the_oldest_goes() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("api.log");
        let mut log = Log::new(&path, 100, OLDEST);
        for number in 0..100 {
            log.write(format!("line {number:03} of many more\n").as_bytes());
        }
        let mut names: Vec<_> = fs::read_dir(place.path())
            .unwrap()
            .map(|e| e.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        assert_eq!(names, ["api.log", "api.log.1", "api.log.2", "api.log.3", "api.log.4"]);
        assert!(fs::read_to_string(&path).unwrap().ends_with("line 099 of many more\n"));
        for name in names {
            assert!(fs::metadata(place.path().join(name)).unwrap().len() <= 125);
        }
        // One that is found is gone on with.
        let mut again = Log::new(&path, 1 << 20, OLDEST);
        let before = fs::metadata(&path).unwrap().len();
        again.write(b"more\n");
        assert_eq!(fs::metadata(&path).unwrap().len(), before + 5);
    }

    #[test]
    fn an_old_log_is_put_aside() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("api.log");
        let mut log = Log::new(&path, LONGEST, Duration::from_millis(50));
        log.write(b"old\n");
        std::thread::sleep(Duration::from_millis(60));
        log.write(b"new\n");
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        assert_eq!(fs::read_to_string(place.path().join("api.log.1")).unwrap(), "old\n");
    }

    #[test]
    fn all_that_is_said_is_kept_whatever_its_lines() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("api.log");
        let said = [vec![b'x'; 3 * LINE], b"\nshort\n\nwithout an end".to_vec()].concat();
        keep(said.as_slice(), &path);
        assert_eq!(fs::read(&path).unwrap(), said);
    }
}
