//! Making a template version of a disk that was a desktop's.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::build::{BuildError, file_error, publish};
use crate::image;
use crate::manifest::{BOOTSTRAP_KEY, INITRD, KERNEL, Manifest};
use crate::workspace::Workspace;

/// What a version is made of.
#[derive(Debug)]
pub struct Saved<'a> {
    /// The raw image of its disk. A raw image has no header that a guest could have written for us to believe.
    pub disk: &'a Path,
    /// The version whose kernel it boots.
    pub kernel_of: &'a Path,
    pub manifest: &'a Manifest,
    /// OpenSSH private key that opens it as user `rolltop`.
    pub bootstrap_key: &'a str,
}

/// Makes the version in `templates`, unless it is there. Blocks for seconds.
pub fn save(templates: &Path, saved: &Saved<'_>) -> Result<(), BuildError> {
    let directory = templates.join(saved.manifest.version.to_string());
    if directory.exists() {
        Manifest::load(&directory)?;
        return Ok(());
    }
    let workspace = Workspace::open(templates)?;
    let out = workspace.path().join("version");
    fs::create_dir(&out).map_err(file_error("make", &out))?;
    for name in [KERNEL, INITRD] {
        let from = saved.kernel_of.join(name);
        fs::copy(&from, out.join(name)).map_err(file_error("copy", &from))?;
    }
    image::convert(saved.disk, &out)?;
    let key = out.join(BOOTSTRAP_KEY);
    let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&key);
    let written = opened.and_then(|mut file| file.write_all(saved.bootstrap_key.as_bytes()));
    written.map_err(file_error("write", &key))?;
    publish(saved.manifest, &out, &directory)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::manifest::DISK;

    #[test]
    fn a_version_has_the_disk_the_kernel_and_a_key_that_nobody_reads() {
        let directory = tempfile::tempdir().unwrap();
        let (parent, templates) = (directory.path().join("parent"), directory.path().join("templates"));
        fs::create_dir(&parent).unwrap();
        fs::write(parent.join(KERNEL), "kernel").unwrap();
        fs::write(parent.join(INITRD), "initrd").unwrap();
        let disk = directory.path().join("disk.raw");
        fs::write(&disk, vec![7; 1 << 20]).unwrap();
        let manifest = Manifest {
            version: "tools@0123456789ab".parse().unwrap(),
            title: "Tools".into(),
            description: String::new(),
            built_at: jiff::Timestamp::UNIX_EPOCH,
            cmdline: "root=/dev/vda".into(),
            host_key: "ssh-ed25519 AAAA".into(),
            sizes: vec![],
            disk_virtual_bytes: 1 << 20,
        };
        let saved = Saved { disk: &disk, kernel_of: &parent, manifest: &manifest, bootstrap_key: "secret" };
        for _ in 0..2 {
            save(&templates, &saved).unwrap();
        }
        let version = templates.join("tools@0123456789ab");
        assert_eq!(Manifest::load(&version).unwrap(), manifest);
        assert_eq!(fs::read_to_string(version.join(KERNEL)).unwrap(), "kernel");
        assert!(fs::read(version.join(DISK)).unwrap().starts_with(b"QFI"));
        assert!(!crate::is_built(&version), "the host believes nothing of it");
        let key = version.join(BOOTSTRAP_KEY);
        assert_eq!(fs::read_to_string(&key).unwrap(), "secret");
        assert_eq!(key.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert!(disk.exists() && fs::read_dir(&templates).unwrap().count() == 2, "and the lock");
    }
}
