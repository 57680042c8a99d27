//! Becoming the session's user, for good, with what the programs of its session have around them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rolltop_guest_protocol::SESSION_USER;
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::accounts::{self, Account};
use super::files::{FileError, Tree};
use super::privilege::{PrivilegeError, may_initialise};
use super::system::Kernel;

/// What sshd and `sudo` put before a person's own.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Lines `NAME=value` that every program of the session gets.
const SESSION_ENVIRONMENT: &str = "etc/rolltop/session.env";

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error(transparent)]
    Privilege(#[from] PrivilegeError),
    #[error("the session's user could not be looked up")]
    Lookup(#[from] FileError),
    #[error("there is no user {SESSION_USER}")]
    NoUser,
    #[error("the session's user could not be become")]
    Become(#[source] std::io::Error),
}

/// Whom a command runs as, and with what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub home: PathBuf,
    pub environment: BTreeMap<String, String>,
}

/// Leaves root's rights, which the caller must be entitled to, and any other user's for those of
/// the session's. Only sound before there are other threads.
pub fn become_session_user() -> Result<Session, SessionError> {
    let tree = Tree::new(Path::new("/"), &Kernel);
    may_initialise(&tree)?;
    let account = accounts::named(&tree, SESSION_USER)?.ok_or(SessionError::NoUser)?;
    let groups = tree.read("etc/group")?.unwrap_or_default();
    let groups = groups_of(&String::from_utf8_lossy(&groups), SESSION_USER, account.gid);
    let environment = tree.read(SESSION_ENVIRONMENT)?.unwrap_or_default();
    leave_for(&account, &groups).map_err(|error| SessionError::Become(error.into()))?;
    Ok(session(&account, &String::from_utf8_lossy(&environment)))
}

fn leave_for(account: &Account, groups: &[u32]) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    let groups: Vec<Gid> = groups.iter().map(|group| Gid::from_raw(*group)).collect();
    set_thread_groups(&groups)?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

fn session(account: &Account, lines: &str) -> Session {
    let home = format!("/{}", account.home);
    let mut environment: BTreeMap<String, String> = lines
        .lines()
        .filter_map(|line| line.trim().split_once('='))
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    for (name, value) in [
        ("HOME", home.as_str()),
        ("USER", SESSION_USER),
        ("LOGNAME", SESSION_USER),
        ("SHELL", account.shell.as_str()),
        ("PATH", PATH),
    ] {
        environment.insert(name.to_owned(), value.to_owned());
    }
    Session { home: home.into(), environment }
}

/// The groups that list a user, and the user's own.
fn groups_of(text: &str, user: &str, own: u32) -> Vec<u32> {
    let listed = text.lines().filter_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            [_, _, gid, members] if members.split(',').any(|member| member == user) => gid.parse().ok(),
            _ => None,
        }
    });
    let mut groups: Vec<u32> = listed.chain([own]).collect();
    groups.sort_unstable();
    groups.dedup();
    groups
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_in_the_groups_that_list_it_and_in_its_own() {
        let text = "root:x:0:\nadm:x:4:sam,desk\nsudo:x:27:desktop\ndesk:x:1000:\nbroken\nvideo:x:44:desk\n";
        assert_eq!(groups_of(text, "desk", 1000), [4, 44, 1000]);
    }

    #[test]
    fn a_session_has_its_own_home_and_what_its_programs_are_given() {
        let account =
            Account { uid: 1000, gid: 1000, home: "home/desk".into(), shell: "/bin/bash".to_owned() };
        let session =
            session(&account, "# a comment=x\nDISPLAY=:1\nLANG=\"C.UTF-8\"\nHOME=/root\n\nnothing\n");
        assert_eq!(session.home, PathBuf::from("/home/desk"));
        let of = |name: &str| session.environment.get(name).map(String::as_str);
        assert_eq!(
            (of("DISPLAY"), of("LANG"), of("HOME")),
            (Some(":1"), Some("C.UTF-8"), Some("/home/desk"))
        );
        assert_eq!(session.environment.len(), 7);
    }
}
