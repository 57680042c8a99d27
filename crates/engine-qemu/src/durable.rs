//! Files that are whole or not there, whatever happens in between.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::fault::{Doing, Fault};

/// Writes a file so that after a crash it has its old content or its new one.
pub(crate) fn write(path: &Path, content: &[u8], mode: u32) -> Result<(), Fault> {
    let temporary = path.with_extension("tmp");
    let opened = File::options().write(true).create(true).truncate(true).mode(mode).open(&temporary);
    let mut file = opened.doing_with("writing", &temporary)?;
    let written = file.write_all(content).and_then(|()| file.sync_all()).doing_with("writing", &temporary);
    if written.is_err() {
        remove(&temporary)?;
    }
    written?;
    rename(&temporary, path)
}

/// Renames for good.
pub(crate) fn rename(from: &Path, to: &Path) -> Result<(), Fault> {
    fs::rename(from, to).doing_with("renaming", from)?;
    to.parent().map_or(Ok(()), sync_directory)
}

/// Makes names in a directory last.
pub(crate) fn sync_directory(directory: &Path) -> Result<(), Fault> {
    let directory = if directory.as_os_str().is_empty() { Path::new(".") } else { directory };
    File::open(directory).and_then(|file| file.sync_all()).doing_with("syncing", directory)
}

/// Removes a file; `false` if it was not there.
pub(crate) fn remove(path: &Path) -> Result<bool, Fault> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error).doing_with("removing", path),
    }
}
