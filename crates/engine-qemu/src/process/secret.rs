//! A secret for another program, or from it, in a file that is nowhere but in memory.

use std::fs::File;
use std::io::{Seek, Write};
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rolltop_engine::LayerKey;
use rustix::fs::{
    Gid, MemfdFlags, Mode, SealFlags, Uid, fchmod, fchown, fcntl_add_seals, fcntl_get_seals, memfd_create,
};
use rustix::process::{PidfdGetfdFlags, pidfd_getfd};

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
    let gone = || Fault::Other("the machine has ended".into());
    let handle = process.handle().ok_or_else(gone)?;
    // The very file, not its name: opening that anew would be done with our rights, whatever it is by now.
    let file =
        pidfd_getfd(handle, descriptor, PidfdGetfdFlags::empty()).doing("reading a machine's descriptor")?;
    let content = in_memory(&File::from(file))?;
    if content.is_empty() || content.len() as u64 == MAX_DEVICES {
        return Err(Fault::Other("the state of a machine's devices makes no sense".into()));
    }
    Ok(content)
}

/// What is in a file that is nowhere but in memory. Of any other, such as a pipe that nobody writes to, nothing is read.
fn in_memory(file: &File) -> Result<Vec<u8>, Fault> {
    // Only such files have seals.
    fcntl_get_seals(file).doing("reading the state of a machine's devices: it is not where it should be")?;
    let mut content = Vec::new();
    let mut piece = vec![0; 64 << 10];
    while (content.len() as u64) < MAX_DEVICES {
        // By place: the machine may be moving in it.
        let read = file
            .read_at(&mut piece, content.len() as u64)
            .doing("reading the state of a machine's devices")?;
        if read == 0 {
            break;
        }
        content.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
    content.truncate(usize::try_from(MAX_DEVICES).unwrap_or(usize::MAX));
    Ok(content)
}

fn give_away(file: &impl AsFd, uid: u32, mode: Mode) -> Result<(), Fault> {
    fchmod(file, mode).doing("closing a file in memory to others")?;
    fchown(file, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid))).doing("giving away a file in memory")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_machines_descriptors_only_files_in_memory_are_read() {
        let mut kept = File::from(memfd_create(DEVICES, MemfdFlags::CLOEXEC).unwrap());
        kept.write_all(&[7; 100_000]).unwrap();
        assert_eq!(in_memory(&kept).unwrap(), [7; 100_000], "wherever its writer is in it");
        let me = Process::of(i32::try_from(std::process::id()).unwrap()).unwrap();
        let number = std::os::fd::AsRawFd::as_raw_fd(&kept);
        assert_eq!(devices_written(me, number).unwrap().len(), 100_000);

        // What else could be under that number: a file of root's, a pipe that is never written to, a device.
        let place = tempfile::tempdir().unwrap();
        let fifo = place.path().join("fifo");
        rustix::fs::mkfifoat(rustix::fs::CWD, &fifo, Mode::RUSR | Mode::WUSR).unwrap();
        let fifo = File::options().read(true).write(true).open(fifo).unwrap();
        for other in [File::open("/etc/passwd").unwrap(), fifo, File::open("/dev/zero").unwrap()] {
            in_memory(&other).unwrap_err();
            devices_written(me, std::os::fd::AsRawFd::as_raw_fd(&other)).unwrap_err();
        }
        let name = rustix::fs::open("/etc/passwd", rustix::fs::OFlags::PATH, Mode::empty()).unwrap();
        devices_written(me, std::os::fd::AsRawFd::as_raw_fd(&name)).unwrap_err();
    }
}
