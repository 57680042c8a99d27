//! What the owner of a desktop chose for it, beyond its name, template and size, and what desktops are found by.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::screen_size::ScreenSize;
use crate::size::Size;
use crate::text::{is_deceptive, is_label};

/// Most labels that a desktop has.
const MOST_LABELS: usize = 32;
/// Longest key and longest value, letters.
const LONGEST_PART: usize = 63;
/// Longest note, letters.
const LONGEST_NOTE: usize = 2000;

/// One value, which all that makes, keeps, shows, forks or exports desktops passes on whole: one choice more is a field of
/// this, and of what the API is asked for. Kept and exported as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Choices {
    /// The size that its screen keeps, in pixels. Absent where it follows whoever drives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "1280x800"))]
    pub screen: Option<ScreenSize>,
    /// What it is found by, as keys with values. Absent where it has none.
    #[serde(default, skip_serializing_if = "Labels::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<BTreeMap<String, String>>, example = json!({"team": "research"})))]
    pub labels: Labels,
    /// What somebody wrote about it. Absent where nobody did.
    #[serde(default, skip_serializing_if = "Note::is_empty")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "Nightly tests; ask Ann before deleting it."))]
    pub note: Note,
}

/// Keys of `a-z`, `0-9` and `-_./` that begin and end with a letter or digit, and values without commas, each of at most 63
/// letters; at most 32 of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "BTreeMap<String, String>")]
pub struct Labels(BTreeMap<String, String>);

/// Free text of at most 2000 letters in any number of lines.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub struct Note(String);

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LabelError {
    #[error("A desktop has at most {MOST_LABELS} labels.")]
    TooMany,
    #[error(
        "A label's key has 1 to {LONGEST_PART} of a-z, 0-9, - _ . and /, and begins and ends with a letter or digit, such as team."
    )]
    Key,
    #[error(
        "A label's value is at most {LONGEST_PART} letters in one line, without commas and spaces at its ends."
    )]
    Value,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("A note has at most {LONGEST_NOTE} letters, none of which can't be seen.")]
pub struct NoteError;

impl Choices {
    /// As far as a desktop of that size can have them: for what came from elsewhere.
    #[must_use]
    pub fn within(self, size: Size) -> Self {
        Self { screen: self.screen.filter(|screen| screen.fits(size)), ..self }
    }
}

impl Labels {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// With other values for some keys; those without one go.
    pub fn changed(
        self,
        change: impl IntoIterator<Item = (String, Option<String>)>,
    ) -> Result<Self, LabelError> {
        let mut all = self.0;
        for (key, value) in change {
            match value {
                Some(value) => drop(all.insert(key, value)),
                None => drop(all.remove(&key)),
            }
        }
        all.try_into()
    }
}

impl TryFrom<BTreeMap<String, String>> for Labels {
    type Error = LabelError;

    fn try_from(all: BTreeMap<String, String>) -> Result<Self, LabelError> {
        if all.len() > MOST_LABELS {
            return Err(LabelError::TooMany);
        }
        for (key, value) in &all {
            check(key, Some(value))?;
        }
        Ok(Self(all))
    }
}

/// `key=value, key=value`
/// As it is written: `team=research`, or just `gpu` where it has no value.
pub fn label(key: &str, value: &str) -> String {
    if value.is_empty() { key.to_owned() } else { format!("{key}={value}") }
}

impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (key, value)) in self.iter().enumerate() {
            f.write_str(if number == 0 { "" } else { ", " })?;
            f.write_str(&label(key, value))?;
        }
        Ok(())
    }
}

fn check(key: &str, value: Option<&str>) -> Result<(), LabelError> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let ends = [key.bytes().next(), key.bytes().last()];
    let is_key = key.len() <= LONGEST_PART
        && key.bytes().all(|byte| is_plain(byte) || b"-_./".contains(&byte))
        && ends.into_iter().all(|end| end.is_some_and(is_plain));
    if !is_key {
        return Err(LabelError::Key);
    }
    let is_value = |value: &str| {
        value.is_empty() || (is_label(value, LONGEST_PART) && value.trim() == value && !value.contains(','))
    };
    if value.is_none_or(is_value) { Ok(()) } else { Err(LabelError::Value) }
}

impl Note {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Note {
    type Error = NoteError;

    fn try_from(text: String) -> Result<Self, NoteError> {
        let text = text.trim().replace("\r\n", "\n");
        let is_shown = |letter: char| !is_deceptive(letter) || matches!(letter, '\n' | '\t');
        let is_one = text.chars().count() <= LONGEST_NOTE && text.chars().all(is_shown);
        if is_one { Ok(Self(text)) } else { Err(NoteError) }
    }
}

/// What is looked for among desktops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesktopFilter {
    /// A state's name.
    pub state: Option<&'static str>,
    /// Part of a name, in small letters.
    pub text: Option<String>,
    /// All of these labels, with these values; without one whatever it is.
    pub labels: Vec<(String, Option<String>)>,
    /// All of these labels, with values that begin like this.
    pub typed_labels: Vec<(String, String)>,
}

impl DesktopFilter {
    /// Reads labels that are looked for: `key=value` or `key`, with commas between them.
    pub fn labels(text: &str) -> Result<Vec<(String, Option<String>)>, LabelError> {
        let wanted = text.split(',').map(str::trim).map(|label| {
            let (key, value) = label.split_once('=').map_or((label, None), |(key, value)| (key, Some(value)));
            check(key, value)?;
            Ok((key.to_owned(), value.map(str::to_owned)))
        });
        let wanted: Vec<_> = wanted.collect::<Result<_, _>>()?;
        if wanted.len() > MOST_LABELS { Err(LabelError::TooMany) } else { Ok(wanted) }
    }

    /// The labels in what somebody types into a search, each with what there is of its value. `None` where it is no label.
    pub fn typed_labels(text: &str) -> Option<Vec<(String, String)>> {
        if !text.contains('=') {
            return None;
        }
        let wanted = Self::labels(&text.to_lowercase()).ok()?.into_iter();
        // Values are written in both cases.
        let values = text.split(',').map(|label| label.trim().split_once('=').map_or("", |(_, value)| value));
        Some(wanted.map(|(key, _)| key).zip(values.map(str::to_owned)).collect())
    }
}

impl fmt::Display for Choices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}

impl FromStr for Choices {
    type Err = serde_json::Error;

    fn from_str(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(all: &[(&str, &str)]) -> Result<Labels, LabelError> {
        let all = all.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        all.collect::<BTreeMap<_, _>>().try_into()
    }

    #[test]
    fn they_are_read_as_they_are_written() {
        let screen = Some("1280x800".parse().unwrap());
        let labelled = Choices {
            labels: labels(&[("team", "research"), ("gpu", "")]).unwrap(),
            note: "two\r\nlines ".to_owned().try_into().unwrap(),
            ..Choices::default()
        };
        assert_eq!(labelled.note.as_str(), "two\nlines");
        assert_eq!(labelled.labels.to_string(), "gpu, team=research");
        for choices in [Choices::default(), Choices { screen, ..Choices::default() }, labelled] {
            assert_eq!(choices.to_string().parse::<Choices>().unwrap(), choices);
        }
        assert_eq!(Choices::default().to_string(), "{}");
        for wrong in [r#"{"screen":"12"}"#, r#"{"labels":{"A":"b"}}"#, "{\"note\":\"\u{202e}\"}"] {
            assert!(wrong.parse::<Choices>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_screen_from_elsewhere_that_takes_too_much_memory_is_left_out() {
        let huge = Choices { screen: Some(ScreenSize { width: 8192, height: 8192 }), ..Choices::default() };
        assert_eq!(huge.clone().within(Size::S), Choices::default());
        let fits = Choices { screen: Some("1280x800".parse().unwrap()), ..Choices::default() };
        assert_eq!(fits.clone().within(Size::S), fits);
    }

    #[test]
    fn labels_are_short_words_with_values() {
        let long = "a".repeat(64);
        for (key, wrong) in [
            ("", LabelError::Key),
            ("A", LabelError::Key),
            ("-a", LabelError::Key),
            ("a b", LabelError::Key),
            (&long, LabelError::Key),
        ] {
            assert_eq!(labels(&[(key, "x")]), Err(wrong), "{key:?}");
        }
        for value in ["a,b", " a", "a\n", "\u{202e}a", &long] {
            assert_eq!(labels(&[("key", value)]), Err(LabelError::Value), "{value:?}");
        }
        for (key, value) in [("a", ""), ("example.org/team", "Équipe A"), ("a_b-c.d", "x=y")] {
            assert!(labels(&[(key, value)]).is_ok(), "{key}={value}");
        }
        let many: BTreeMap<String, String> =
            (0..33).map(|number| (format!("k{number}"), String::new())).collect();
        assert_eq!(Labels::try_from(many), Err(LabelError::TooMany));
    }

    #[test]
    fn a_change_sets_some_removes_some_and_leaves_the_rest() {
        let before = labels(&[("team", "research"), ("env", "test"), ("old", "1")]).unwrap();
        let change = [("env".to_owned(), Some("live".to_owned())), ("old".to_owned(), None)];
        assert_eq!(
            before.changed(change).unwrap(),
            labels(&[("team", "research"), ("env", "live")]).unwrap()
        );
    }

    #[test]
    fn labels_that_are_looked_for_have_a_value_or_any() {
        let wanted = DesktopFilter::labels("team=research, gpu").unwrap();
        let expected = [("team".to_owned(), Some("research".to_owned())), ("gpu".to_owned(), None)];
        assert_eq!(wanted, expected);
        assert_eq!(DesktopFilter::labels("a=b=c").unwrap(), [("a".to_owned(), Some("b=c".to_owned()))]);
        for wrong in ["", "=", "a,,b", "A=b"] {
            assert_eq!(DesktopFilter::labels(wrong), Err(LabelError::Key), "{wrong:?}");
        }
    }

    #[test]
    fn labels_are_seen_in_what_is_typed() {
        let typed = |text: &str| DesktopFilter::typed_labels(text).unwrap();
        assert_eq!(typed("Team=Rese"), [("team".to_owned(), "Rese".to_owned())]);
        assert_eq!(
            typed("team=, gpu"),
            [("team".to_owned(), String::new()), ("gpu".to_owned(), String::new())]
        );
        for text in ["", "team", "team,gpu", "=", "a b=c", "a=b,", "a=\u{202e}"] {
            assert_eq!(DesktopFilter::typed_labels(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_note_has_lines_and_nothing_hidden() {
        assert!(Note::try_from("a\tb\n\nc".to_owned()).is_ok());
        for wrong in ["a\u{7}", "\u{202e}a", &"a".repeat(2001)] {
            assert_eq!(Note::try_from(wrong.to_owned()), Err(NoteError), "{wrong:?}");
        }
    }
}
