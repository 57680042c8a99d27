//! A secret for another program, in a file that is nowhere but in memory.

use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rolltop_engine::LayerKey;
use rustix::fs::{Gid, MemfdFlags, Mode, SealFlags, Uid, fchmod, fchown, fcntl_add_seals, memfd_create};

use crate::fault::{Doing, Fault};

/// The layer's key as QEMU takes it (text, so base64), readable by user `uid` alone through an
/// inherited descriptor. Never on a command line, in an environment or on a disk.
pub(crate) fn secret_file(key: &LayerKey, uid: u32) -> Result<OwnedFd, Fault> {
    let descriptor = memfd_create("layer-key", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .doing("making a file in memory")?;
    let mut file = File::from(descriptor);
    file.write_all(STANDARD.encode(key.bytes()).as_bytes()).doing("writing to a file in memory")?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    fcntl_add_seals(&file, seals).doing("sealing a file in memory")?;
    fchmod(&file, Mode::RUSR).doing("closing a file in memory to others")?;
    fchown(&file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))
        .doing("giving away a file in memory")?;
    Ok(file.into())
}
