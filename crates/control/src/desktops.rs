//! Desktops as their owners handle them from outside.

mod command;
mod create;
mod list;
mod look;
mod names;

pub use command::{CommandError, RenameError};
pub use create::{CreateDesktop, CreateError};
pub use list::ListFilter;
