//! Who people are: links, passwords, sessions, keys.

pub(crate) mod api_keys;
pub(crate) mod authenticate;
pub(crate) mod device;
pub(crate) mod guard;
pub(crate) mod limiter;
pub(crate) mod password;
pub(crate) mod sign_in;
