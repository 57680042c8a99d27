//! Terminals of a desktop, and the control messages beside their bytes.

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A terminal that is there, whether anybody looks at it or not.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TerminalEntry {
    /// 1 to 32.
    #[schema(example = 1)]
    pub number: u32,
    /// How many look at it now.
    #[schema(example = 1)]
    pub viewers: u32,
    /// The program that runs in it; the desktop says so.
    #[schema(example = "bash")]
    pub program: String,
}

/// Those that are there, by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TerminalList {
    pub items: Vec<TerminalEntry>,
}

/// How large a viewer's window is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TerminalQuery {
    /// Characters in a line; 80 by default.
    #[serde(default = "columns")]
    #[param(default = 80, example = 80)]
    pub columns: u16,
    /// Lines; 24 by default.
    #[serde(default = "rows")]
    #[param(default = 24, example = 24)]
    pub rows: u16,
    /// Whether a suspended desktop is resumed for it, and waited for; otherwise it is `not_running`.
    #[serde(default = "crate::sleep::yes")]
    #[param(default = true, example = true)]
    pub wake: bool,
}

const fn columns() -> u16 {
    80
}

const fn rows() -> u16 {
    24
}

/// What a viewer says in a text message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum TerminalControl {
    /// So many more bytes have been drawn. No more than 256 KiB are sent beyond what has been.
    Drawn(u64),
    /// The window has another size.
    Resize(ResizeTerminal),
    /// Show where this was shown last; of up to 200 characters.
    Search(String),
    /// Say this number back, as `{"pong": 7}`, so that the viewer knows that it is heard.
    Ping(u32),
}

/// What a viewer says in a text message on a screen, which else knows only bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ScreenControl {
    /// Say this number back, as `{"pong": 7}`.
    Ping(u32),
}

/// What a viewer of a screen or terminal is told in a text message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ViewerAnswer {
    Pong(u32),
    /// Whether what it searched for was shown.
    Found(bool),
}

impl ViewerAnswer {
    /// As it goes over the wire.
    pub fn to_text(&self) -> String {
        match self {
            Self::Pong(number) => format!(r#"{{"pong":{number}}}"#),
            Self::Found(found) => format!(r#"{{"found":{found}}}"#),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizeTerminal {
    pub columns: u16,
    pub rows: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_is_written_as_documented() {
        let text = |control| serde_json::to_string(&control).unwrap();
        assert_eq!(text(TerminalControl::Drawn(7)), r#"{"drawn":7}"#);
        let resize = TerminalControl::Resize(ResizeTerminal { columns: 80, rows: 24 });
        assert_eq!(text(resize), r#"{"resize":{"columns":80,"rows":24}}"#);
        assert!(serde_json::from_str::<TerminalControl>(r#"{"drawn":-1}"#).is_err());
        assert_eq!(ViewerAnswer::Found(true).to_text(), r#"{"found":true}"#);
    }
}
