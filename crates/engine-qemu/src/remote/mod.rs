//! Any [`Engine`](rolltop_engine::Engine) over a unix socket: [`serve`] on the host's side,
//! [`HostClient`] on the api's.
//!
//! One request per connection: the client writes one line of JSON (`{"op":…,"args":…}`), the
//! server answers with one line (`{"ok":…}` or `{"error":…}`) and closes. The answer to
//! `connect` carries the connected socket itself as a passed file descriptor, so the bytes of
//! a desktop's door never go through the host process.
//!
//! Invariants: only the listed user ids are heard (`SO_PEERCRED`); a request is limited in
//! size and in the time it may take to arrive; an operation that has begun is carried through
//! even if its client goes away, because half of a fork is worse than a whole one.
//!
//! Deliberately absent: users, fences (the engine's), retries (the reconciler's).

mod client;
mod descriptor;
mod server;
mod wire;

pub use client::HostClient;
pub use server::serve;

#[cfg(test)]
mod tests;
