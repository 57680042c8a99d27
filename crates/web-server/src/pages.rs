//! What people see. A page asks the API, and puts components together; each folder has its own routes.

pub(crate) mod account;
pub(crate) mod desktops;
pub(crate) mod docs;
pub(crate) mod host;
pub(crate) mod palette;
pub(crate) mod problem;
pub(crate) mod snapshots;
pub(crate) mod templates;
