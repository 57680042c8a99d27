//! Whether somebody else's firewall drops what desktops send: Docker's does, and many an administrator's.

use std::process::Command;

/// The table of the firewall that drops forwarded packets and has no rule for the interfaces that begin with `prefix`.
/// `None` where there is none, or where it can't be looked at.
pub fn forwarding_dropped(prefix: &str) -> Option<String> {
    let output = Command::new("nft").args(["list", "ruleset"]).output().ok()?;
    let ruleset = String::from_utf8_lossy(&output.stdout);
    let table = table_that_drops_forwarded(&ruleset)?;
    (!lets_through(&ruleset, table, prefix)).then(|| table.to_owned())
}

/// The first table in a listing of `nft` with a forward hook whose policy is to drop.
fn table_that_drops_forwarded(ruleset: &str) -> Option<&str> {
    let mut table = None;
    for line in ruleset.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("table ") {
            table = name.strip_suffix(" {");
        } else if line.contains("hook forward") && line.contains("policy drop") {
            return table;
        }
    }
    None
}

/// Whether a table has rules for our interfaces, as the ones that are advised.
fn lets_through(ruleset: &str, table: &str, prefix: &str) -> bool {
    let rules = ruleset.split(&format!("table {table} {{")).nth(1).unwrap_or_default();
    let rules = rules.split("\ntable ").next().unwrap_or_default();
    rules.lines().any(|line| line.contains(&format!("\"{prefix}v*\"")) && line.trim().ends_with("accept"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_that_drops_forwarded_packets_is_named() {
        let drops = "table ip nat {\n}\ntable ip filter {\n\tchain FORWARD {\n\t\ttype filter hook forward \
                     priority filter; policy drop;\n\t}\n}\n";
        assert_eq!(table_that_drops_forwarded(drops), Some("ip filter"));
        assert_eq!(table_that_drops_forwarded(&drops.replace("policy drop", "policy accept")), None);
        assert_eq!(table_that_drops_forwarded(""), None);
        let table = table_that_drops_forwarded(drops).unwrap();
        assert!(!lets_through(drops, table, "rt"));
        let mended = drops
            .replace("policy drop;", "policy drop;\n\t\tiifname \"rtv*\" counter packets 0 bytes 0 accept");
        assert!(lets_through(&mended, table, "rt") && !lets_through(&mended, table, "rtx"));
    }
}
