//! What the host's disk holds, whose it is, and what machines may still write.

pub(crate) mod quota;
pub(crate) mod room;
