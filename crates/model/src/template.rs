//! A template's version: `NAME@DIGEST`, where the digest covers everything that went into
//! the image. Versions are immutable.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One immutable version of a template, written `desk@3f2a91c0d4e5`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct TemplateVersion {
    name: String,
    digest: String,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a template version of the form name@digest, with a-z, 0-9, dots and hyphens in the name and 12 hex digits"
)]
pub struct TemplateError;

/// Hex digits of a version's digest.
pub const DIGEST_LENGTH: usize = 12;

impl TemplateVersion {
    pub fn new(name: &str, digest: &str) -> Result<Self, TemplateError> {
        let name_is_good = !name.is_empty()
            && name.len() <= 40
            && name.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.'))
            && name.starts_with(|c: char| c.is_ascii_alphanumeric());
        let digest_is_good =
            digest.len() == DIGEST_LENGTH && digest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if name_is_good && digest_is_good {
            Ok(Self { name: name.to_owned(), digest: digest.to_owned() })
        } else {
            Err(TemplateError)
        }
    }

    /// The recipe's name, such as `desk`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first twelve hex digits of the digest of what went in.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

impl fmt::Display for TemplateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.name, self.digest)
    }
}

impl fmt::Debug for TemplateVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TemplateVersion {
    type Err = TemplateError;

    fn from_str(text: &str) -> Result<Self, TemplateError> {
        let (name, digest) = text.split_once('@').ok_or(TemplateError)?;
        Self::new(name, digest)
    }
}

impl TryFrom<String> for TemplateVersion {
    type Error = TemplateError;

    fn try_from(text: String) -> Result<Self, TemplateError> {
        text.parse()
    }
}

impl From<TemplateVersion> for String {
    fn from(version: TemplateVersion) -> String {
        version.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_a_safe_path_component() {
        assert!("desk@0123456789ab".parse::<TemplateVersion>().is_ok());
        for bad in [
            "desk",
            "../x@0123456789ab",
            ".@0123456789ab",
            "a/b@0123456789ab",
            "desk@0123456789AB",
            "@0123456789ab",
        ] {
            assert!(bad.parse::<TemplateVersion>().is_err(), "{bad}");
        }
    }
}
