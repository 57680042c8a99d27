//! What a guest says, made fit for a log line or a person.

use rolltop_model::{end_of, is_deceptive, without_escapes};

/// Longest text of a guest that is passed on, in characters.
const MAX_CHARACTERS: usize = 300;

/// One line of printable characters: others become U+FFFD, the rest is cut off.
pub(crate) fn tame(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .trim()
        .chars()
        .take(MAX_CHARACTERS)
        .map(|c| if is_deceptive(c) { '\u{fffd}' } else { c })
        .collect()
}

/// The last lines of a text, in at most so many bytes, of printable characters. As a terminal would show them: without
/// what a carriage return went back over, and without colours.
pub(crate) fn tame_lines(text: &[u8], most: usize) -> String {
    let text = String::from_utf8_lossy(text);
    let mut lines: Vec<String> = Vec::new();
    let mut room = most;
    for line in text.trim_end().rsplit('\n') {
        let line = tame_line(line.trim_end_matches('\r').rsplit('\r').next().unwrap_or_default());
        let Some(rest) = room.checked_sub(line.len() + 1) else {
            // Of one that is longer than all, the end is better than nothing.
            if lines.is_empty() {
                lines.push(end_of(&line, most).to_owned());
            }
            break;
        };
        room = rest;
        lines.push(line);
    }
    lines.reverse();
    lines.join("\n")
}

/// Without escape sequences, and with U+FFFD for what else is not printable.
fn tame_line(line: &str) -> String {
    let replaced = |letter| if letter != '\t' && is_deceptive(letter) { '\u{fffd}' } else { letter };
    without_escapes(line).chars().map(replaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_guests_text_cannot_write_on_the_terminal_or_flood_the_log() {
        assert_eq!(tame(b" no such file\n"), "no such file");
        assert_eq!(tame(b"\x1b[2Jx\ny"), "\u{fffd}[2Jx\u{fffd}y");
        assert_eq!(tame("a\u{202e}b".as_bytes()), "a\u{fffd}b");
        assert_eq!(tame(&[b'x'; 5000]).chars().count(), MAX_CHARACTERS);
    }

    #[test]
    fn the_end_of_a_log_is_shown_as_a_terminal_would_and_no_more() {
        let shown = |text: &str, most| tame_lines(text.as_bytes(), most);
        assert_eq!(shown("one\ntwo\n", 100), "one\ntwo");
        assert_eq!(shown("10 %\r50 %\r100 %\r\nnext", 100), "100 %\nnext");
        assert_eq!(shown("\u{1b}[1;32mgood\u{1b}[0m\tx\u{1b}]0;title\u{7}\u{7}", 100), "good\tx\u{fffd}");
        assert_eq!(shown("first\nsecond\nthird", 13), "second\nthird");
        assert_eq!(shown("\u{1b}[", 10), "");
        assert_eq!(shown("the end of a long line: ü!\n", 3), "ü!", "not nothing");
    }
}
