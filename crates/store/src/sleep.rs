//! When desktops sleep, and what keeps them awake.

pub(crate) mod holds;
pub(crate) mod policies;
