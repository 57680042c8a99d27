//! Looking at a desktop: its screen, pictures of it, its console.

use serde::{Deserialize, Serialize};
use utoipa::IntoParams;

/// How large a picture is to be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ScreenshotQuery {
    /// Pixels, 64 to 1920; by default 480. The height follows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[param(minimum = 64, maximum = 1920, example = 480)]
    pub width: Option<u16>,
}

/// What can be asked.
pub mod op {
    use rolltop_model::DesktopId;

    use super::ScreenshotQuery;
    use crate::WakeQuery;
    use crate::operation::{CONTROL, operations};

    operations! {
        /// The live screen
        ///
        /// A WebSocket (HTTP/1.1 upgrade) with subprotocol `binary`: binary messages carry RFB 3.8 bytes both
        /// ways, cut anywhere; the server begins with its version. Security type None: who gets here may see it.
        /// A text message `{"ping": 7}` is answered with the text `{"pong":7}`, in its turn among what is drawn.
        /// A suspended desktop is resumed for it. A size (`SetDesktopSize`) is passed on for whoever pressed a key or button last, kept
        /// for others until they do, and left out where its picture would take more than a sixteenth of the desktop's memory, or the
        /// desktop's `screen` is a size that it keeps.
        /// Closing names the cause: 1000 with what became of the desktop or of the way to it,
        /// 4000 when the program that draws the screen has ended and is being started again, 4001 when it says what none may: a
        /// picture larger than its place, a name of megabytes, an encoding that was not offered. Encodings are Raw, CopyRect, Tight and
        /// ZRLE; others that a viewer asks for are not offered to the server.
        OpenScreen: GET "/v1/desktops/{id}/screen" {
            tag: "inside",
            access: CONTROL,
            path: DesktopId,
            query: WakeQuery,
            websocket: crate::SCREEN_PROTOCOL,
            reply: 101 "The WebSocket is open.",
            errors: [
                NotFound, NotRunning, WebsocketRequired, RateLimited, TooManyAtOnce,
                DesktopUnreachable,
            ],
        }

        /// A picture of the screen
        ///
        /// At most a few seconds old.
        GetScreenshot: GET "/v1/desktops/{id}/screenshot" {
            tag: "inside",
            access: CONTROL,
            path: DesktopId,
            query: ScreenshotQuery,
            reply: 200 "A JPEG." as "image/jpeg",
            errors: [NotFound, NotRunning, DesktopUnreachable],
        }

        /// The console's end
        ///
        /// The last 64 KiB at most of what the guest wrote on its serial console, as plain text; empty
        /// where there is no machine.
        GetConsole: GET "/v1/desktops/{id}/console" {
            tag: "inside",
            access: CONTROL,
            path: DesktopId,
            reply: 200 "Plain text." as "text/plain",
            errors: [NotFound],
        }
    }
}
