//! A version that holds nothing but what boots the disks over it.

use std::fs;
use std::path::Path;

use jiff::Timestamp;
use rolltop_model::TemplateVersion;
use sha2::{Digest, Sha256};

use crate::build::{BuildError, file_error, publish};
use crate::image;
use crate::manifest::{DISK, INITRD, KERNEL, Manifest};
use crate::workspace::Workspace;

/// Bytes of its empty disk: what lies over that has a size of its own.
const EMPTY: u64 = 1 << 30;

/// What boots a disk.
#[derive(Debug)]
pub struct Held<'a> {
    pub kernel: &'a [u8],
    pub initrd: &'a [u8],
    pub cmdline: &'a str,
}

/// Makes the version of this name in `templates`, unless it is there: its digest is that of what it holds. Blocks.
pub fn hold(templates: &Path, name: &str, held: &Held<'_>) -> Result<TemplateVersion, BuildError> {
    let mut digest = Sha256::new();
    for part in [held.cmdline.as_bytes(), held.kernel, held.initrd] {
        digest.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        digest.update(part);
    }
    let digest: String = digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let version =
        TemplateVersion::new(name, &digest).map_err(|error| BuildError::Image(error.to_string()))?;
    let directory = templates.join(version.to_string());
    if directory.exists() {
        Manifest::load(&directory)?;
        return Ok(version);
    }
    let workspace = Workspace::open(templates)?;
    let out = workspace.path().join("version");
    fs::create_dir(&out).map_err(file_error("make", &out))?;
    for (name, bytes) in [(KERNEL, held.kernel), (INITRD, held.initrd)] {
        let path = out.join(name);
        fs::write(&path, bytes).map_err(file_error("write", &path))?;
        image::protect(&path)?;
    }
    image::empty(&out.join(DISK), EMPTY)?;
    let manifest = Manifest {
        version: version.clone(),
        title: name.to_owned(),
        description: String::new(),
        built_at: Timestamp::now(),
        cmdline: held.cmdline.to_owned(),
        host_key: String::new(),
        sizes: Vec::new(),
        disk_virtual_bytes: EMPTY,
    };
    publish(&manifest, &out, &directory)?;
    Ok(version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_boots_the_same_is_held_once() {
        let directory = tempfile::tempdir().unwrap();
        let held = Held { kernel: b"kernel", initrd: b"initrd", cmdline: "root=/dev/vda" };
        let version = hold(directory.path(), "imported", &held).unwrap();
        assert_eq!(hold(directory.path(), "imported", &held).unwrap(), version);
        let other = Held { cmdline: "root=/dev/vdb", ..held };
        assert_ne!(hold(directory.path(), "imported", &other).unwrap(), version);
        let place = directory.path().join(version.to_string());
        assert_eq!(fs::read(place.join(KERNEL)).unwrap(), b"kernel");
        assert!(fs::read(place.join(DISK)).unwrap().starts_with(b"QFI"));
        assert!(Manifest::load(&place).unwrap().sizes.is_empty());
    }
}
