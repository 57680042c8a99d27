//! What a guest says, made fit for a log line or a person.

/// Longest text of a guest that is passed on, in characters.
const MAX_CHARACTERS: usize = 300;

/// One line of printable characters: others become U+FFFD, the rest is cut off.
pub(crate) fn tame(text: &[u8]) -> String {
    String::from_utf8_lossy(text)
        .trim()
        .chars()
        .take(MAX_CHARACTERS)
        .map(|c| if c.is_control() || is_invisible(c) { '\u{fffd}' } else { c })
        .collect()
}

/// Zero-width and direction-changing characters, which can make a line read as another.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
}
