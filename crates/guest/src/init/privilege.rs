//! Who may personalise a desktop, and letting go of rights that are not needed.
//!
//! Templates may install this program setuid root: then the door's user runs it directly, which
//! saves an emulated desktop the second that a cold `sudo` takes. That user is root's equal
//! anyway (it may run anything by sudo); everyone else gets no more than they had.

use std::path::Path;

use rustix::process::{Uid, getegid, geteuid, getgid, getuid};
use rustix::thread::{set_thread_res_gid, set_thread_res_uid};

use rolltop_guest_protocol::DOOR_USER;

use super::accounts;
use super::files::{FileError, Tree};
use super::system::Kernel;

#[derive(Debug, thiserror::Error)]
pub enum PrivilegeError {
    #[error("only root and the door's user may do this")]
    Refused,
    #[error("the door's user could not be looked up")]
    Lookup(#[from] FileError),
}

/// That root's rights are there, and rightly so. Only [`may_initialise`] makes one.
#[derive(Debug)]
pub struct Entitled {
    /// The door's user, where there is one.
    pub door: Option<u32>,
}

/// Whether the caller may run `init`.
pub fn may_initialise(tree: &Tree<'_>) -> Result<Entitled, PrivilegeError> {
    let door = accounts::uid_of(tree, DOOR_USER)?;
    if is_entitled(getuid(), geteuid(), door) { Ok(Entitled { door }) } else { Err(PrivilegeError::Refused) }
}

/// The same for the machine this runs in.
pub fn may_initialise_here() -> Result<Entitled, PrivilegeError> {
    may_initialise(&Tree::new(Path::new("/"), &Kernel))
}

fn is_entitled(real: Uid, effective: Uid, door: Option<u32>) -> bool {
    effective.is_root() && (real.is_root() || door == Some(real.as_raw()))
}

/// Gives up what a setuid bit has lent, for good. Only sound before there are other threads.
pub fn drop_lent_rights() -> std::io::Result<()> {
    let (uid, gid) = (getuid(), getgid());
    if getegid() != gid {
        set_thread_res_gid(gid, gid, gid)?;
    }
    if geteuid() != uid {
        set_thread_res_uid(uid, uid, uid)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lent_rights_are_for_the_doors_user_alone() {
        let (root, door, desk) = (Uid::ROOT, Uid::from_raw(990), Uid::from_raw(1000));
        assert!(is_entitled(root, root, None), "by sudo");
        assert!(is_entitled(door, root, Some(990)), "by the setuid bit");
        assert!(!is_entitled(desk, root, Some(990)));
        assert!(!is_entitled(door, root, None));
        assert!(!is_entitled(door, door, Some(990)), "without the bit");
    }

    #[test]
    fn without_lent_rights_there_is_nothing_to_drop() {
        let before = (getuid(), geteuid());
        drop_lent_rights().unwrap();
        assert_eq!((getuid(), geteuid()), before);
    }
}
