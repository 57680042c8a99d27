//! What pages are made of: one function per component, with all its states.

pub(crate) mod control;
pub(crate) mod desktop;
pub(crate) mod dialog;
pub(crate) mod files;
mod icon;
pub(crate) mod layout;
pub(crate) mod scopes;
pub(crate) mod size;
pub(crate) mod steps;
pub(crate) mod table;
pub(crate) mod terminals;
pub(crate) mod time;
pub(crate) mod toast;
pub(crate) mod usage;

pub(crate) use icon::{Icon, icon, icon_with, large_icon, mark};
