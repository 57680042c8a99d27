//! Desktops as their owners handle them from outside.

mod command;
mod create;
mod list;
mod look;
mod names;
mod resize;
mod sleep;
mod wake;

pub use command::{CommandError, RenameError};
pub use create::CreateError;
pub use resize::{Resize, ResizeError};
pub use sleep::{HoldError, SettingError};
pub(crate) use wake::{Starting, WakeError};
