//! Desktops. The owner's wishes and the reconciler's findings are in one row but come from two
//! sides, so each is guarded: a wish raises `revision`, and a finding is written only if the
//! revision it was decided on still stands; the reconciler also holds a lease, whose `fence`
//! rises each time it changes hands, and writes nothing under an old fence.

mod authorized;
mod change;
mod create;
mod identity;
mod lease;
mod list;
pub(crate) mod receipts;
pub(crate) mod row;
pub(crate) mod steps;
pub(crate) mod usage;

pub(crate) use authorized::have_keys_delivered;
pub use change::{ChangeError, DesktopChange, UpdateDesktopError};
pub(crate) use change::{goes_on, note_of, tell_of, used};
pub use create::{CreateDesktopError, Created, NewDesktop};
pub(crate) use create::{insert, replayed};
pub use identity::Identity;
pub use list::{ListQuery, Standing};
pub use row::Desktop;
pub(crate) use row::{ActiveModel, Column, Entity, Model, alive, event_data, record};
