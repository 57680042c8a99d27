//! What the jump host says to people, each one line.

use rolltop_admission::Refused;
use rolltop_api_types::{ClientError, Code};
use russh::ChannelOpenFailure;

use crate::target::NoTarget;

/// To somebody who asks for a shell here.
pub(crate) const NO_SHELL: &str = "You are known here, but this is the way in, not a desktop. Enter one with:  ssh -J rolltop@THIS-HOST:PORT desk@NAME";
/// To somebody who wants a command run or files copied here, such as ssh-copy-id.
pub(crate) const NO_COMMAND: &str = "Nothing runs on the jump host and no keys are copied to it: add a key on the page Keys, then enter with  ssh -J rolltop@THIS-HOST:PORT desk@NAME";
/// For every kind of channel but the one there is.
pub(crate) const ONLY_DESKTOPS: &str = "this jump host leads to desktops only: NAME:22";
pub(crate) const TOO_MANY_CHANNELS: &str = "too many channels on one connection; open another one";
/// On hanging up.
pub(crate) const KEY_REMOVED: &str = "This key was removed from Rolltop.";
pub(crate) const TOO_SLOW: &str = "Nobody has logged in.";
pub(crate) const FULL: &str = "The jump host has too many connections; try again in a moment.";
pub(crate) const TOO_MANY_HERE: &str =
    "There are too many connections from your address to the jump host; close some, or try again later.";
pub(crate) const STOPPING: &str = "The jump host stops; connect again shortly.";

/// SSH's numbers for why a channel was not opened.
const PROHIBITED: u32 = 1;
const CONNECT_FAILED: u32 = 2;
const SHORTAGE: u32 = 4;

pub(crate) fn prohibited() -> ChannelOpenFailure {
    ChannelOpenFailure::Other { code: PROHIBITED, reason: ONLY_DESKTOPS.to_owned() }
}

pub(crate) fn no_target(why: NoTarget) -> ChannelOpenFailure {
    let reason = match why {
        NoTarget::Host => ONLY_DESKTOPS.to_owned(),
        NoTarget::Port => {
            "only port 22 of a desktop can be reached from here; for others, forward them inside: ssh -J … -L PORT:localhost:PORT desk@NAME".to_owned()
        }
    };
    ChannelOpenFailure::Other { code: PROHIBITED, reason }
}

/// To somebody who is turned away before anything was said.
pub(crate) fn refused(why: Refused) -> &'static str {
    match why {
        Refused::Network => TOO_MANY_HERE,
        Refused::Full => FULL,
    }
}

pub(crate) fn too_many() -> ChannelOpenFailure {
    ChannelOpenFailure::Other { code: SHORTAGE, reason: TOO_MANY_CHANNELS.to_owned() }
}

/// Why there is no tunnel: the api's own sentence where it has one for the caller.
pub(crate) fn no_tunnel(error: &ClientError) -> ChannelOpenFailure {
    let reason = match error.problem() {
        Some(problem) if problem.code != Code::Internal => problem.detail.clone(),
        Some(_) | None => "Rolltop does not answer at the moment; try again shortly.".to_owned(),
    };
    ChannelOpenFailure::Other { code: CONNECT_FAILED, reason }
}
