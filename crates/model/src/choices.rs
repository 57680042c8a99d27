//! What the owner of a desktop chose for it, beyond its name, template and size, and what desktops are found by.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::screen_size::ScreenSize;
use crate::size::Size;

/// One value, which all that makes, keeps, shows, forks or exports desktops passes on whole: one choice more is a field of
/// this, and of what the API is asked for. Kept and exported as JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Choices {
    /// The size that its screen keeps, in pixels. Absent where it follows whoever drives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<String>, example = "1280x800"))]
    pub screen: Option<ScreenSize>,
}

impl Choices {
    /// As far as a desktop of that size can have them: for what came from elsewhere.
    #[must_use]
    pub fn within(self, size: Size) -> Self {
        Self { screen: self.screen.filter(|screen| screen.fits(size)) }
    }
}

/// What is looked for among desktops.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesktopFilter {
    /// A state's name.
    pub state: Option<&'static str>,
    /// Part of a name, in small letters.
    pub text: Option<String>,
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

    #[test]
    fn they_are_read_as_they_are_written() {
        let screen = Some("1280x800".parse().unwrap());
        for choices in [Choices::default(), Choices { screen, ..Choices::default() }] {
            assert_eq!(choices.to_string().parse::<Choices>().unwrap(), choices);
        }
        assert_eq!(Choices::default().to_string(), "{}");
        assert!(r#"{"screen":"12"}"#.parse::<Choices>().is_err());
    }

    #[test]
    fn a_screen_from_elsewhere_that_takes_too_much_memory_is_left_out() {
        let huge = Choices { screen: Some(ScreenSize { width: 8192, height: 8192 }), ..Choices::default() };
        assert_eq!(huge.clone().within(Size::S), Choices::default());
        let fits = Choices { screen: Some("1280x800".parse().unwrap()), ..Choices::default() };
        assert_eq!(fits.clone().within(Size::S), fits);
    }
}
