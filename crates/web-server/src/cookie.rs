//! The one cookie: the API's session token, and after a `~` the chosen language, if any.
//!
//! `__Host-` makes browsers refuse it without Secure, with a Domain, or from another path, so
//! neither a neighbouring site nor a plain-text response can set it.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue};
use secrecy::{ExposeSecret, SecretString};

use crate::language::Language;

pub(crate) const NAME: &str = "__Host-rolltop";
/// How long a browser keeps it, seconds: 30 days. The API may end the session sooner.
const MAX_AGE_SECONDS: u32 = 30 * 24 * 60 * 60;
/// Longest token that is passed on.
const TOKEN_LIMIT: usize = 512;

/// What a browser brought.
#[derive(Debug, Clone, Default)]
pub(crate) struct Cookie {
    pub token: Option<SecretString>,
    pub language: Option<Language>,
}

impl Cookie {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let Some(value) = value(headers, NAME) else { return Self::default() };
        let (token, language) =
            value.split_once('~').map_or((value, None), |(token, language)| (token, Some(language)));
        let is_token = !token.is_empty() && token.len() <= TOKEN_LIMIT && token.bytes().all(is_token_byte);
        Self {
            token: is_token.then(|| SecretString::from(token.to_owned())),
            language: language.and_then(Language::from_code),
        }
    }
}

/// The first cookie of this name.
pub(crate) fn value<'a>(headers: &'a HeaderMap, wanted: &str) -> Option<&'a str> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == wanted).then_some(value))
}

fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.')
}

/// The header that gives a browser this session. `None` for a token that fits in no cookie.
pub(crate) fn set(token: &SecretString, language: Option<Language>) -> Option<HeaderValue> {
    if !token.expose_secret().bytes().all(is_token_byte) {
        return None;
    }
    let language = language.map(|language| format!("~{}", language.code())).unwrap_or_default();
    let mut value = HeaderValue::try_from(format!(
        "{NAME}={}{language}; Path=/; Max-Age={MAX_AGE_SECONDS}; Secure; HttpOnly; SameSite=Lax",
        token.expose_secret()
    ))
    .ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// The header that takes it away again.
pub(crate) fn clear() -> HeaderValue {
    HeaderValue::from_static("__Host-rolltop=; Path=/; Max-Age=0; Secure; HttpOnly; SameSite=Lax")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn brought(text: &str) -> Cookie {
        let mut headers = HeaderMap::new();
        headers.insert(COOKIE, HeaderValue::from_str(text).unwrap());
        Cookie::from_headers(&headers)
    }

    fn token(cookie: &Cookie) -> Option<&str> {
        cookie.token.as_ref().map(ExposeSecret::expose_secret)
    }

    #[test]
    fn token_and_language_are_read_back() {
        let cookie = brought("a=b; __Host-rolltop=ses_abc~fr; c=d");
        assert_eq!(token(&cookie), Some("ses_abc"));
        assert_eq!(cookie.language, Some(Language::French));
        let cookie = brought("__Host-rolltop=ses_abc");
        assert_eq!((token(&cookie), cookie.language), (Some("ses_abc"), None));
    }

    #[test]
    fn what_is_no_token_is_not_passed_on() {
        for text in [
            "__Host-rolltop=",
            "__Host-rolltop=a b",
            "__Host-rolltop=\"x\"",
            "rolltop=abc",
            "x__Host-rolltop=abc",
        ] {
            assert_eq!(token(&brought(text)), None, "{text}");
        }
    }

    #[test]
    fn it_is_set_with_every_protection() {
        let value = set(&SecretString::from("ses_abc".to_owned()), Some(Language::French)).unwrap();
        let text = value.to_str().unwrap();
        assert!(text.starts_with("__Host-rolltop=ses_abc~fr; "));
        for flag in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
            assert!(text.split("; ").any(|part| part == flag), "{flag}");
        }
        assert!(!text.contains("Domain"));
        assert!(set(&SecretString::from("a; Domain=evil".to_owned()), None).is_none());
    }
}
