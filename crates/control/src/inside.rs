//! Looking and going inside a running desktop, through its door. Every time is logged for its owner.

pub(crate) mod end;
pub(crate) mod enter;
pub(crate) mod exec;
pub(crate) mod files;
pub(crate) mod logins;
pub(crate) mod mend;
pub(crate) mod notes;
pub(crate) mod ports;
pub(crate) mod screen;
pub(crate) mod screen_input;
pub(crate) mod screen_output;
pub(crate) mod screen_size;
pub(crate) mod screenshot;
pub(crate) mod terminal;
pub(crate) mod uses;
pub(crate) mod viewers;
