//! Real machines on this host. Needs root, QEMU and built templates: directories of them are named by
//! `ROLLTOP_SMALL_TEMPLATES` and `ROLLTOP_TEST_TEMPLATES`; `cargo test -p rolltop-vm-tests --features vm-tests --test vm`.
//!
//! The template comes with its bake of size S; a copy is kept under `target/vm-tests`. Tests
//! take turns: each opens the engine anew, and so takes over what the one before left.

// `cfg(test)` so that the lints know: unwrapping is fine here.
#[cfg(test)]
mod busy;
#[cfg(test)]
mod clock;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod full_disk;
#[cfg(test)]
mod host;
#[cfg(test)]
mod isolation;
#[cfg(test)]
mod layers;
#[cfg(test)]
mod life;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod secrecy;
#[cfg(test)]
mod suspend;
