//! One module per page. A page asks the API, and puts components together.

pub(crate) mod actions;
mod api_key_form;
pub(crate) mod api_keys;
pub(crate) mod bulk;
pub(crate) mod copies;
pub(crate) mod desktop;
mod desktop_failed;
mod desktop_panel;
pub(crate) mod desktop_ports;
pub(crate) mod desktop_schedule;
pub(crate) mod desktop_setup;
pub(crate) mod desktop_size;
pub(crate) mod desktop_sleep;
mod desktop_ssh;
pub(crate) mod desktop_usage;
pub(crate) mod desktops;
pub(crate) mod device;
pub(crate) mod docs;
pub(crate) mod docs_reference;
pub(crate) mod host;
mod keys;
pub(crate) mod new_desktop;
pub(crate) mod palette;
pub(crate) mod password;
pub(crate) mod problem;
pub(crate) mod sign_in;
pub(crate) mod snapshots;
pub(crate) mod ssh_keys;
pub(crate) mod templates;
pub(crate) mod welcome;

use axum::response::Redirect;

use crate::assets;
use crate::failure::Failure;

pub(crate) async fn home() -> Redirect {
    Redirect::to("/desktops")
}

/// For browsers that ask for it unasked.
pub(crate) async fn favicon() -> Redirect {
    Redirect::permanent(&assets::address("favicon.svg"))
}

pub(crate) async fn no_such_page() -> Failure {
    Failure::NotFound
}
