//! What Rolltop says, in English and French. The sentences are in `messages/`, one file per
//! language with the same keys, and one with those that the API says in English itself; code names a
//! key and never a sentence.

use std::sync::LazyLock;

use fluent_bundle::concurrent::FluentBundle;
use fluent_bundle::{FluentArgs, FluentResource, FluentValue};
use http::HeaderMap;
use http::header::ACCEPT_LANGUAGE;
use unic_langid::LanguageIdentifier;

type Bundle = FluentBundle<FluentResource>;

static ENGLISH: LazyLock<Bundle> = LazyLock::new(|| bundle("en", include_str!("messages/en.ftl")));
static FRENCH: LazyLock<Bundle> = LazyLock::new(|| {
    bundle("fr", concat!(include_str!("messages/fr.ftl"), include_str!("messages/api.fr.ftl")))
});

fn bundle(code: &str, source: &str) -> Bundle {
    let language: LanguageIdentifier = code.parse().unwrap_or_default();
    let mut bundle = Bundle::new_concurrent(vec![language]);
    bundle.set_use_isolating(false);
    let resource = FluentResource::try_new(source.to_owned()).unwrap_or_else(|(resource, errors)| {
        tracing::error!(code, ?errors, "messages with mistakes in them are left out");
        resource
    });
    if let Err(errors) = bundle.add_resource(resource) {
        tracing::error!(code, ?errors, "messages that are there twice are left out");
    }
    bundle
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Language {
    #[default]
    English,
    French,
}

impl Language {
    pub(crate) const ALL: [Language; 2] = [Language::English, Language::French];

    pub(crate) const fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::French => "fr",
        }
    }

    pub(crate) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The best of ours by what the browser prefers.
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let Some(header) = headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()) else {
            return Self::default();
        };
        let mut best = (0.0, Self::default());
        for item in header.split(',') {
            let mut parts = item.split(';').map(str::trim);
            let code = parts.next().unwrap_or_default();
            let primary = code.split('-').next().unwrap_or_default().to_ascii_lowercase();
            let quality = parts.find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok()).unwrap_or(1.0);
            if let Some(language) = Self::from_code(&primary)
                && quality > best.0
            {
                best = (quality, language);
            }
        }
        best.1
    }

    /// The sentence with this key.
    pub(crate) fn say(self, key: &str) -> String {
        self.format(key, None)
    }

    /// The sentence with this key, and what stands in its places.
    pub(crate) fn say_with(self, key: &str, places: &[(&'static str, &str)]) -> String {
        let arguments =
            places.iter().map(|(name, value)| (*name, FluentValue::from(*value))).collect::<FluentArgs<'_>>();
        self.format(key, Some(&arguments))
    }

    /// The sentence with this key and a number in it, in the right grammatical number.
    pub(crate) fn count(self, key: &str, count: u64) -> String {
        self.count_with(key, count, &[])
    }

    /// The same, and what stands in its other places.
    pub(crate) fn count_with(self, key: &str, count: u64, places: &[(&'static str, &str)]) -> String {
        let mut arguments =
            places.iter().map(|(name, value)| (*name, FluentValue::from(*value))).collect::<FluentArgs<'_>>();
        arguments.set("count", count);
        self.format(key, Some(&arguments))
    }

    /// The sentence with this key, where there is one.
    pub(crate) fn maybe(self, key: &str) -> Option<String> {
        self.bundle().has_message(key).then(|| self.say(key))
    }

    fn bundle(self) -> &'static Bundle {
        match self {
            Language::English => &ENGLISH,
            Language::French => &FRENCH,
        }
    }

    fn format(self, key: &str, arguments: Option<&FluentArgs<'_>>) -> String {
        let bundle = self.bundle();
        let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) else {
            tracing::error!(key, language = self.code(), "there is no such message");
            return key.to_owned();
        };
        let mut errors = Vec::new();
        let text = bundle.format_pattern(pattern, arguments, &mut errors).into_owned();
        if !errors.is_empty() {
            tracing::error!(key, ?errors, "a message is not given what it needs");
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn preferred(header: &str) -> Language {
        let mut headers = HeaderMap::new();
        headers.insert(ACCEPT_LANGUAGE, HeaderValue::from_str(header).unwrap());
        Language::from_headers(&headers)
    }

    #[test]
    fn the_browsers_preference_counts_by_its_quality() {
        assert_eq!(preferred("fr-CH, fr;q=0.9, en;q=0.8"), Language::French);
        assert_eq!(preferred("de, en;q=0.5, fr;q=0.7"), Language::French);
        assert_eq!(preferred("en-US,fr;q=0.5"), Language::English);
        assert_eq!(preferred("ja"), Language::English);
        assert_eq!(preferred("fr;q=0, garbage;;;"), Language::English);
    }

    #[test]
    fn counting_follows_the_languages_grammar() {
        assert_eq!(Language::English.count("count-desktops", 1), "1 desktop");
        assert_eq!(Language::English.count("count-desktops", 0), "0 desktops");
        assert_eq!(Language::French.count("count-desktops", 0), "0 bureau");
        assert_eq!(Language::French.count("count-desktops", 2), "2 bureaux");
    }
}
