//! Giving a desktop its identity, or refreshing it. What its owner has made of the session user's home never stops that.
//!
//! ```text
//!  request ─checked─► entropy ─► clock ─► same desktop as recorded?
//!                                             │ no: new host key, machine-id; others' secrets removed
//!                                             ▼
//!                    files written aside, the record among them
//!                                             ▼
//!                    renamed into place ─► sshd reloads (where it has not that host key) ─► record renamed ─► sync
//! ```
//!
//! The record comes last in the order of renames, which journals keep, and after sshd knows its
//! new key. So a run cut short anywhere is done again from the start by the next one. A run with the desktop that is recorded keeps the host
//! key and the machine-id and refreshes the rest. The SSH connection this runs on stays open.

mod accounts;
mod connections;
mod entropy;
mod files;
mod identity;
mod keys;
mod names;
mod privilege;
mod programs;
mod request;
mod session;
mod system;

use std::io::Read;
use std::path::Path;
use std::time::Instant;

use rolltop_guest_protocol::{InitReply, InitStep, SESSION_USER};

pub use accounts::AccountError;
pub use files::FileError;
pub use identity::IdentityError;
pub use keys::run_keys_here;
pub use privilege::{Entitled, PrivilegeError, drop_lent_rights, may_initialise_here};
pub use request::RequestError;
pub use session::{Session, SessionError, become_session_user, session_uid};
pub use system::{Kernel, System};

use files::{Permissions, Tree};
use identity::Identity;
use request::Personal;

#[derive(Debug, thiserror::Error)]
pub enum InitError {
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    #[error("the request is not valid")]
    Request(#[from] RequestError),
    #[error("a file could not be replaced")]
    File(#[from] FileError),
    #[error("an account could not be given its keys")]
    Account(#[from] AccountError),
    #[error("the desktop's identity could not be made")]
    Identity(#[from] IdentityError),
    #[error("the kernel would not {0}")]
    System(&'static str, #[source] std::io::Error),
}

/// Runs one request against the machine itself, if the caller may.
pub fn run_here(input: impl Read) -> Result<InitReply, InitError> {
    let root = Path::new("/");
    privilege::may_initialise(&Tree::new(root, &Kernel))?;
    run(input, root, &Kernel)
}

/// Runs one request against the tree under `root`.
fn run(input: impl Read, root: &Path, system: &impl System) -> Result<InitReply, InitError> {
    let mut steps = Steps::new();
    let personal = Personal::read(input)?;
    steps.done("read");

    system.add_entropy(&personal.entropy).map_err(|e| InitError::System("take the entropy", e))?;
    steps.done("entropy");
    system.set_clock(personal.unix_time_ns).map_err(|e| InitError::System("set its clock", e))?;
    steps.done("clock");
    if personal.resumed {
        // Without it they are noticed too, by whoever next sends something.
        let ended = system.end_connections();
        steps.done(if ended.is_ok() { "connections" } else { "connections not ended" });
    }

    let tree = Tree::new(root, system);
    let kept = Identity::recorded(&tree, &personal.desktop);
    let renewed = kept.is_none();
    let mut staged = tree.stage();
    let identity = match kept {
        Some(identity) => identity,
        None => Identity::renew(&personal.desktop, &tree, &mut staged, system)?,
    };
    steps.done(if renewed { "identity" } else { "identity kept" });

    accounts::authorize_door(&tree, &mut staged, &personal.door_public_key)?;
    // The home is its owner's, who may have made of it what they like: the desktop runs all the same.
    let mut left_undone = Vec::new();
    let mut of_people = tree.stage();
    let authorized = accounts::authorize(&tree, &mut of_people, SESSION_USER, &personal.authorized_keys);
    if let Err(error) = authorized.and_then(|()| Ok(staged.place_of(of_people)?)) {
        left_undone.push(format!("people's SSH keys were not installed: {}", crate::told(&error)));
    }
    // Each for itself: whoever made one of the files immutable wants to enter all the same.
    let (mut hostname, mut hosts, mut zone) = (tree.stage(), tree.stage(), tree.stage());
    let wanted = [
        names::stage_hostname(&mut hostname, &personal.hostname),
        names::stage_hosts(&tree, &mut hosts, &personal.hostname),
        names::stage_zone(&tree, &mut zone, personal.timezone.as_deref()),
    ];
    for (wanted, of_names) in wanted.into_iter().zip([hostname, hosts, zone]) {
        if let Err(error) = wanted.and_then(|()| staged.place_of(of_names)) {
            left_undone
                .push(format!("the desktop's name or zone was not written down: {}", crate::told(&error)));
        }
    }
    if renewed {
        staged.replace("var/lib/rolltop", "identity.json", &identity.record()?, Permissions::root(0o600))?;
    }
    steps.done("write");

    system.set_hostname(&personal.hostname).map_err(|e| InitError::System("take its name", e))?;
    if renewed {
        staged.place_all_but_last()?;
        identity::remove_what_was_anothers(&tree)?;
    }
    // Its owner may have made another key that sshd, which runs on, has not read.
    let is_shown = personal.host_key_shown.is_none_or(|shown| shown == identity.host_public_key);
    let mut reloaded = false;
    if renewed || !is_shown {
        match system.reload_sshd() {
            Ok(()) => reloaded = true,
            Err(error) if renewed => return Err(InitError::System("have sshd reload", error)),
            Err(error) => left_undone.push(format!("sshd did not read its new key: {}", crate::told(&error))),
        }
        steps.done("reload");
    }
    if let Err(error) = staged.finish() {
        // What is recorded must be durable, or the next run would take it for done.
        identity::forget(&tree)?;
        return Err(error.into());
    }
    steps.done("sync");
    let host_public_key = identity.host_public_key;
    Ok(InitReply { host_public_key, renewed, reloaded, steps: steps.taken, left_undone })
}

/// What took how long.
struct Steps {
    since: Instant,
    taken: Vec<InitStep>,
}

impl Steps {
    fn new() -> Self {
        Self { since: Instant::now(), taken: Vec::new() }
    }

    /// The time since the last step was spent on this one. Measured by the monotonic clock,
    /// which setting the other one doesn't touch.
    fn done(&mut self, name: &str) {
        let now = Instant::now();
        let ms = u64::try_from(now.duration_since(self.since).as_millis()).unwrap_or(u64::MAX);
        self.since = now;
        self.taken.push(InitStep { name: name.to_owned(), ms });
    }
}

#[cfg(test)]
mod tests;
