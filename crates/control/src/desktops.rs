//! Desktops as their owners handle them from outside.

pub(crate) mod command;
pub(crate) mod create;
pub(crate) mod growing;
pub(crate) mod list;
pub(crate) mod look;
pub(crate) mod metrics;
pub(crate) mod names;
pub(crate) mod up;
pub(crate) mod update;
