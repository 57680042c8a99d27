//! Full-text search over headings and what is said under them. The documentation is small, so
//! every query looks at all of it: each word asked for must begin a word that is there, and what
//! is in a heading counts for more than what is in a paragraph.

use super::page::Page;

/// Longest query that is looked at, characters.
const LONGEST_QUERY: usize = 100;
/// Most words of it.
const MOST_WORDS: usize = 8;
/// About how much text is shown of a place that was found, characters: before and after.
const BEFORE: usize = 60;
const AFTER: usize = 140;

const IN_TITLE: u32 = 6;
const IN_HEADING: u32 = 10;
/// Of a word that is there as asked for, beyond one that only begins so.
const WHOLE: u32 = 2;
/// Most that a word can count for by being said often.
const MOST_IN_TEXT: u32 = 4;
/// Words that stand in the order in which they were asked for.
const IN_ORDER: u32 = 6;

pub(super) struct Search {
    places: Vec<Passage>,
}

struct Passage {
    /// Where it is: path and anchor.
    address: String,
    page: String,
    heading: String,
    text: String,
    page_words: Vec<String>,
    heading_words: Vec<String>,
    text_words: Vec<String>,
}

/// A place that was found.
pub(crate) struct Found<'a> {
    pub address: &'a str,
    pub page: &'a str,
    /// Empty at a page's top.
    pub heading: &'a str,
    pub text: Vec<Piece>,
}

/// A part of a text, looked for or around it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub text: String,
    pub hit: bool,
}

impl Search {
    pub(super) fn over<'a>(pages: impl Iterator<Item = (&'a str, &'a Page)>) -> Self {
        let mut places = Vec::new();
        for (slug, page) in pages {
            for section in page.sections() {
                let anchor = if section.id.is_empty() { String::new() } else { format!("#{}", section.id) };
                let text = section.text.split_whitespace().collect::<Vec<_>>().join(" ");
                places.push(Passage {
                    address: format!("/docs/{slug}{anchor}"),
                    page_words: words(&page.title),
                    heading_words: words(&section.title),
                    text_words: words(&text),
                    page: page.title.clone(),
                    heading: section.title,
                    text,
                });
            }
        }
        Self { places }
    }

    pub(super) fn find(&self, query: &str, most: usize) -> Vec<Found<'_>> {
        let query: String = query.chars().take(LONGEST_QUERY).collect();
        let mut asked = words(&query);
        asked.truncate(MOST_WORDS);
        if asked.is_empty() {
            return Vec::new();
        }
        let mut found: Vec<(u32, &Passage)> =
            self.places.iter().filter_map(|place| Some((place.score(&asked)?, place))).collect();
        // Stable: of two that count the same, the earlier in the index comes first.
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found
            .into_iter()
            .take(most)
            .map(|(_, place)| Found {
                address: &place.address,
                page: &place.page,
                heading: &place.heading,
                text: excerpt(&place.text, &asked),
            })
            .collect()
    }
}

impl Passage {
    /// How well it fits; `None` if a word is missing, or if all that fits is the title above.
    fn score(&self, asked: &[String]) -> Option<u32> {
        let top = self.heading.is_empty();
        let (mut total, mut here) = (0, top);
        for word in asked {
            let title =
                count(&self.page_words, word).min(1 + WHOLE) * if top { IN_HEADING } else { IN_TITLE };
            let heading = count(&self.heading_words, word).min(1 + WHOLE) * IN_HEADING;
            let text = count(&self.text_words, word).min(MOST_IN_TEXT);
            if title + heading + text == 0 {
                return None;
            }
            here |= heading + text > 0;
            total += title + heading + text;
        }
        for pair in asked.windows(2) {
            total += if follow(&self.heading_words, pair) || follow(&self.text_words, pair) {
                IN_ORDER
            } else {
                0
            };
        }
        here.then_some(total)
    }
}

/// Whether two words stand one after the other; the second may only be begun, as it is typed.
fn follow(words: &[String], pair: &[String]) -> bool {
    let [first, second] = pair else { return false };
    words.windows(2).any(|two| matches!(two, [one, next] if one == first && next.starts_with(second)))
}

/// How often a word is there or begins one, with whole ones counting more.
fn count(words: &[String], asked: &str) -> u32 {
    words
        .iter()
        .filter(|word| word.starts_with(asked))
        .map(|word| if word == asked { 1 + WHOLE } else { 1 })
        .sum()
}

fn words(text: &str) -> Vec<String> {
    text.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_lowercase)
        .collect()
}

/// The text around the first word that was asked for, with all of them marked.
fn excerpt(text: &str, asked: &[String]) -> Vec<Piece> {
    let starts = hits(text, asked);
    let first = starts.first().map_or(0, |(start, _)| *start);
    let begin = text
        .get(..first)
        .and_then(|before| before.char_indices().rev().take(BEFORE).last())
        .map_or(0, |(at, _)| at);
    // From a word's beginning to a word's end.
    let begin = if begin == 0 {
        0
    } else {
        text.get(begin..).and_then(|rest| rest.find(' ')).map_or(begin, |at| begin + at + 1)
    };
    let end = text
        .get(first..)
        .and_then(|rest| rest.char_indices().nth(AFTER))
        .map_or(text.len(), |(at, _)| first + at);
    let end = if end == text.len() {
        end
    } else {
        text.get(..end).and_then(|kept| kept.rfind(' ')).map_or(end, |at| at.max(first))
    };
    let mut pieces = Vec::new();
    let mut push = |from: usize, to: usize, hit: bool| {
        if let Some(part) = text.get(from..to).filter(|part| !part.is_empty()) {
            pieces.push(Piece { text: part.to_owned(), hit });
        }
    };
    let mut at = begin;
    for (start, stop) in starts.into_iter().filter(|(start, stop)| *start >= begin && *stop <= end) {
        push(at, start, false);
        push(start, stop, true);
        at = stop;
    }
    push(at, end, false);
    if begin > 0 {
        pieces.insert(0, Piece { text: "… ".to_owned(), hit: false });
    }
    if end < text.len() {
        pieces.push(Piece { text: " …".to_owned(), hit: false });
    }
    pieces
}

/// Where words of the text begin as those asked for, as byte ranges of what was asked for.
fn hits(text: &str, asked: &[String]) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    for word in text.split(|c: char| !c.is_alphanumeric()) {
        let longest = asked
            .iter()
            .filter(|asked| word.to_lowercase().starts_with(asked.as_str()))
            .map(|a| a.chars().count())
            .max();
        if let Some(length) = longest {
            let stop = word.char_indices().nth(length).map_or(word.len(), |(offset, _)| offset);
            found.push((at, at + stop));
        }
        let separator =
            text.get(at + word.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        at += word.len() + separator;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn search() -> (Page, Page) {
        let ssh = "# Your own SSH\n\nEnter with `ssh`.\n\n## Keys\n\nRSA keys of 3072 bits are taken.\n\n## Ports\n\nForward another port.\n";
        (Page::read(ssh), Page::read("# Files\n\nFolders as zip files, given to people with keys.\n"))
    }

    fn addresses(query: &str) -> Vec<String> {
        let (ssh, files) = search();
        let search = Search::over([("ssh", &ssh), ("files", &files)].into_iter());
        search.find(query, 10).iter().map(|found| found.address.to_owned()).collect()
    }

    #[test]
    fn a_heading_counts_for_more_than_a_paragraph() {
        assert_eq!(addresses("keys"), ["/docs/ssh#keys", "/docs/files"]);
        assert_eq!(addresses("ssh"), ["/docs/ssh"]);
        assert_eq!(addresses("fil"), ["/docs/files"]);
    }

    #[test]
    fn every_word_must_be_there_and_may_be_begun_only() {
        assert_eq!(addresses("RSA bit"), ["/docs/ssh#keys"]);
        assert_eq!(addresses("rsa zip"), Vec::<String>::new());
        assert_eq!(addresses("ssh forward"), ["/docs/ssh#ports"], "one word from the title, one from here");
    }

    #[test]
    fn words_in_their_order_count_for_more_than_the_same_words_apart() {
        let apart =
            Page::read("# Apart\n\nHosts, a host, hosts. What is known, well known, and known to all.\n");
        let together = Page::read("# Together\n\nThe file is called known_hosts.\n");
        let search = Search::over([("apart", &apart), ("together", &together)].into_iter());
        let first = |query| search.find(query, 10).first().map(|found| found.address.to_owned());
        assert_eq!(first("known_ho").as_deref(), Some("/docs/together"));
        assert_eq!(first("hosts known").as_deref(), Some("/docs/apart"));
    }

    #[test]
    fn nothing_is_found_for_nothing_and_a_flood_is_cut() {
        for query in ["", "  ", "?!", "'\"><", &"x".repeat(100_000), &"q ".repeat(50_000)] {
            assert_eq!(addresses(query), Vec::<String>::new());
        }
    }

    #[test]
    fn an_excerpt_begins_and_ends_at_words_and_marks_hits() {
        let text = format!("{} the Schlüssel is here {}", "before ".repeat(40), "after ".repeat(60));
        let pieces = excerpt(&text, &["schlü".to_owned()]);
        let hit: Vec<&str> =
            pieces.iter().filter(|piece| piece.hit).map(|piece| piece.text.as_str()).collect();
        assert_eq!(hit, ["Schlü"]);
        let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert!(whole.starts_with("… before") && whole.ends_with("after …"), "{whole}");
        assert!(whole.contains("the Schlüssel is"), "{whole}");
        assert!(whole.chars().count() < 240, "{whole}");
    }

    #[test]
    fn lengths_that_change_with_case_cut_nothing_apart() {
        // Lower case of İ is longer than itself.
        let pieces = excerpt("İİİ keys İstanbul", &["i".to_owned(), "keys".to_owned()]);
        let whole: String = pieces.iter().map(|piece| piece.text.as_str()).collect();
        assert_eq!(whole, "İİİ keys İstanbul");
    }
}
