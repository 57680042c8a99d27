//! Becoming the session's user, for good, with what the programs of its session have around them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use rolltop_guest_protocol::SESSION_USER;
use rustix::process::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

use super::accounts::{self, Account};
use super::files::{FileError, Tree};
use super::privilege::Entitled;
use super::programs;
use super::system::Kernel;

/// What sshd and `sudo` put before a person's own.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Lines `NAME=value`: the machine's language, what every login gets, and what every program of the session gets. A later
/// one counts.
const ENVIRONMENT: [&str; 3] = ["etc/default/locale", "etc/environment", "etc/rolltop/session.env"];

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
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

/// Leaves root's rights and any other user's for those of the session's. Only sound before there are other threads.
pub fn become_session_user(_: &Entitled) -> Result<Session, SessionError> {
    let tree = Tree::new(Path::new("/"), &Kernel);
    let account = accounts::named(&tree, SESSION_USER)?.ok_or(SessionError::NoUser)?;
    let groups = tree.read("etc/group")?.unwrap_or_default();
    let groups = groups_of(&String::from_utf8_lossy(&groups), SESSION_USER, account.gid);
    let environment = environment(&tree)?;
    leave_for(&account, &groups).map_err(|error| SessionError::Become(error.into()))?;
    // As that user: what is a link must lead nowhere else.
    let own = programs::folders(&Path::new("/").join(&account.home));
    Ok(session(&account, &environment, &own))
}

/// The number of the session's user.
pub fn session_uid() -> Result<u32, SessionError> {
    let tree = Tree::new(Path::new("/"), &Kernel);
    accounts::uid_of(&tree, SESSION_USER)?.ok_or(SessionError::NoUser)
}

fn environment(tree: &Tree<'_>) -> Result<String, FileError> {
    let mut lines = String::new();
    for file in ENVIRONMENT {
        lines.push_str(&String::from_utf8_lossy(&tree.read(file)?.unwrap_or_default()));
        lines.push('\n');
    }
    Ok(lines)
}

fn leave_for(account: &Account, groups: &[u32]) -> rustix::io::Result<()> {
    let (uid, gid) = (Uid::from_raw(account.uid), Gid::from_raw(account.gid));
    let groups: Vec<Gid> = groups.iter().map(|group| Gid::from_raw(*group)).collect();
    set_thread_groups(&groups)?;
    set_thread_res_gid(gid, gid, gid)?;
    set_thread_res_uid(uid, uid, uid)
}

/// `own`: the folders of the person's own programs.
fn session(account: &Account, lines: &str, own: &[PathBuf]) -> Session {
    let home = format!("/{}", account.home);
    let mut environment: BTreeMap<String, String> = lines
        .lines()
        .filter_map(|line| line.trim().split_once('='))
        .filter(|(name, _)| !name.starts_with('#'))
        .map(|(name, value)| (name.to_owned(), value.trim_matches('"').to_owned()))
        .collect();
    // Without one, a program takes every letter beyond ASCII for none.
    environment.entry("LANG".to_owned()).or_insert_with(|| "C.UTF-8".to_owned());
    let own = own.iter().filter_map(|folder| folder.to_str());
    let path = own.chain([PATH]).collect::<Vec<_>>().join(":");
    for (name, value) in [
        ("HOME", home.as_str()),
        ("USER", SESSION_USER),
        ("LOGNAME", SESSION_USER),
        ("SHELL", account.shell.as_str()),
        ("PATH", &path),
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
        let session = session(
            &account,
            "# a comment=x\nDISPLAY=:1\nLANG=\"fr_FR.UTF-8\"\nHOME=/root\n\nnothing\n",
            &[],
        );
        assert_eq!(session.home, PathBuf::from("/home/desk"));
        let of = |name: &str| session.environment.get(name).map(String::as_str);
        assert_eq!(
            (of("DISPLAY"), of("LANG"), of("HOME")),
            (Some(":1"), Some("fr_FR.UTF-8"), Some("/home/desk"))
        );
        assert_eq!(session.environment.len(), 7);
        assert_eq!(of("PATH"), Some(PATH));
    }

    #[test]
    fn a_session_has_the_machines_language_and_the_persons_own_programs_as_a_login_has() {
        let root = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = root.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("etc/environment", "LANG=C.UTF-8\nDISPLAY=:9");
        put("etc/default/locale", "LC_TIME=sv_SE.UTF-8\n");
        put("etc/rolltop/session.env", "DISPLAY=:1\n");
        let account =
            Account { uid: 1000, gid: 1000, home: "home/desk".into(), shell: "/bin/bash".to_owned() };
        let lines = environment(&Tree::new(root.path(), &Kernel)).unwrap();
        let known = session(&account, &lines, &["/home/desk/.local/bin".into()]);
        let of = |name: &str| known.environment.get(name).map(String::as_str);
        let wanted = (Some("C.UTF-8"), Some("sv_SE.UTF-8"), Some(":1"));
        assert_eq!((of("LANG"), of("LC_TIME"), of("DISPLAY")), wanted);
        assert_eq!(known.environment["PATH"], format!("/home/desk/.local/bin:{PATH}"));
        let bare = session(&account, "", &[]);
        assert_eq!(bare.environment["LANG"], "C.UTF-8", "never none");
    }
}
