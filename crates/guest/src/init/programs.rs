//! Where a person's own programs are: what a log-in would find by its start-up files, which a command does not read.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Below the home, as installers make them; what a log-in would look through first comes first.
const FOLDERS: [&str; 15] = [
    ".pyenv/shims",
    ".pyenv/bin",
    ".rbenv/shims",
    ".asdf/shims",
    ".local/share/mise/shims",
    ".local/share/fnm/aliases/default/bin",
    ".volta/bin",
    ".bun/bin",
    ".deno/bin",
    ".cargo/bin",
    ".go/bin",
    "go/bin",
    ".npm-global/bin",
    ".local/bin",
    "bin",
];
/// Of everybody, where the Go project says to put it.
const FOR_ALL: &str = "/usr/local/go/bin";
/// An alias of nvm may name another one.
const MOST_ALIASES: usize = 5;
const LONGEST_ALIAS: u64 = 100;

/// The folders that are there. To be looked up with the person's rights.
pub(super) fn folders(home: &Path) -> Vec<PathBuf> {
    let own = FOLDERS.iter().map(|folder| home.join(folder));
    let all = nvm(&home.join(".nvm")).into_iter().chain(own).chain([PathBuf::from(FOR_ALL)]);
    // A name with a colon would be two.
    all.filter(|folder| folder.is_dir() && !folder.to_string_lossy().contains(':')).collect()
}

/// The programs of the Node.js that nvm takes in a new shell.
fn nvm(nvm: &Path) -> Option<PathBuf> {
    let mut wanted = "default".to_owned();
    for _ in 0..MOST_ALIASES {
        match alias(nvm, &wanted) {
            Some(next) => wanted = next,
            None => break,
        }
    }
    let versions = nvm.join("versions/node");
    let installed =
        std::fs::read_dir(&versions).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    let prefix: Vec<u64> = match wanted.as_str() {
        "node" | "stable" => Vec::new(),
        version => numbers(version)?,
    };
    let latest = installed
        .filter_map(|name| Some((numbers(&name)?, name)))
        .filter(|(found, _)| found.starts_with(&prefix))
        .max()?;
    Some(versions.join(latest.1).join("bin"))
}

fn alias(nvm: &Path, name: &str) -> Option<String> {
    // Only names such as `default`, `lts/*` and `lts/jod`; never a way out of the folder.
    if name.split('/').any(|part| part.is_empty() || part.starts_with('.')) {
        return None;
    }
    let path = nvm.join("alias").join(name);
    let mut text = String::new();
    // Opening a pipe would wait for whoever writes to it.
    if !path.is_file() {
        return None;
    }
    File::open(path).ok()?.take(LONGEST_ALIAS).read_to_string(&mut text).ok()?;
    Some(text.trim().to_owned())
}

/// `v22.1.0` as [22, 1, 0].
fn numbers(version: &str) -> Option<Vec<u64>> {
    version.trim_start_matches('v').split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_found_where_installers_put_them() {
        let home = tempfile::tempdir().unwrap();
        let put = |folder: &str| std::fs::create_dir_all(home.path().join(folder)).unwrap();
        assert!(folders(home.path()).iter().all(|folder| folder == Path::new(FOR_ALL)));
        for folder in ["bin", ".cargo/bin", ".local/bin", ".pyenv/shims"] {
            put(folder);
        }
        let found = folders(home.path());
        let found: Vec<_> = found.iter().filter_map(|folder| folder.strip_prefix(home.path()).ok()).collect();
        assert_eq!(found, [".pyenv/shims", ".cargo/bin", ".local/bin", "bin"].map(Path::new));
    }

    #[test]
    fn nvm_takes_the_version_that_its_default_means() {
        let home = tempfile::tempdir().unwrap();
        let nvm_at = home.path().join(".nvm");
        let alias = |name: &str, text: &str| {
            let path = nvm_at.join("alias").join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        let chosen = || {
            nvm(&nvm_at).map(|bin| bin.parent().unwrap().file_name().unwrap().to_str().unwrap().to_owned())
        };
        assert_eq!(chosen(), None);
        for version in ["v9.11.2", "v22.1.0", "v22.20.0", "v24.3.0"] {
            std::fs::create_dir_all(nvm_at.join("versions/node").join(version).join("bin")).unwrap();
        }
        assert_eq!(chosen(), None, "without a default a new shell has none");
        for (default, wanted) in [
            ("node", Some("v24.3.0")),
            ("22\n", Some("v22.20.0")),
            ("v22.1.0", Some("v22.1.0")),
            ("lts/*", Some("v22.20.0")),
            ("18", None),
            ("../../etc/passwd", None),
            ("default", None),
            ("", None),
        ] {
            alias("default", default);
            alias("lts/*", "lts/jod");
            alias("lts/jod", "v22.20.0");
            assert_eq!(chosen().as_deref(), wanted, "{default:?}");
        }
    }
}
