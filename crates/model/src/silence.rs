//! That a desktop runs and nothing in it answers, and what is known of why.

use jiff::Timestamp;

/// What keeps everything in it from answering. The codes are stable and part of the API.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SilenceCause {
    /// Its machine does nothing, as the host sees.
    Halted,
    /// Its processors are fully busy, as the host sees.
    Processors,
    /// By its own account it has as many processes as it can.
    Processes,
    /// By its own account it has next to no memory left.
    Memory,
    /// Nothing is known.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Silence {
    pub since: Timestamp,
    pub cause: SilenceCause,
}

impl SilenceCause {
    pub const ALL: [SilenceCause; 5] = [
        SilenceCause::Halted,
        SilenceCause::Processors,
        SilenceCause::Processes,
        SilenceCause::Memory,
        SilenceCause::Unknown,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            SilenceCause::Halted => "halted",
            SilenceCause::Processors => "processors",
            SilenceCause::Processes => "processes",
            SilenceCause::Memory => "memory",
            SilenceCause::Unknown => "unknown",
        }
    }

    /// What happened and what to do, for people.
    pub const fn sentence(self) -> &'static str {
        match self {
            SilenceCause::Halted => {
                "It does not answer, because its machine does nothing: it hangs, or was halted. Restart it to boot from its disk."
            }
            SilenceCause::Processors => {
                "It does not answer, because its processors are fully busy. End what runs in it; where that is not possible, restart it."
            }
            SilenceCause::Processes => {
                "It does not answer, because it has as many processes as it can. End what runs in it; where that is not possible, restart it."
            }
            SilenceCause::Memory => {
                "It does not answer, because it is out of memory. End what runs in it; where that is not possible, restart it."
            }
            SilenceCause::Unknown => {
                "Its machine runs, but nothing in it answers. End what runs in it; where that is not possible, restart it."
            }
        }
    }
}
