//! Conditions of a request for a file, in the order of RFC 9110, section 13.2.2. A weak tag is good for not fetching
//! again what one has, and for nothing that puts two parts of a file together.

use http::HeaderMap;
use http::header::{HeaderName, IF_MATCH, IF_NONE_MATCH, IF_RANGE};
use rolltop_control::Tag;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Send,
    /// 304
    NotModified,
    /// 412
    Changed,
}

/// As HTTP writes it.
pub(super) fn written(tag: &Tag) -> String {
    format!("{}\"{}\"", if tag.strong { "" } else { "W/" }, tag.text)
}

/// What is to be done about a file with this tag.
pub(super) fn verdict(headers: &HeaderMap, tag: &Tag) -> Verdict {
    if named(headers, IF_MATCH).is_some_and(|tags| !tags.iter().any(|one| one == "*" || is_same(one, tag))) {
        return Verdict::Changed;
    }
    let known = named(headers, IF_NONE_MATCH).unwrap_or_default();
    let quoted = format!("\"{}\"", tag.text);
    match known.iter().any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == quoted) {
        true => Verdict::NotModified,
        false => Verdict::Send,
    }
}

/// Whether a range is to be heeded: without a condition, or where what is known of the file is surely still so. We give
/// out no times of change, so one given as a condition is none of ours.
pub(super) fn range_counts(headers: &HeaderMap, tag: &Tag) -> bool {
    match headers.get(IF_RANGE) {
        Some(condition) => condition.to_str().is_ok_and(|one| is_same(one.trim(), tag)),
        None => true,
    }
}

/// Strong comparison.
fn is_same(one: &str, tag: &Tag) -> bool {
    tag.strong && one == written(tag)
}

/// The tags of a header, which may come in several lines.
pub(super) fn named(headers: &HeaderMap, name: HeaderName) -> Option<Vec<String>> {
    let lines = headers.get_all(name);
    let tags = lines.iter().flat_map(|line| {
        let line = String::from_utf8_lossy(line.as_bytes()).into_owned();
        line.split(',').map(|tag| tag.trim().to_owned()).collect::<Vec<_>>()
    });
    let tags: Vec<String> = tags.collect();
    (!tags.is_empty()).then_some(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: HeaderName, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name, http::HeaderValue::from_static(value))])
    }

    #[test]
    fn conditions_are_decided_as_rfc_9110_says() {
        let strong = Tag { text: "a".to_owned(), strong: true };
        let weak = Tag { text: "a".to_owned(), strong: false };
        for (name, value, of_strong, of_weak) in [
            (IF_MATCH, "\"a\"", Verdict::Send, Verdict::Changed),
            (IF_MATCH, "\"b\", \"a\"", Verdict::Send, Verdict::Changed),
            (IF_MATCH, "W/\"a\"", Verdict::Changed, Verdict::Changed),
            (IF_MATCH, "*", Verdict::Send, Verdict::Send),
            (IF_MATCH, "\"b\"", Verdict::Changed, Verdict::Changed),
            (IF_MATCH, "nonsense", Verdict::Changed, Verdict::Changed),
            (IF_NONE_MATCH, "\"a\"", Verdict::NotModified, Verdict::NotModified),
            (IF_NONE_MATCH, "\"b\",W/\"a\"", Verdict::NotModified, Verdict::NotModified),
            (IF_NONE_MATCH, "*", Verdict::NotModified, Verdict::NotModified),
            (IF_NONE_MATCH, "\"b\"", Verdict::Send, Verdict::Send),
        ] {
            let asked = headers(name.clone(), value);
            assert_eq!(verdict(&asked, &strong), of_strong, "{name}: {value}");
            assert_eq!(verdict(&asked, &weak), of_weak, "{name}: {value}, weak");
        }
        let counts = |value, tag: &Tag| range_counts(&headers(IF_RANGE, value), tag);
        assert!(counts("\"a\"", &strong) && range_counts(&HeaderMap::new(), &weak));
        for (value, tag) in [("\"a\"", &weak), ("W/\"a\"", &weak), ("W/\"a\"", &strong), ("\"b\"", &strong)] {
            assert!(!counts(value, tag), "{value}");
        }
        assert!(!counts("Sat, 28 Nov 2026 00:00:00 GMT", &strong));
        // If-Match goes first.
        let mut both = headers(IF_MATCH, "\"b\"");
        both.insert(IF_NONE_MATCH, http::HeaderValue::from_static("\"a\""));
        assert_eq!(verdict(&both, &strong), Verdict::Changed);
    }
}
