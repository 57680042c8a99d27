//! The unpacked packages as a tar file, kept outside the checkout so that a second build need
//! not fetch anything.
//!
//! A tree is written to a temporary name and renamed once it is whole; a file with its final
//! name is never written again. The archive's signatures are checked by the package manager.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::build::{BuildError, file_error};
use crate::command::{CommandError, isolated, run, run_quietly, tethered};
use crate::digest::tree_key;
use crate::distribution::{INDEX_TARGETS_FORMAT, Mirrors};
use crate::progress::{PackageProgress, Reporter, Step};
use crate::recipe::Recipe;
use crate::workspace::Workspace;

/// How often a registry is asked before a transient failure is one.
const ATTEMPTS: u32 = 3;
/// Pause after the first failure; each further one is four times as long.
const BACKOFF: Duration = Duration::from_secs(4);
/// apt's own downloader, which uses the host's proxies and certificates.
const APT_HELPER: &str = "/usr/lib/apt/apt-helper";

/// Returns the cached tree of a recipe, made now if need be.
pub(crate) fn cached_tree(
    recipe: &Recipe,
    cache_dir: &Path,
    reporter: &mut Reporter<'_>,
) -> Result<PathBuf, BuildError> {
    let settings = &recipe.settings.distribution;
    let (keyring, package) = settings.name.keyring();
    let directory = cache_dir.join("trees");
    fs::create_dir_all(&directory).map_err(file_error("make", &directory))?;
    let tree = directory.join(format!(
        "{}-{}-{}.tar",
        settings.name.name(),
        settings.suite,
        tree_key(&recipe.settings)
    ));
    if tree.exists() {
        reporter.report(Step::Packages, "cached", Some(1.0));
        return Ok(tree);
    }
    let workspace = Workspace::open(&directory)?;
    let mirrors = mirrors(recipe);
    reporter.report(Step::Packages, format!("asking {}", mirrors.main), None);
    with_retries(reporter, |_| reach(&mirrors, &settings.suite, workspace.path())).map_err(|error| {
        BuildError::Unreachable { mirror: mirrors.main.clone(), why: reason(error.tail()) }
    })?;
    if !Path::new(keyring).exists() {
        return Err(BuildError::Keyring { keyring, package });
    }
    let partial = workspace.path().join("tree.tar");
    with_retries(reporter, |reporter| {
        let mut packages = PackageProgress::default();
        run("mmdebstrap", mmdebstrap(recipe, &mirrors, workspace.path(), &partial), &mut |line| {
            if let Some((detail, fraction)) = packages.line(line) {
                reporter.report(Step::Packages, detail, fraction);
            }
        })
    })?;
    fs::rename(&partial, &tree).map_err(file_error("keep", &tree))?;
    Ok(tree)
}

fn mirrors(recipe: &Recipe) -> Mirrors {
    let distribution = &recipe.settings.distribution;
    let listed = Command::new("apt-get").args(["indextargets", "--format", INDEX_TARGETS_FORMAT]).output();
    let listed =
        listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    let host = distribution.name.host_mirrors(&listed);
    match &distribution.mirror {
        Some(mirror) => Mirrors { main: mirror.trim_end_matches('/').to_owned(), security: host.security },
        None => host,
    }
}

/// Fetches the suite's signed index, so that an absent mirror is told in seconds and plainly.
fn reach(mirrors: &Mirrors, suite: &str, scratch: &Path) -> Result<(), CommandError> {
    if !Path::new(APT_HELPER).exists() {
        return Ok(());
    }
    let mut command = tethered(APT_HELPER);
    command.args(["-o", "APT::Sandbox::User=root", "-o", "Acquire::http::Timeout=20", "download-file"]);
    command.arg(format!("{}/dists/{suite}/InRelease", mirrors.main)).arg(scratch.join("InRelease"));
    run_quietly("apt-helper", command)
}

fn mmdebstrap(recipe: &Recipe, mirrors: &Mirrors, scratch: &Path, target: &Path) -> Command {
    let settings = &recipe.settings.distribution;
    let mut command = isolated(&["mmdebstrap", "--mode=root", "--verbose", "--variant=minbase"]);
    command
        .args(["--aptopt=APT::Install-Recommends \"false\"", "--aptopt=Acquire::Retries \"3\""])
        .arg("--dpkgopt=path-exclude=/usr/share/doc/*")
        .arg("--dpkgopt=path-include=/usr/share/doc/*/copyright")
        .arg("--dpkgopt=path-exclude=/usr/share/man/*")
        .arg(format!("--keyring={}", settings.name.keyring().0))
        .arg(format!("--components={}", settings.components.join(",")))
        .arg(format!("--include={}", recipe.settings.packages.join(",")))
        .arg(&settings.suite)
        .arg(target)
        .args(settings.name.build_sources(mirrors, &settings.suite, &settings.components))
        .env("TMPDIR", scratch)
        .env("LC_ALL", "C.UTF-8")
        .stdin(std::process::Stdio::null());
    command
}

/// Repeats what failed for a reason that may pass.
fn with_retries(
    reporter: &mut Reporter<'_>,
    mut attempt: impl FnMut(&mut Reporter<'_>) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let mut pause = BACKOFF;
    for number in 1.. {
        match attempt(reporter) {
            Err(error) if number < ATTEMPTS && is_transient(error.tail()) => {
                let detail = format!("try {number} of {ATTEMPTS} failed, again in {} s", pause.as_secs());
                reporter.report(Step::Packages, detail, None);
                std::thread::sleep(pause);
                pause *= 4;
            }
            result => return result,
        }
    }
    Ok(())
}

/// The one line that says why, out of all that apt prints around it.
fn reason(tail: &str) -> String {
    let lines = || tail.split(" | ").map(str::trim);
    let said = lines().find_map(|line| line.strip_prefix("E: ")).or_else(|| lines().last());
    said.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Failures of the network or of a mirror being updated, as apt words them.
fn is_transient(tail: &str) -> bool {
    const PHRASES: [&str; 8] = [
        "Temporary failure",
        "timed out",
        "Connection reset",
        "Connection failed",
        "Could not connect",
        "Hash Sum mismatch",
        "Mirror sync in progress",
        "File has unexpected size",
    ];
    const STATUSES: [&str; 5] = ["429", "500", "502", "503", "504"];
    PHRASES.iter().any(|phrase| tail.contains(phrase))
        || tail.split_whitespace().any(|word| STATUSES.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        for passing in [
            "Err:1 http://x trixie InRelease | Temporary failure resolving 'x'",
            "E: Failed to fetch http://x/a.deb 503 Service Unavailable [IP: ::1 80]",
            "E: Failed to fetch http://x/a.deb  Hash Sum mismatch",
        ] {
            assert!(is_transient(passing), "{passing}");
        }
        for lasting in [
            "E: Failed to fetch http://x/dists/jammy/InRelease 403 Forbidden",
            "E: Unable to locate package nosuch-1.50",
            "E: Failed to fetch http://x/a.deb 404 Not Found",
        ] {
            assert!(!is_transient(lasting), "{lasting}");
        }
    }

    #[test]
    fn an_absent_mirror_is_told_in_one_sentence() {
        let tail = "Ign:1 http://x/InRelease | Err:1 http://x/InRelease | Could not connect to x:80 | \
                    E: Failed to fetch http://x/InRelease  Could not connect to x:80 | E: Download Failed";
        assert_eq!(reason(tail), "Failed to fetch http://x/InRelease Could not connect to x:80");
        assert_eq!(reason("only this"), "only this");
    }

    #[test]
    fn a_lasting_failure_is_tried_once() {
        let mut tries = 0;
        let result = with_retries(&mut Reporter::new(&mut |_| ()), |_| {
            tries += 1;
            run_quietly("false", Command::new("false"))
        });
        assert!(result.is_err());
        assert_eq!(tries, 1);
    }
}
