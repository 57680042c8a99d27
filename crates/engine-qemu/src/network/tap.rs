//! Attaching to a TAP interface. `unsafe` is here because the kernel's one way to say which
//! interface an open `/dev/net/tun` stands for is an ioctl with a C structure.
#![expect(unsafe_code, reason = "TUNSETIFF has no safe wrapper in rustix or std")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

/// Opens the TAP interface `name` of the calling thread's network namespace. The interface has
/// to exist; it was made with `vnet_hdr`, so that offloads work as QEMU's virtio-net wants them.
pub(super) fn open(name: &str) -> io::Result<OwnedFd> {
    let device = std::fs::File::options().read(true).write(true).open("/dev/net/tun")?;
    let mut request = libc::ifreq {
        ifr_name: [0; libc::IFNAMSIZ],
        ifr_ifru: libc::__c_anonymous_ifr_ifru {
            ifru_flags: (libc::IFF_TAP | libc::IFF_NO_PI | libc::IFF_VNET_HDR) as libc::c_short,
        },
    };
    if name.len() >= libc::IFNAMSIZ {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "an interface's name is too long"));
    }
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as libc::c_char;
    }
    // SAFETY: the descriptor is open for the whole call, and `request` is an initialised
    // `ifreq` that outlives it; TUNSETIFF reads and writes no more than that structure.
    let answer = unsafe { libc::ioctl(device.as_raw_fd(), libc::TUNSETIFF as _, &mut request) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(device.into()) }
}
