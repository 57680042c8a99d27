//! Room in the host's table of connections, which is one for the host and all desktops.
//!
//! Rules bound what a desktop can have in it, in whatever state. The table is made large enough for all desktops' bounds
//! together and a reserve, so that no number of hostile ones keeps the host from its own connections. It is an upper
//! limit and takes no memory by itself; it is never made smaller.

use std::path::{Path, PathBuf};

use crate::fault::{Doing, Fault};

use super::plan::{CONNECTIONS_AT_ONCE, MAX_CONNECTIONS, Rates};

/// What the host has for itself.
const RESERVE: u64 = 65_536;
/// How many may be in one chain of the table on average, so that looking one up stays cheap. Each has two places in it, and
/// namespaces have theirs in the same one.
const IN_A_CHAIN: u64 = 2;

/// Where the host's settings are.
pub(super) fn settings() -> PathBuf {
    PathBuf::from("/proc/sys/net/netfilter")
}

/// Makes room for that many desktops. Blocks for some milliseconds when there was too little.
pub(super) fn make(settings: &Path, desktops: u64, rates: Rates) -> Result<(), Fault> {
    let number = |name: &str| -> Option<u64> {
        std::fs::read_to_string(settings.join(name)).ok()?.trim().parse().ok()
    };
    // A kernel that tracks nothing has no table to fill.
    let Some(most) = number("nf_conntrack_max") else { return Ok(()) };
    let closed_for = number("nf_conntrack_tcp_timeout_time_wait").unwrap_or(120);
    // Each power of two once, because a larger table has to be filled anew.
    let wanted = (RESERVE + desktops * most_of_one(rates, closed_for)).next_power_of_two();
    // 0 is no limit.
    if most == 0 || most >= wanted {
        return Ok(());
    }
    let set = |name: &str, value: u64| {
        let path = settings.join(name);
        std::fs::write(&path, value.to_string()).doing_with("setting", &path)
    };
    set("nf_conntrack_max", wanted)?;
    if number("nf_conntrack_buckets").is_some_and(|buckets| buckets < wanted / IN_A_CHAIN) {
        set("nf_conntrack_buckets", wanted / IN_A_CHAIN)?;
    }
    tracing::info!(desktops, before = most, now = wanted, "the host's table of connections was too small");
    Ok(())
}

/// How many connections of one desktop can be in the table: open ones, and those closed a while ago, which rules do not count.
fn most_of_one(rates: Rates, closed_for: u64) -> u64 {
    let closed = u64::from(CONNECTIONS_AT_ONCE) + u64::from(rates.connections.get()) * closed_for;
    u64::from(MAX_CONNECTIONS) + closed
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::num::NonZeroU32;

    #[test]
    fn all_desktops_at_their_limits_leave_the_host_its_reserve() {
        let directory = tempfile::tempdir().unwrap();
        let settings = directory.path();
        let setting = |name: &str| settings.join(name);
        let one = NonZeroU32::new(100).unwrap();
        let rates = Rates { bytes: one, packets: one, connections: one };
        make(settings, 5, rates).unwrap();
        assert_eq!(std::fs::read_dir(settings).unwrap().count(), 0, "nothing is tracked here");

        std::fs::write(setting("nf_conntrack_max"), "262144\n").unwrap();
        std::fs::write(setting("nf_conntrack_buckets"), "262144\n").unwrap();
        std::fs::write(setting("nf_conntrack_tcp_timeout_time_wait"), "120\n").unwrap();
        let after = |desktops| {
            make(settings, desktops, rates).unwrap();
            let number =
                |name| std::fs::read_to_string(setting(name)).unwrap().trim().parse::<u64>().unwrap();
            (number("nf_conntrack_max"), number("nf_conntrack_buckets"))
        };
        // 4096 open ones, a burst, and what a hundred a second come to in two minutes.
        assert_eq!(most_of_one(rates, 120), 17_096);
        assert_eq!(after(11), (262_144, 262_144), "there is room for eleven");
        assert_eq!(after(12), (524_288, 262_144));
        assert_eq!(after(1), (524_288, 262_144), "never smaller");
        assert_eq!(after(64), (2_097_152, 1_048_576));
        for desktops in [1, 12, 64, 500] {
            assert!(after(desktops).0 >= desktops * 17_096 + RESERVE, "{desktops}");
        }
        std::fs::write(setting("nf_conntrack_max"), "0").unwrap();
        assert_eq!(after(64).0, 0, "the operator wants no limit");
    }
}
