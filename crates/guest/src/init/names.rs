//! The desktop's name and time zone on disk.

use super::files::{FileError, Permissions, Staged, Tree};

/// The address Debian gives a machine's own name.
const OWN_ADDRESS: &str = "127.0.1.1";
/// The template's own name. A session that was baked under it gave its programs an address with
/// this name in it, and X's libraries take that for local only while both names mean one address.
const BAKED_NAME: &str = "desk";

/// Wants the host name.
pub fn stage_hostname(staged: &mut Staged<'_>, hostname: &str) -> Result<(), FileError> {
    staged.replace("etc", "hostname", format!("{hostname}\n").as_bytes(), Permissions::root(0o644))
}

/// Wants the host name among the addresses: `sudo` looks for it there.
pub fn stage_hosts(tree: &Tree<'_>, staged: &mut Staged<'_>, hostname: &str) -> Result<(), FileError> {
    let hosts = tree.read("etc/hosts")?.unwrap_or_default();
    let hosts = with_own_name(&String::from_utf8_lossy(&hosts), hostname);
    staged.replace("etc", "hosts", hosts.as_bytes(), Permissions::root(0o644))
}

/// Wants the time zone. One that this template's database lacks leaves the desktop in the one it has.
pub fn stage_zone(tree: &Tree<'_>, staged: &mut Staged<'_>, timezone: Option<&str>) -> Result<(), FileError> {
    if let Some(zone) = timezone.filter(|zone| tree.at(&format!("usr/share/zoneinfo/{zone}")).is_file()) {
        staged.link("etc", "localtime", &format!("/usr/share/zoneinfo/{zone}"))?;
        staged.replace("etc", "timezone", format!("{zone}\n").as_bytes(), Permissions::root(0o644))?;
    }
    Ok(())
}

/// The hosts file with the machine's own name replaced, everything else as it was.
fn with_own_name(hosts: &str, hostname: &str) -> String {
    let own = match hostname {
        BAKED_NAME => format!("{OWN_ADDRESS}\t{hostname}"),
        _ => format!("{OWN_ADDRESS}\t{hostname} {BAKED_NAME}"),
    };
    let is_own = |line: &&str| line.split_whitespace().next() == Some(OWN_ADDRESS);
    let mut lines: Vec<&str> = hosts.lines().filter(|line| !is_own(line)).collect();
    let place = hosts.lines().position(|line| is_own(&line)).unwrap_or(lines.len());
    lines.insert(place.min(lines.len()), &own);
    lines.join("\n") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_own_name_changes_in_the_hosts_file() {
        let before = "127.0.0.1\tlocalhost\n127.0.1.1 old old.lan\n::1 ip6-localhost\n";
        let after = "127.0.0.1\tlocalhost\n127.0.1.1\tnew desk\n::1 ip6-localhost\n";
        assert_eq!(with_own_name(before, "new"), after);
        assert_eq!(with_own_name(after, "new"), after);
        assert_eq!(with_own_name("", "new"), "127.0.1.1\tnew desk\n");
        assert_eq!(
            with_own_name(before, "desk"),
            "127.0.0.1\tlocalhost\n127.0.1.1\tdesk\n::1 ip6-localhost\n"
        );
        assert_eq!(with_own_name("::1 x", "new"), "::1 x\n127.0.1.1\tnew desk\n");
    }
}
