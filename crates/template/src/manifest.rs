//! `manifest.json`: what one template version is, beside its files.
//!
//! A version directory is immutable once it has its name, and a directory with a manifest is
//! whole: the manifest is written last, inside a temporary directory that is then renamed.
//! Deliberately absent: bakes (memory images), which belong to the engine.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rolltop_model::{Size, TemplateVersion};
use serde::{Deserialize, Serialize};

/// The manifest's name in a version directory.
pub const MANIFEST: &str = "manifest.json";
/// The root file system as a qcow2 without a backing file.
pub const DISK: &str = "disk.qcow2";
/// The kernel, for direct boot.
pub const KERNEL: &str = "vmlinuz";
/// The initial RAM disk for it.
pub const INITRD: &str = "initrd";
/// OpenSSH ed25519 private key that opens a fresh fork as user `rolltop`; mode 0600.
pub const BOOTSTRAP_KEY: &str = "bootstrap_key";
/// Its public half.
pub const BOOTSTRAP_KEY_PUBLIC: &str = "bootstrap_key.pub";

/// Everything about a built template version that is not in its image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    pub version: TemplateVersion,
    /// For people, such as "Debian 13 with XFCE".
    pub title: String,
    pub description: String,
    pub built_at: Timestamp,
    /// The kernel's command line, `root=` and `console=` included.
    pub cmdline: String,
    /// The template's own sshd host key, one line in OpenSSH public format.
    pub host_key: String,
    /// Sizes that are to be baked; the others cold-boot.
    pub sizes: Vec<Size>,
    /// The image's virtual size, bytes; a desktop's disk is never smaller.
    pub disk_virtual_bytes: u64,
}

/// Why a manifest can't be read.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    #[error("{path} can't be read")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path} is not a template manifest")]
    Parse { path: PathBuf, source: serde_json::Error },
}

impl Manifest {
    /// Reads the manifest of a version directory.
    pub fn load(directory: &Path) -> Result<Self, ManifestError> {
        let path = directory.join(MANIFEST);
        let text = match fs::read(&path) {
            Ok(text) => text,
            Err(source) => return Err(ManifestError::Read { path, source }),
        };
        serde_json::from_slice(&text).map_err(|source| ManifestError::Parse { path, source })
    }

    /// Writes it into a directory that has no name of its own yet.
    pub(crate) fn save(&self, directory: &Path) -> std::io::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        fs::write(directory.join(MANIFEST), text)
    }
}

/// Every whole version under a templates directory, newest first.
///
/// Directories without a readable manifest, or whose name is not their version, are not
/// templates: a build under way, or something a person put there.
pub fn installed(templates: &Path) -> Vec<(PathBuf, Manifest)> {
    let entries = fs::read_dir(templates).into_iter().flatten().flatten();
    let mut found: Vec<_> = entries
        .map(|entry| entry.path())
        .filter_map(|path| Manifest::load(&path).ok().map(|manifest| (path, manifest)))
        .filter(|(path, manifest)| {
            path.file_name().is_some_and(|name| *name == *manifest.version.to_string())
        })
        .collect();
    found.sort_by_key(|(_, manifest)| std::cmp::Reverse(manifest.built_at));
    found
}

/// Whether the operator built a version, rather than that it was saved of a desktop or imported: only building leaves
/// the public half of its key.
pub fn is_built(version: &Path) -> bool {
    version.join(BOOTSTRAP_KEY_PUBLIC).exists()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest(version: &str, built_at: &str) -> Manifest {
        Manifest {
            version: version.parse().unwrap(),
            title: "Debian 13 with XFCE".into(),
            description: "A desk.".into(),
            built_at: built_at.parse().unwrap(),
            cmdline: "root=/dev/vda rw console=ttyS0 quiet".into(),
            host_key: "ssh-ed25519 AAAA template".into(),
            sizes: vec![Size::S, Size::L],
            disk_virtual_bytes: 10 << 30,
        }
    }

    #[test]
    fn what_is_saved_is_what_is_loaded() {
        let directory = tempfile::tempdir().unwrap();
        let written = manifest("desk@0123456789ab", "2026-01-02T03:04:05Z");
        written.save(directory.path()).unwrap();
        assert_eq!(Manifest::load(directory.path()).unwrap(), written);
    }

    #[test]
    fn only_whole_versions_are_installed_and_the_newest_is_first() {
        let templates = tempfile::tempdir().unwrap();
        for (name, version, built_at) in [
            ("desk@000000000001", "desk@000000000001", "2026-01-01T00:00:00Z"),
            ("desk@000000000002", "desk@000000000002", "2026-01-02T00:00:00Z"),
            ("copy", "desk@000000000002", "2026-01-03T00:00:00Z"),
        ] {
            let directory = templates.path().join(name);
            fs::create_dir(&directory).unwrap();
            manifest(version, built_at).save(&directory).unwrap();
        }
        fs::create_dir(templates.path().join("desk@000000000003")).unwrap();
        let names: Vec<_> = installed(templates.path())
            .into_iter()
            .map(|(_, manifest)| manifest.version.to_string())
            .collect();
        assert_eq!(names, ["desk@000000000002", "desk@000000000001"]);
        assert!(installed(&templates.path().join("absent")).is_empty());
    }
}
