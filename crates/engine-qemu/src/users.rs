//! Which users desktops run as: numbers that nobody else on the host has.
//!
//! Chosen by looking when an engine's directory is new, or when others got what it had; kept in the directory.

use std::fs;
use std::ops::Range;
use std::path::Path;

use crate::claim::Claim;
use crate::config::QemuConfig;
use crate::durable;
use crate::fault::Fault;
use crate::network::{NetworkPlan, range_conflict};

/// Where it is kept.
const FILE: &str = "first-uid";
/// Beyond what distributions, directories of users and containers give out (systemd's `UIDS-GIDS`, `login.defs`, sssd).
const CANDIDATES: [u32; 4] = [2_050_000_000, 2_060_000_000, 2_070_000_000, 2_080_000_000];
/// Who may use which numbers in containers of his own.
const SUBORDINATE: [&str; 2] = ["/etc/subuid", "/etc/subgid"];

/// The first of `count` numbers: the configured one, the one that was chosen before, or one chosen now and kept.
pub(crate) fn first_uid(
    configured: Option<u32>,
    directory: &Path,
    count: u32,
    others: &[Claim],
) -> Result<u32, Fault> {
    if let Some(first) = configured {
        return match uid_conflict(first, count) {
            None => Ok(first),
            Some(line) => Err(Fault::Other(format!(
                "desktops would run as users {first} to {}, and {line} gives some of these to somebody: set another \
                 `first_uid` in [host], or leave it out",
                first.saturating_add(count.saturating_sub(1))
            ))),
        };
    }
    let is_free = |first: &u32| {
        let claimed = |claim: &Claim| overlap(&range(*first, count), &claim.uids());
        uid_conflict(*first, count).is_none() && !others.iter().any(claimed)
    };
    let before = kept(directory);
    if let Some(first) = before.filter(is_free) {
        return Ok(first);
    }
    let none = || {
        Fault::Other(
            "no numbers are left that desktops could run as users of: set `first_uid` in [host]".into(),
        )
    };
    let first = CANDIDATES.into_iter().find(is_free).ok_or_else(none)?;
    durable::write(&directory.join(FILE), format!("{first}\n").as_bytes(), 0o600)?;
    tracing::info!(first, "desktops run as users from this number on");
    Ok(first)
}

/// The first and the last number that an engine of this directory has or would have, and the line of a file that gives
/// some of them to others.
pub fn uids(config: &QemuConfig, directory: &Path) -> (u32, u32, Option<String>) {
    let network = &config.network;
    let (range, _) = range_conflict(network.range, directory, &network.prefix);
    let count = NetworkPlan::capacity_of(range);
    let first = config.first_uid.or_else(|| kept(directory)).unwrap_or(CANDIDATES[0]);
    (first, first.saturating_add(count.saturating_sub(1)), uid_conflict(first, count))
}

fn kept(directory: &Path) -> Option<u32> {
    fs::read_to_string(directory.join(FILE)).ok()?.trim().parse().ok()
}

fn uid_conflict(first: u32, count: u32) -> Option<String> {
    SUBORDINATE.iter().find_map(|path| {
        let text = fs::read_to_string(path).unwrap_or_default();
        given_in(&text, &range(first, count)).map(|line| format!("`{line}` in {path}"))
    })
}

/// The first line of such a file that gives numbers of these to somebody.
fn given_in<'a>(text: &'a str, wanted: &Range<u64>) -> Option<&'a str> {
    text.lines().map(str::trim).find(|line| {
        let mut numbers = line.rsplit(':');
        let count = numbers.next().and_then(|number| number.parse::<u32>().ok());
        let first = numbers.next().and_then(|number| number.parse::<u32>().ok());
        first.zip(count).is_some_and(|(first, count)| overlap(&range(first, count), wanted))
    })
}

pub(crate) fn range(first: u32, count: u32) -> Range<u64> {
    u64::from(first)..u64::from(first) + u64::from(count)
}

pub(crate) fn overlap(one: &Range<u64>, other: &Range<u64>) -> bool {
    one.start < other.end && other.start < one.end
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_gives_any_of_the_numbers_away_is_found() {
        let text = "# made by hand\nana:100000:65536\nben:296608:65536\n\nnonsense\neve:x:1\n";
        assert_eq!(given_in(text, &range(300_000, 16_384)), Some("ben:296608:65536"));
        assert_eq!(given_in(text, &range(150_000, 16_384)), Some("ana:100000:65536"));
        assert_eq!(given_in(text, &range(165_536, 100)), None);
        assert_eq!(given_in(text, &range(CANDIDATES[0], 16_384)), None);
        assert_eq!(given_in("root:4294967290:5", &range(u32::MAX, 10)), None);
    }

    #[test]
    fn what_is_free_is_chosen_and_kept_until_others_have_it() {
        let directory = tempfile::tempdir().unwrap();
        let claim = |first_uid| Claim {
            directory: "/elsewhere".into(),
            prefix: "rx".into(),
            range: "100.65.0.0/16".parse().unwrap(),
            first_uid,
            uids: 16_384,
        };
        let choose = |others: &[Claim]| first_uid(None, directory.path(), 16_384, others).unwrap();
        assert_eq!(choose(&[claim(CANDIDATES[0] + 16_000)]), CANDIDATES[1]);
        assert_eq!(choose(&[]), CANDIDATES[1], "it was kept");
        assert_eq!(choose(&[claim(CANDIDATES[1])]), CANDIDATES[0], "others have it now");
        assert_eq!(first_uid(Some(7_000_000), directory.path(), 10, &[]).unwrap(), 7_000_000);
    }
}
