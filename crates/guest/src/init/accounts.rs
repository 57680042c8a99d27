//! Who may log in: `authorized_keys` of one account, replaced as a whole.

use std::path::Path;

use rolltop_guest_protocol::DOOR_USER;
use rustix::fs::Mode;
use rustix::io::Errno;

use super::files::{FileError, Permissions, Staged, Tree, directory_flags};

/// For whoever edits the file. It is also never empty, and so has a block that keys can be put into on a full disk.
const NOTE: &str = "# Rolltop writes this file: keys are added and removed on its page Keys.";
const SSHD_CONFIG: &str = "etc/ssh/sshd_config.d/10-rolltop.conf";
/// A file for each user who has keys outside of their home.
const OUTSIDE_HOMES: &str = "etc/ssh/authorized_keys.d";

#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("there is no user {0}")]
    Unknown(String),
    #[error(transparent)]
    File(#[from] FileError),
}

/// One line of `/etc/passwd`, as far as it matters here.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Account {
    pub uid: u32,
    pub gid: u32,
    /// Without the leading slash.
    pub home: String,
    pub shell: String,
}

/// Wants exactly the platform's key to be able to log in as the door's user.
///
/// Newer templates have sshd look outside of all homes, where nobody tidies up. What sshd is told decides.
pub fn authorize_door(tree: &Tree<'_>, staged: &mut Staged<'_>, key: &str) -> Result<(), AccountError> {
    let told = tree.read(SSHD_CONFIG)?.unwrap_or_default();
    if !String::from_utf8_lossy(&told).contains(OUTSIDE_HOMES) {
        return authorize(tree, staged, DOOR_USER, &[key.to_owned()]);
    }
    // sshd reads it as that user.
    let text = format!("{key}\n");
    Ok(staged.replace(OUTSIDE_HOMES, DOOR_USER, text.as_bytes(), Permissions::root(0o644))?)
}

/// Wants exactly `keys` to be able to log in as `user`.
pub fn authorize(
    tree: &Tree<'_>,
    staged: &mut Staged<'_>,
    user: &str,
    keys: &[String],
) -> Result<(), AccountError> {
    let account = named(tree, user)?.ok_or_else(|| AccountError::Unknown(user.to_owned()))?;
    let path = tree.at(&account.home).join(".ssh");
    let directory = open_own(tree, &account, &path)?;
    let text: String =
        std::iter::once(NOTE).chain(keys.iter().map(String::as_str)).flat_map(|l| [l, "\n"]).collect();
    let permissions = Permissions { mode: 0o600, uid: account.uid, gid: account.gid };
    let file = path.join("authorized_keys");
    Ok(staged.replace_in(directory, file, "authorized_keys", text.as_bytes(), permissions)?)
}

/// The number of a user, if there is one of that name.
pub fn uid_of(tree: &Tree<'_>, user: &str) -> Result<Option<u32>, FileError> {
    Ok(named(tree, user)?.map(|account| account.uid))
}

/// The account of that name, if there is one.
pub(super) fn named(tree: &Tree<'_>, user: &str) -> Result<Option<Account>, FileError> {
    let passwd = tree.read("etc/passwd")?.unwrap_or_default();
    Ok(find(&String::from_utf8_lossy(&passwd), user))
}

/// `~/.ssh`, made if missing. The account owns its home, so a link there is not followed.
fn open_own(tree: &Tree<'_>, account: &Account, path: &Path) -> Result<std::os::fd::OwnedFd, FileError> {
    let told = |error: Errno| FileError::new(path, error);
    let home = rustix::fs::open(tree.at(&account.home), directory_flags(), Mode::empty()).map_err(told)?;
    let made = match rustix::fs::mkdirat(&home, ".ssh", Mode::from_raw_mode(0o700)) {
        Ok(()) => true,
        Err(Errno::EXIST) => false,
        Err(error) => return Err(told(error)),
    };
    let directory = rustix::fs::openat(&home, ".ssh", directory_flags(), Mode::empty()).map_err(told)?;
    if made {
        use std::os::fd::AsFd;
        tree.system
            .give(directory.as_fd(), account.uid, account.gid)
            .map_err(|error| FileError::new(path, error))?;
    }
    Ok(directory)
}

fn find(passwd: &str, user: &str) -> Option<Account> {
    passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        match fields.as_slice() {
            [name, _, uid, gid, _, home, shell] if *name == user => Some(Account {
                uid: uid.parse().ok()?,
                gid: gid.parse().ok()?,
                home: home.strip_prefix('/')?.to_owned(),
                shell: (*shell).to_owned(),
            }),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_is_found_by_its_whole_name() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nrolltop2:x:5:5::/a:/b\nrolltop:x:999:998::/home/rolltop:/bin/sh\n";
        let account =
            Account { uid: 999, gid: 998, home: "home/rolltop".into(), shell: "/bin/sh".to_owned() };
        assert_eq!(find(passwd, "rolltop"), Some(account));
        assert_eq!(find(passwd, "desk"), None);
        assert_eq!(find("desk:x:1000", "desk"), None);
    }
}
