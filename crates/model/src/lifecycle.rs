//! What becomes of a desktop: its states, and the pure decision of what to do next.
//!
//! ```text
//!             ┌──────────── retry ───────────────┐
//!             ▼                                  │
//! create ─► pending ─► booting ─► running ──► failed(reason)
//!             ▲           ▲          │ ▲          ▲
//!             │           └── died ──┤ │          │ from anywhere
//!             ├─ start ── stopped ◄──┤
//!             └─ resume ─ suspended ◄┘
//!
//!  delete, from anywhere ─► destroying ─► destroyed (final; the row is gone)
//! ```
//!
//! A [`Record`] says what is wanted and what was last known; an [`Observation`] says what the
//! engine holds. [`next_step`] compares them. The observation wins wherever they disagree.
//! Deliberately absent: I/O, clocks, databases, how a step is carried out.

mod change;
mod decide;
mod record;
mod state;
#[cfg(test)]
mod tests;

pub use change::{Command, Refusal};
pub use decide::{Step, next_step};
pub(crate) use record::after;
pub use record::{Limits, MachineView, Observation, OffWhy, PowerView, Record};
pub use state::{Desired, DesktopState, FailReason, StopReason, UnknownState};
