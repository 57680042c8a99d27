//! A secret for another program, or from it, in a file that is nowhere but in memory.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::{AsFd, OwnedFd, RawFd};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rolltop_engine::LayerKey;
use rustix::fs::{Gid, MemfdFlags, Mode, SealFlags, Uid, fchmod, fchown, fcntl_add_seals, memfd_create};

use super::Process;
use crate::fault::{Doing, Fault};

/// The name of the file that a machine writes its devices' state to.
const DEVICES: &str = "rolltop-devices";
/// Most that is read of it, bytes; a few hundred thousand are usual.
const MAX_DEVICES: u64 = 32 << 20;

/// The layer's key as QEMU takes it (text, so base64), readable by user `uid` alone through an
/// inherited descriptor. Never on a command line, in an environment or on a disk.
pub(crate) fn secret_file(key: &LayerKey, uid: u32) -> Result<OwnedFd, Fault> {
    sealed_file("layer-key", passphrase(key).as_bytes(), uid)
}

/// A layer's key as QEMU takes passphrases: text.
pub(crate) fn passphrase(key: &LayerKey) -> String {
    STANDARD.encode(key.bytes())
}

/// A file with `content` that user `uid` alone may read, and nobody change.
pub(crate) fn sealed_file(name: &str, content: &[u8], uid: u32) -> Result<OwnedFd, Fault> {
    let descriptor = memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)
        .doing("making a file in memory")?;
    let mut file = File::from(descriptor);
    file.write_all(content).doing("writing to a file in memory")?;
    file.rewind().doing("writing to a file in memory")?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    fcntl_add_seals(&file, seals).doing("sealing a file in memory")?;
    give_away(&file, uid, Mode::RUSR)?;
    Ok(file.into())
}

/// An empty file for a machine of user `uid` to write its devices' state to; see [`devices_descriptor`].
pub(crate) fn devices_file(uid: u32) -> Result<OwnedFd, Fault> {
    let file = memfd_create(DEVICES, MemfdFlags::CLOEXEC).doing("making a file in memory")?;
    give_away(&file, uid, Mode::RUSR | Mode::WUSR)?;
    Ok(file)
}

/// Where `process` has that file: the number among its descriptors.
pub(crate) fn devices_descriptor(process: Process) -> Result<RawFd, Fault> {
    let place = format!("/proc/{}/fd", process.pid);
    let wanted = format!("/memfd:{DEVICES} (deleted)");
    let entries = std::fs::read_dir(place).doing("reading a machine's descriptors")?;
    entries
        .flatten()
        .filter(|entry| {
            std::fs::read_link(entry.path()).is_ok_and(|link| link.as_os_str() == wanted.as_str())
        })
        .find_map(|entry| entry.file_name().to_str()?.parse().ok())
        .ok_or_else(|| Fault::Other("the machine has no file for its devices' state".into()))
}

/// What `process` has written to it.
pub(crate) fn devices_written(process: Process, descriptor: RawFd) -> Result<Vec<u8>, Fault> {
    let file = File::open(format!("/proc/{}/fd/{descriptor}", process.pid));
    let mut content = Vec::new();
    file.and_then(|file| file.take(MAX_DEVICES).read_to_end(&mut content))
        .doing("reading the state of a machine's devices")?;
    if content.is_empty() || content.len() as u64 == MAX_DEVICES {
        return Err(Fault::Other("the state of a machine's devices makes no sense".into()));
    }
    Ok(content)
}

fn give_away(file: &impl AsFd, uid: u32, mode: Mode) -> Result<(), Fault> {
    fchmod(file, mode).doing("closing a file in memory to others")?;
    fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid))).doing("giving away a file in memory")
}
