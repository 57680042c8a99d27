//! Who may come in: people, their workspaces, and what they sign in with.

pub(crate) mod api_keys;
pub(crate) mod device_logins;
pub(crate) mod makers;
pub(crate) mod sessions;
pub(crate) mod sign_in_links;
pub(crate) mod users;
pub(crate) mod workspaces;
