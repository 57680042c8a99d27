//! Text that people or guests wrote, and whether it can be shown to somebody as it is.

/// Whether a letter could deceive whoever reads it: one that a terminal obeys, that can't be seen, or that changes the
/// direction of those around it. Joiners (U+200C, U+200D) are needed to write Persian, and for many emoji; they pass.
pub fn is_deceptive(letter: char) -> bool {
    letter.is_control()
        || matches!(letter,
            '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Whether a text may name something: 1 to `longest` letters, none that deceives, at least one that can be seen.
pub fn is_label(text: &str, longest: usize) -> bool {
    let is_seen = |letter: char| {
        !letter.is_whitespace() && !matches!(letter, '\u{200c}' | '\u{200d}' | '\u{fe00}'..='\u{fe0f}')
    };
    text.chars().count() <= longest && !text.chars().any(is_deceptive) && text.chars().any(is_seen)
}

/// The last bytes of a text, at most so many, beginning at a letter.
pub fn end_of(text: &str, most: usize) -> &str {
    let from = (text.len().saturating_sub(most)..=text.len()).find(|at| text.is_char_boundary(*at));
    from.and_then(|from| text.get(from..)).unwrap_or_default()
}

/// A text without the escape sequences that programs write to a terminal: colours, titles, movements. One that
/// does not end takes the rest of its line.
pub fn without_escapes(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter != '\u{1b}' {
            shown.push(letter);
            continue;
        }
        let goes_on = |next: &char| *next != '\n';
        match letters.next_if(goes_on) {
            Some('[') => {
                while letters.next_if(|next| goes_on(next) && !('@'..='~').contains(next)).is_some() {}
                letters.next_if(goes_on);
            }
            Some(']' | 'P' | 'X' | '^' | '_') => {
                while letters.next_if(|next| goes_on(next) && !matches!(next, '\u{7}' | '\u{1b}')).is_some() {
                }
                if letters.next_if(goes_on) == Some('\u{1b}') {
                    letters.next_if(goes_on);
                }
            }
            // Of two or three letters.
            Some(' '..='/') => drop(letters.next_if(goes_on)),
            _ => {}
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_are_left_out_and_never_the_next_line() {
        let console = "\u{1b}[!p\u{1b}]104\u{7}\u{1b}[?7h\u{1b}(Bboots\u{1b}[1;32m OK\u{1b}[0m\n";
        assert_eq!(without_escapes(console), "boots OK\n");
        assert_eq!(
            without_escapes("\u{1b}]0;title\u{1b}\\x\u{1b}]open\nnext\u{1b}[\nlast\u{1b}"),
            "x\nnext\nlast"
        );
    }

    #[test]
    fn a_label_is_what_it_looks_like() {
        for fit in ["x", "before the upgrade", "👩\u{200d}💻", "می\u{200c}خواهم", "日本語"] {
            assert!(is_label(fit, 30), "{fit:?}");
        }
        let looks_like_another =
            ["a\u{202e}b", "a\u{200b}", "\u{feff}", "\u{e0041}\u{e0042}", "a\u{2028}b", "a\u{61c}"];
        for unfit in
            looks_like_another.into_iter().chain(["", " ", "\u{200d}", "\u{1b}[2J", "a\nb", &"x".repeat(31)])
        {
            assert!(!is_label(unfit, 30), "{unfit:?}");
        }
    }
}
