//! Terminals of a desktop, and the control messages beside their bytes.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Code;
use crate::operation::PathPart;

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

/// Which of a desktop's terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TerminalNumber(pub u32);

impl TerminalNumber {
    pub const MOST: u32 = 32;
}

impl fmt::Display for TerminalNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for TerminalNumber {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let number = text.parse().map_err(drop)?;
        (1..=Self::MOST).contains(&number).then_some(Self(number)).ok_or(())
    }
}

impl PathPart for TerminalNumber {
    const DESCRIPTION: &'static str = "1 to 32.";
    const EXAMPLE: &'static str = "1";
    const MISSING: &'static str = "Terminals have the numbers 1 to 32.";
    const PROBLEM: Code = Code::NoSuchTerminal;
    const LEAST: Option<u32> = Some(0);
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

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::{TerminalEntry, TerminalList, TerminalNumber, TerminalQuery};
    use crate::operation::{CONTROL, operations};

    operations! {
        /// The terminals
        ///
        /// Those that are there, whether anybody looks at them or not. They go on until their shell ends,
        /// they are closed, or the desktop stops.
        ListTerminals as terminals -> [TerminalEntry]: GET "/v1/desktops/{id}/terminals" {
            tag: "inside",
            access: CONTROL,
            path: DesktopId,
            reply: 200 "By number." TerminalList,
            errors: [NotFound, NotRunning, NoTerminal, DesktopUnreachable],
        }

        /// Close a terminal
        ///
        /// Ends its shell and what runs in it. Fine if it is not there.
        CloseTerminal as close_terminal: DELETE "/v1/desktops/{id}/terminals/{number}" {
            tag: "inside",
            access: CONTROL,
            path: (DesktopId, TerminalNumber),
            reply: 204 "It is not there any more.",
            errors: [NotFound, NoSuchTerminal, NotRunning, NoTerminal, DesktopUnreachable],
        }

        /// A terminal
        ///
        /// A WebSocket (HTTP/1.1 upgrade) with subprotocol `rolltop.terminal.1`. Binary messages carry what
        /// is typed and what is shown (UTF-8, as xterm understands it), cut anywhere. Text messages are JSON; to the
        /// server: `{"drawn": 4096}` says that so many more bytes have been drawn, without which no
        /// more than 256 KiB come; `{"ping": 7}` is answered with the text `{"pong":7}`; `{"resize": {"columns": 80, "rows": 24}}`;
        /// `{"search": "text"}` scrolls back to where a text was shown last, and is answered with `{"found":true}` or
        /// `{"found":false}`. The terminal is made if it is not
        /// there, goes on when the WebSocket closes, and is shared by all who open the same number. It is
        /// closed with 1000 once its shell has ended.
        OpenTerminal: GET "/v1/desktops/{id}/terminals/{number}" {
            tag: "inside",
            access: CONTROL,
            path: (DesktopId, TerminalNumber),
            query: TerminalQuery,
            websocket: crate::TERMINAL_PROTOCOL,
            reply: 101 "The WebSocket is open.",
            errors: [
                NotFound, NoSuchTerminal, NotRunning, NoTerminal, WebsocketRequired, RateLimited,
                TooManyViewers, DesktopUnreachable,
            ],
        }
    }
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
