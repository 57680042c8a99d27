//! A version that holds nothing but what boots the disks over it.

use std::fs::{self, File};
use std::io::{self, Read};
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

/// Read at once, bytes: whoever brings a kernel may bring a very large one.
const PIECE: usize = 64 << 10;

/// What boots a disk: two files, and a line.
#[derive(Debug)]
pub struct BootFiles<'a> {
    pub kernel: &'a Path,
    pub initrd: &'a Path,
    pub cmdline: &'a str,
}

/// Makes the version of this name in `templates`, unless it is there: its digest is that of what it holds. The files stay as
/// they are. Blocks.
///
/// A version's digest is short enough that two kernels with the same one can be made. So what is there is compared, and
/// something else of the same digest gets another.
pub fn hold(templates: &Path, name: &str, held: &BootFiles<'_>) -> Result<TemplateVersion, BuildError> {
    for attempt in 0.. {
        let version = TemplateVersion::new(name, &digest(held, attempt)?)
            .map_err(|error| BuildError::Image(error.to_string()))?;
        let directory = templates.join(version.to_string());
        if !directory.exists() {
            make(templates, &directory, &version, held)?;
            return Ok(version);
        }
        if holds(&directory, held)? {
            return Ok(version);
        }
    }
    Err(BuildError::Image("all digests are taken".into()))
}

fn digest(held: &BootFiles<'_>, attempt: u64) -> Result<String, BuildError> {
    let mut digest = Sha256::new();
    let begin = |digest: &mut Sha256, length: u64| digest.update(length.to_be_bytes());
    begin(&mut digest, u64::try_from(held.cmdline.len()).unwrap_or(u64::MAX));
    digest.update(held.cmdline.as_bytes());
    for path in [held.kernel, held.initrd] {
        let mut file = File::open(path).map_err(file_error("read", path))?;
        begin(&mut digest, file.metadata().map_err(file_error("read", path))?.len());
        let mut piece = Vec::new();
        while read_piece(&mut file, &mut piece).map_err(file_error("read", path))? {
            digest.update(&piece);
        }
    }
    if attempt > 0 {
        digest.update(attempt.to_be_bytes());
    }
    Ok(digest.finalize().iter().take(6).map(|byte| format!("{byte:02x}")).collect())
}

/// Whether a version is just this.
fn holds(directory: &Path, held: &BootFiles<'_>) -> Result<bool, BuildError> {
    let manifest = Manifest::load(directory)?;
    let is = |name: &str, other: &Path| {
        let path = directory.join(name);
        is_same(&path, other).map_err(file_error("read", &path))
    };
    Ok(manifest.cmdline == held.cmdline && is(KERNEL, held.kernel)? && is(INITRD, held.initrd)?)
}

fn is_same(one: &Path, other: &Path) -> io::Result<bool> {
    let (mut one, mut other) = (File::open(one)?, File::open(other)?);
    let (mut have, mut want) = (Vec::new(), Vec::new());
    loop {
        let is_more = read_piece(&mut one, &mut have)? | read_piece(&mut other, &mut want)?;
        if have != want || !is_more {
            return Ok(have == want);
        }
    }
}

/// Reads the next bytes of a file in place of what is there; whether there are any.
fn read_piece(file: &mut File, piece: &mut Vec<u8>) -> io::Result<bool> {
    piece.clear();
    Ok(file.take(PIECE as u64).read_to_end(piece)? > 0)
}

fn make(
    templates: &Path,
    directory: &Path,
    version: &TemplateVersion,
    held: &BootFiles<'_>,
) -> Result<(), BuildError> {
    let workspace = Workspace::open(templates)?;
    let out = workspace.path().join("version");
    fs::create_dir(&out).map_err(file_error("make", &out))?;
    for (name, from) in [(KERNEL, held.kernel), (INITRD, held.initrd)] {
        let path = out.join(name);
        fs::copy(from, &path).map_err(file_error("write", &path))?;
        image::protect(&path)?;
    }
    image::empty(&out.join(DISK), EMPTY)?;
    let manifest = Manifest {
        version: version.clone(),
        title: version.name().to_owned(),
        description: String::new(),
        built_at: Timestamp::now(),
        cmdline: held.cmdline.to_owned(),
        host_key: String::new(),
        sizes: Vec::new(),
        disk_virtual_bytes: EMPTY,
    };
    publish(&manifest, &out, directory)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    /// Two files to be held.
    fn files(directory: &Path) -> [PathBuf; 2] {
        [(KERNEL, "kernel"), (INITRD, "initrd")].map(|(name, text)| {
            let path = directory.join(name);
            fs::write(&path, text).unwrap();
            path
        })
    }

    #[test]
    fn something_else_of_the_same_digest_is_not_taken_for_it() {
        let directory = tempfile::tempdir().unwrap();
        let come = tempfile::tempdir().unwrap();
        let [kernel, initrd] = files(come.path());
        let held = BootFiles { kernel: &kernel, initrd: &initrd, cmdline: "root=/dev/vda" };
        let version = hold(directory.path(), "imported", &held).unwrap();
        let place = directory.path().join(version.to_string());
        for (name, other) in [(KERNEL, "kerneL"), (KERNEL, "kernel and more"), (INITRD, "init"), (INITRD, "")]
        {
            let before = fs::read(place.join(name)).unwrap();
            fs::write(place.join(name), other).unwrap();
            let second = hold(directory.path(), "imported", &held).unwrap();
            assert_ne!(second, version, "{name} is {other:?}");
            assert_eq!(hold(directory.path(), "imported", &held).unwrap(), second, "and is found again");
            let made = directory.path().join(second.to_string());
            assert_eq!(fs::read(made.join(KERNEL)).unwrap(), b"kernel");
            assert_eq!(fs::read(made.join(INITRD)).unwrap(), b"initrd");
            fs::write(place.join(name), before).unwrap();
            assert_eq!(hold(directory.path(), "imported", &held).unwrap(), version);
        }
    }

    #[test]
    fn what_boots_the_same_is_held_once() {
        let directory = tempfile::tempdir().unwrap();
        let come = tempfile::tempdir().unwrap();
        let [kernel, initrd] = files(come.path());
        let held = BootFiles { kernel: &kernel, initrd: &initrd, cmdline: "root=/dev/vda" };
        let version = hold(directory.path(), "imported", &held).unwrap();
        assert_eq!(hold(directory.path(), "imported", &held).unwrap(), version);
        let other = BootFiles { cmdline: "root=/dev/vdb", ..held };
        assert_ne!(hold(directory.path(), "imported", &other).unwrap(), version);
        let place = directory.path().join(version.to_string());
        assert_eq!(fs::read(place.join(KERNEL)).unwrap(), b"kernel");
        assert!(fs::read(place.join(DISK)).unwrap().starts_with(b"QFI"));
        assert!(Manifest::load(&place).unwrap().sizes.is_empty());
        assert!(!crate::is_built(&place), "the host believes nothing of it");
    }
}
