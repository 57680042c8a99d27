//! What an engine uses of the host beside its directory: names of networks, addresses, user numbers. Two engines with the
//! same would take each other's machines for their own leftovers, so each claims what it uses, for the whole host.
//!
//! A claim lasts as long as its engine works or has desktops: machines outlive the process that started them. It is below
//! `/run`, which is empty after a restart of the host, when there are no networks and machines either.

use std::fs::{self, File};
use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};
use serde::{Deserialize, Serialize};

use crate::durable;
use crate::fault::{Doing, Fault};
use crate::network::Cidr;
use crate::users::{overlap, range};

/// Where all claims are.
pub(crate) const PLACE: &str = "/run/rolltop-host";
const CLAIMS: &str = "claims.json";
const LOCK: &str = "lock";

/// One engine's claim.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claim {
    /// Absolute.
    pub directory: PathBuf,
    /// What the names of its networks begin with.
    pub prefix: String,
    pub range: Cidr,
    pub first_uid: u32,
    /// How many user numbers there are from that on.
    pub uids: u32,
}

impl Claim {
    /// Why this can't be beside another.
    fn conflict(&self, other: &Self) -> Option<String> {
        let what = if self.prefix == other.prefix {
            format!(
                "its networks' names begin with {}, too: set another `prefix` in [host.network]",
                self.prefix
            )
        } else if self.range.overlaps(other.range) {
            format!("its addresses are in {}, too: set another `range` in [host.network]", other.range)
        } else if overlap(&self.uids(), &other.uids()) {
            format!(
                "its desktops run as users from {} on, too: set another `first_uid` in [host]",
                other.first_uid
            )
        } else {
            return None;
        };
        Some(format!(
            "another Rolltop on this host has the state directory {}, and {what}",
            other.directory.display()
        ))
    }

    /// The user numbers.
    pub(crate) fn uids(&self) -> Range<u64> {
        range(self.first_uid, self.uids)
    }

    /// Whether its engine works, or has desktops that may run or be started again.
    fn is_alive(&self) -> bool {
        let Ok(lock) = File::open(self.directory.join("lock")) else { return false };
        let works = flock(&lock, FlockOperation::NonBlockingLockShared).is_err();
        works || fs::read_dir(self.directory.join("desktops")).is_ok_and(|mut found| found.next().is_some())
    }
}

/// Claims it, in place of an earlier claim of the same directory. What others have is refused with a sentence.
pub(crate) fn claim(place: &Path, wanted: Claim) -> Result<(), Fault> {
    change(place, |claims| {
        claims.retain(|claim| claim.directory != wanted.directory);
        if let Some(why) = claims.iter().find_map(|other| wanted.conflict(other)) {
            return Err(Fault::Other(why));
        }
        claims.push(wanted);
        Ok(())
    })
}

/// Gives up what a directory's engine had.
pub(crate) fn give_up(place: &Path, directory: &Path) -> Result<(), Fault> {
    change(place, |claims| {
        claims.retain(|claim| claim.directory != directory);
        Ok(())
    })
}

/// The claims of other directories than this.
pub(crate) fn of_others(place: &Path, directory: &Path) -> Vec<Claim> {
    let mut claims = read(&place.join(CLAIMS)).unwrap_or_default();
    claims.retain(|claim| claim.directory != directory && claim.is_alive());
    claims
}

fn change(place: &Path, change: impl FnOnce(&mut Vec<Claim>) -> Result<(), Fault>) -> Result<(), Fault> {
    fs::create_dir_all(place).doing_with("making", place)?;
    let lock = place.join(LOCK);
    let locked = File::options().create(true).append(true).open(&lock).doing_with("opening", &lock)?;
    flock(&locked, FlockOperation::LockExclusive).doing_with("locking", &lock)?;
    let path = place.join(CLAIMS);
    let mut claims = read(&path)?;
    claims.retain(Claim::is_alive);
    change(&mut claims)?;
    let text = serde_json::to_vec_pretty(&claims).map_err(|error| Fault::Other(error.to_string()))?;
    durable::write(&path, &text, 0o600)
}

/// None where there is no file yet, nor where it makes no sense: then each claims anew as it starts.
fn read(path: &Path) -> Result<Vec<Claim>, Fault> {
    let mut text = String::new();
    match File::open(path) {
        Ok(file) => file.take(1 << 20).read_to_string(&mut text).doing_with("reading", path)?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).doing_with("reading", path),
    };
    Ok(serde_json::from_str(&text).unwrap_or_else(|error| {
        tracing::warn!(%error, path = %path.display(), "claims of this host's engines make no sense");
        Vec::new()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_engine_uses_is_refused_with_a_sentence_while_it_has_desktops() {
        let place = tempfile::tempdir().unwrap();
        let directories = [(); 2].map(|()| tempfile::tempdir().unwrap());
        let [first, second] = directories.each_ref().map(|directory| directory.path().to_owned());
        for directory in [&first, &second] {
            fs::write(directory.join("lock"), "").unwrap();
            fs::create_dir_all(directory.join("desktops/one")).unwrap();
        }
        let one = Claim {
            directory: first.clone(),
            prefix: "rt".into(),
            range: "100.64.0.0/16".parse().unwrap(),
            first_uid: 300_000,
            uids: 16_384,
        };
        let apart = Claim {
            directory: second.clone(),
            prefix: "rx".into(),
            range: "100.65.0.0/16".parse().unwrap(),
            first_uid: 316_384,
            uids: 16_384,
        };
        claim(place.path(), one.clone()).unwrap();
        claim(place.path(), one.clone()).unwrap();
        for (wanted, setting) in [
            (Claim { prefix: "rt".into(), ..apart.clone() }, "`prefix`"),
            (Claim { range: "100.64.128.0/17".parse().unwrap(), ..apart.clone() }, "`range`"),
            (Claim { first_uid: 316_383, ..apart.clone() }, "`first_uid`"),
            (Claim { first_uid: 290_000, ..apart.clone() }, "`first_uid`"),
        ] {
            let refused = claim(place.path(), wanted).unwrap_err().to_string();
            assert!(refused.contains(setting) && refused.contains(first.to_str().unwrap()), "{refused}");
        }
        assert_eq!(of_others(place.path(), &second), std::slice::from_ref(&one), "a refusal changes nothing");
        claim(place.path(), apart.clone()).unwrap();
        assert_eq!(of_others(place.path(), &first), std::slice::from_ref(&apart));

        let third = Claim { directory: place.path().to_owned(), ..one.clone() };
        claim(place.path(), third.clone()).unwrap_err();
        fs::remove_dir(first.join("desktops/one")).unwrap();
        let works = File::open(first.join("lock")).unwrap();
        flock(&works, FlockOperation::LockExclusive).unwrap();
        claim(place.path(), third.clone()).unwrap_err();
        flock(&works, FlockOperation::Unlock).unwrap();
        claim(place.path(), third.clone()).unwrap();
        give_up(place.path(), place.path()).unwrap();
        claim(place.path(), Claim { directory: second, ..one }).unwrap();
    }
}
