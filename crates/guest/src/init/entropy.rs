//! Random bytes into the kernel's pool, which needs two ioctls.
//!
//! After a fork two machines have the same pool. The kernel notices by vmgenid; this makes sure
//! of it with bytes of the host's, credited, and has the generator seeded from them at once.

#![expect(unsafe_code, reason = "two ioctls of /dev/urandom have no safe wrapper")]

use std::fs::OpenOptions;
use std::io;

use rustix::ioctl::{NoArg, Opcode, Setter, ioctl, opcode};

/// Bytes credited at a time; the rest of longer input is added in further rounds.
const ROUND: usize = 64;

/// `struct rand_pool_info` of linux/random.h with its buffer.
#[repr(C)]
struct PoolInfo {
    entropy_bits: i32,
    buffer_bytes: i32,
    buffer: [u8; ROUND],
}

/// `_IOW('R', 0x03, int [2])`
const ADD_ENTROPY: Opcode = opcode::write::<[i32; 2]>(b'R', 0x03);
/// `_IO('R', 0x07)`
const RESEED: Opcode = opcode::none(b'R', 0x07);

pub fn add(bytes: &[u8]) -> io::Result<()> {
    let pool = OpenOptions::new().write(true).open("/dev/urandom")?;
    for round in bytes.chunks(ROUND) {
        let mut buffer = [0; ROUND];
        let mut length = 0;
        for (place, byte) in buffer.iter_mut().zip(round) {
            *place = *byte;
            length += 1;
        }
        let info = PoolInfo { entropy_bits: length * 8, buffer_bytes: length, buffer };
        // SAFETY: the kernel reads the two ints and then `buffer_bytes` bytes, all within `info`.
        unsafe { ioctl(&pool, Setter::<ADD_ENTROPY, PoolInfo>::new(info)) }?;
    }
    // SAFETY: takes no argument.
    unsafe { ioctl(&pool, NoArg::<RESEED>::new()) }?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_opcodes_are_the_kernels() {
        assert_eq!((ADD_ENTROPY, RESEED), (0x4008_5203, 0x5207));
    }
}
