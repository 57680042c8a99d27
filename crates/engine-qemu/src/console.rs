//! The guest's serial console as it can safely be shown: it is hostile text.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use rolltop_model::{end_of, is_deceptive, without_escapes};

/// The longest tail that is ever given out, bytes.
const MAX_TAIL: usize = 1 << 20;
/// A console longer than this is cut back to [`KEPT`], bytes.
const MAX_LENGTH: u64 = 8 << 20;
/// What is kept of a console that is cut back, bytes.
const KEPT: usize = 256 << 10;

/// The last lines of the file at `path`, at most `max_bytes`.
pub(crate) fn tail(path: &Path, max_bytes: usize) -> io::Result<String> {
    let limit = max_bytes.min(MAX_TAIL);
    Ok(shown(&last_bytes(&mut open(path)?, limit)?, limit))
}

/// Cuts the file back if it has grown too long. Its writer appends, so it goes on at the new end.
pub(crate) fn trim(path: &Path) -> io::Result<()> {
    let mut file = File::options().read(true).append(true).custom_flags(libc::O_NOFOLLOW).open(path)?;
    if file.metadata()?.len() > MAX_LENGTH {
        let kept = last_bytes(&mut file, KEPT)?;
        file.set_len(0)?;
        file.write_all(&kept)?;
    }
    Ok(())
}

fn open(path: &Path) -> io::Result<File> {
    File::options().read(true).custom_flags(libc::O_NOFOLLOW).open(path)
}

/// One byte more than `limit`, if there are that many, so that a cut can be seen.
fn last_bytes(file: &mut File, limit: usize) -> io::Result<Vec<u8>> {
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(limit as u64 + 1)))?;
    let mut bytes = Vec::new();
    file.take(limit as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `bytes` as text of at most `limit` bytes that has no control characters but line ends. What is cut begins at a line,
/// where the rest holds more than the end of one: no long line hides what a guest said last.
pub(crate) fn shown(bytes: &[u8], limit: usize) -> String {
    let text = String::from_utf8_lossy(bytes);
    let cut = bytes.len() > limit;
    let whole = if cut { from_line(&text) } else { text.as_ref() };
    let clean: String = without_escapes(whole)
        .chars()
        .filter(|character| *character != '\r')
        .map(|character| match character {
            '\n' => '\n',
            '\t' => ' ',
            c if is_deceptive(c) => '\u{b7}',
            c => c,
        })
        .collect();
    // Replacement characters are longer than what they replace.
    match end_of(&clean, limit) {
        rest if rest.len() < clean.len() => from_line(rest).to_owned(),
        _ => clean,
    }
}

/// Without the rest of a line that it begins with, unless that is most of it.
fn from_line(text: &str) -> &str {
    text.split_once('\n').map(|(_, rest)| rest).filter(|rest| rest.len() >= text.len() / 2).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_replaced() {
        let bytes = b"\x1b[2Jhello\r\nw\x00rld\tx\xff\xe2\x80\xae\n";
        assert_eq!(shown(bytes, 100), "hello\nw\u{b7}rld x\u{fffd}\u{b7}\n");
    }

    #[test]
    fn a_tail_begins_at_a_line_and_keeps_its_limit() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console.log");
        std::fs::write(&path, "first line\nsecond line\nthird\n").unwrap();
        assert_eq!(tail(&path, 1000).unwrap(), "first line\nsecond line\nthird\n");
        assert_eq!(tail(&path, 10).unwrap(), "third\n");
        assert_eq!(tail(&path, 3).unwrap(), "rd\n");
        let long = "A".repeat(3000);
        for (end, words) in [("\nshort\n", "AA\nshort\n"), ("", "AAAA"), ("ü", "Aü")] {
            std::fs::write(&path, format!("{long}{end}")).unwrap();
            let shown = tail(&path, 100).unwrap();
            assert!(shown.ends_with(words) && shown.len() <= 100 && shown.len() > 90, "{shown}");
        }
        std::fs::write(&path, vec![0u8; 64]).unwrap();
        assert!(tail(&path, 64).unwrap().len() <= 64);
    }

    #[test]
    fn a_long_console_is_cut_back() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("console.log");
        std::fs::write(&path, "0123456789abcde\n".repeat(600_000)).unwrap();
        trim(&path).unwrap();
        let length = std::fs::metadata(&path).unwrap().len();
        assert!(length <= KEPT as u64 + 1, "{length}");
        assert!(tail(&path, 100).unwrap().ends_with("0123456789abcde\n"));
    }
}
