//! Where everything is in the engine's directory.
//!
//! ```text
//! host/                       0700 root: machines see their own parts of it, in mount namespaces of their own. What is
//!                             below is 0711 root, for those of before that was so
//!   templates/NAME@DIGEST/    image, kernel, manifest (made by crate `template`)
//!     SIZE/, SIZE-2/          bakes: ram, devices, disk.qcow2, bake.json
//!   blank/SIZE.ram            empty memory: what a cold-booted machine's memory is based on
//!   layers/LAYER.qcow2        encrypted layers, each a machine's own or, read-only, a snapshot's
//!   desktops/DESKTOP/         desktop.json, pid, monitor, monitor2, console.log, qemu.log;
//!                             memory.sealed and memory.json while it is suspended
//!   snapshots/SNAPSHOT/       snapshot.json, memory.sealed and memory.json if the machine had a memory
//!   transfers/TRANSFER/       the socket of a disk that is being opened to be exported or imported
//!   fences/DESKTOP            the highest fence of a desktop that has been destroyed
//!   view/                     empty: where a starting program's view of these files is put together
//!   accelerator.json          what was found out about KVM
//! ```

use std::fs::{self, DirBuilder};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rolltop_model::{DesktopId, LayerId, Size, SnapshotId, TemplateVersion};

use crate::fault::{Doing, Fault};
use crate::process::View;

/// Mode of directories that machines' users pass through.
const PASSABLE: u32 = 0o711;
/// Mode of the engine's directory.
const CLOSED: u32 = 0o700;
const VIEW: &str = "view";

#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
    /// The same, absolute.
    absolute: PathBuf,
}

impl Layout {
    /// Makes what is missing.
    pub(crate) fn open(root: &Path) -> Result<Self, Fault> {
        DirBuilder::new().recursive(true).mode(CLOSED).create(root).doing_with("making", root)?;
        let absolute = fs::canonicalize(root).doing_with("finding", root)?;
        let layout = Self { root: root.to_owned(), absolute };
        for path in [
            layout.absolute.join(VIEW),
            layout.templates(),
            layout.blank(),
            layout.layers(),
            layout.desktops(),
            layout.snapshots(),
            layout.fences(),
            layout.transfers(),
        ] {
            make_directory(&path)?;
        }
        // What was open to others is not any more.
        for entry in fs::read_dir(layout.transfers()).into_iter().flatten().flatten() {
            fs::remove_dir_all(entry.path()).doing_with("removing", &entry.path())?;
        }
        Ok(layout)
    }

    pub(crate) fn absolute_root(&self) -> &Path {
        &self.absolute
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Lets nobody but root enter, unless machines run that have no view of their own and pass through by name.
    pub(crate) fn close(&self, to_all: bool) -> Result<(), Fault> {
        let mode = if to_all { CLOSED } else { PASSABLE };
        fs::set_permissions(&self.root, fs::Permissions::from_mode(mode)).doing_with("closing", &self.root)
    }

    /// A path below the root as an absolute one. Links below the root are not followed: machines name files by it.
    pub(crate) fn absolute(&self, path: &Path) -> PathBuf {
        self.absolute.join(path.strip_prefix(&self.root).unwrap_or(path))
    }

    /// What a program sees that works in `directory`: what it may write and read beside that, all below the root.
    pub(crate) fn view(&self, directory: Option<&Path>, writes: &[PathBuf], reads: &[PathBuf]) -> View {
        let absolute = |paths: &[PathBuf]| paths.iter().map(|path| self.absolute(path)).collect();
        View {
            place: self.absolute.join(VIEW),
            directory: directory.map(|path| self.absolute(path)),
            writes: absolute(writes),
            reads: absolute(reads),
            devices: Vec::new(),
            files: Vec::new(),
        }
    }

    pub(crate) fn templates(&self) -> PathBuf {
        self.root.join("templates")
    }

    pub(crate) fn template(&self, version: &TemplateVersion) -> PathBuf {
        self.templates().join(version.to_string())
    }

    pub(crate) fn bakes(&self, version: &TemplateVersion, size: Size) -> Vec<String> {
        bakes(&self.template(version), size)
    }

    /// The name that a size's next bake gets: `s`, then `s-2`, `s-3` and so on.
    pub(crate) fn next_bake(&self, version: &TemplateVersion, size: Size) -> String {
        match self.bakes(version, size).first().and_then(|newest| bake_number(newest, size)) {
            None => size.to_string(),
            Some(number) => format!("{size}-{}", number + 1),
        }
    }

    pub(crate) fn blank(&self) -> PathBuf {
        self.root.join("blank")
    }

    pub(crate) fn layers(&self) -> PathBuf {
        self.root.join("layers")
    }

    /// What a machine that writes to a layer has of the disk for itself, bytes.
    pub(crate) fn own_bytes(&self, desktop: DesktopId, layer: LayerId) -> u64 {
        disk_bytes(&self.desktop(desktop)) + file_bytes(&self.layer(layer))
    }

    pub(crate) fn layer(&self, layer: LayerId) -> PathBuf {
        self.layers().join(layer_name(layer))
    }

    pub(crate) fn snapshots(&self) -> PathBuf {
        self.root.join("snapshots")
    }

    pub(crate) fn snapshot(&self, snapshot: SnapshotId) -> PathBuf {
        self.snapshots().join(snapshot.to_string())
    }

    pub(crate) fn transfers(&self) -> PathBuf {
        self.root.join("transfers")
    }

    pub(crate) fn desktops(&self) -> PathBuf {
        self.root.join("desktops")
    }

    pub(crate) fn desktop(&self, desktop: DesktopId) -> PathBuf {
        self.desktops().join(desktop.to_string())
    }

    pub(crate) fn fences(&self) -> PathBuf {
        self.root.join("fences")
    }

    pub(crate) fn fence(&self, desktop: DesktopId) -> PathBuf {
        self.fences().join(desktop.to_string())
    }

    pub(crate) fn accelerator(&self) -> PathBuf {
        self.root.join("accelerator.json")
    }

    /// Empty memory of a size, made when first needed: a file without a single block, which
    /// nobody can write to.
    pub(crate) fn blank_ram(&self, size: Size) -> Result<(), Fault> {
        let path = self.root.join(blank_ram_name(size));
        let bytes = size.memory_mib() << 20;
        if fs::metadata(&path).is_ok_and(|metadata| metadata.len() == bytes) {
            return Ok(());
        }
        let temporary = path.with_extension("tmp");
        let file = fs::File::create(&temporary).doing_with("writing", &temporary)?;
        file.set_len(bytes).doing_with("writing", &temporary)?;
        file.set_permissions(fs::Permissions::from_mode(0o444)).doing_with("writing", &temporary)?;
        crate::durable::rename(&temporary, &path)
    }
}

/// Names of a size's bakes in a template version's directory, newest first. There is more than
/// one when QEMU was upgraded: desktops' disks lie over the older ones, so those stay.
pub fn bakes(template: &Path, size: Size) -> Vec<String> {
    let entries = fs::read_dir(template).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut numbered: Vec<_> = names.filter_map(|name| Some((bake_number(&name, size)?, name))).collect();
    numbered.sort_unstable();
    numbered.into_iter().rev().map(|(_, name)| name).collect()
}

/// Which of a size's bakes a directory is, counted from 1; `None` if it is none of them.
fn bake_number(name: &str, size: Size) -> Option<u32> {
    match name.strip_prefix(size.as_str())? {
        "" => Some(1),
        rest => rest.strip_prefix('-')?.parse().ok().filter(|number| *number > 1),
    }
}

/// A layer's name among the others.
pub(crate) fn layer_name(layer: LayerId) -> String {
    format!("{layer}.qcow2")
}

/// Its path as a machine sees it from its own directory.
pub(crate) fn layer_seen_from_machine(layer: LayerId) -> String {
    format!("../../layers/{layer}.qcow2")
}

/// Its path below the root.
pub(crate) fn blank_ram_name(size: Size) -> String {
    format!("blank/{size}.ram")
}

/// Makes a directory that machines' users may pass through but not list.
pub(crate) fn make_directory(path: &Path) -> Result<(), Fault> {
    DirBuilder::new().recursive(true).mode(PASSABLE).create(path).doing_with("making", path)?;
    // The mask of our own process may have taken the passage away.
    fs::set_permissions(path, fs::Permissions::from_mode(PASSABLE)).doing_with("making", path)
}

/// Bytes a directory's files take on the disk, those below it included.
pub(crate) fn disk_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    let entries = fs::read_dir(path).into_iter().flatten().flatten();
    entries
        .map(|entry| match fs::symlink_metadata(entry.path()) {
            Ok(metadata) if metadata.is_dir() => disk_bytes(&entry.path()),
            Ok(metadata) => metadata.blocks() * 512,
            Err(_) => 0,
        })
        .sum()
}

/// Bytes a file takes on the disk; 0 if it is not there.
pub(crate) fn file_bytes(path: &Path) -> u64 {
    use std::os::unix::fs::MetadataExt;
    fs::symlink_metadata(path).map_or(0, |metadata| metadata.blocks() * 512)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_bake_comes_first_and_the_next_has_a_name_of_its_own() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::open(directory.path()).unwrap();
        let version: TemplateVersion = "desk@0123456789ab".parse().unwrap();
        assert_eq!(layout.next_bake(&version, Size::S), "s");
        for name in ["s", "s-2", "s-10", "m", "s-1", "s-x", ".bake-s", "disk"] {
            fs::create_dir_all(layout.template(&version).join(name)).unwrap();
        }
        assert_eq!(layout.bakes(&version, Size::S), ["s-10", "s-2", "s"]);
        assert_eq!(layout.next_bake(&version, Size::S), "s-11");
        assert_eq!(layout.next_bake(&version, Size::L), "l");
    }

    #[test]
    fn blank_memory_has_a_length_and_no_blocks() {
        let directory = tempfile::tempdir().unwrap();
        let layout = Layout::open(directory.path()).unwrap();
        layout.blank_ram(Size::S).unwrap();
        layout.blank_ram(Size::S).unwrap();
        let path = directory.path().join(blank_ram_name(Size::S));
        let metadata = fs::metadata(&path).unwrap();
        assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (2 << 30, 0o444));
        assert_eq!(disk_bytes(path.parent().unwrap()), 0);
    }
}
