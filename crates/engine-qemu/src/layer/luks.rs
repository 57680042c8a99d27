//! A LUKS header (version 1, the on-disk format of cryptsetup's specification) for a layer: a new random
//! master key, sealed under the layer's own.
//!
//! `qemu-img` measures for seconds how often it should stretch a passphrase. The keys of layers are 256 random
//! bits, which nobody guesses and stretching does not help, so here that is done as rarely as may be.

use std::num::NonZeroU32;

use aws_lc_rs::cipher::{AES_256, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::pbkdf2::{PBKDF2_HMAC_SHA256, derive};
use aws_lc_rs::rand;

use crate::fault::Fault;

/// Bytes of a sector, in which everything is counted.
const SECTOR: usize = 512;
/// Bytes of a master key: two keys of AES-256, for XTS.
const MASTER: usize = 64;
const SALT: usize = 32;
const DIGEST: usize = 20;
/// The master key is spread over so many pieces of its own length.
const STRIPES: usize = 4000;
const SLOTS: usize = 8;
/// Where the first slot's material begins, and how far apart two are, sectors.
const FIRST_SLOT: usize = 8;
const SLOT_SECTORS: usize = 504;
/// All of the header: what is encrypted begins after that.
pub(super) const LENGTH: usize = (FIRST_SLOT + SLOTS * SLOT_SECTORS) * SECTOR;

const ITERATIONS: NonZeroU32 = NonZeroU32::new(1000).unwrap();
const ACTIVE: u32 = 0x00ac_71f3;
const INACTIVE: u32 = 0x0000_dead;

/// A header whose first slot opens with `passphrase`.
pub(super) fn header(passphrase: &[u8]) -> Result<Vec<u8>, Fault> {
    let mut master = random::<MASTER>()?;
    let (master_salt, slot_salt) = (random::<SALT>()?, random::<SALT>()?);
    let mut all = Writer(Vec::with_capacity(LENGTH));
    all.bytes(b"LUKS\xba\xbe");
    all.bytes(&1u16.to_be_bytes());
    all.text("aes", 32);
    all.text("xts-plain64", 32);
    all.text("sha256", 32);
    all.number(LENGTH / SECTOR);
    all.number(MASTER);
    all.bytes(&stretched::<DIGEST>(&master, &master_salt));
    all.bytes(&master_salt);
    all.bytes(&ITERATIONS.get().to_be_bytes());
    all.text(&uuid::Uuid::new_v4().to_string(), 40);
    for slot in 0..SLOTS {
        let is_ours = slot == 0;
        all.bytes(&if is_ours { ACTIVE } else { INACTIVE }.to_be_bytes());
        all.bytes(&if is_ours { ITERATIONS.get() } else { 0 }.to_be_bytes());
        all.bytes(if is_ours { &slot_salt } else { &[0; SALT] });
        all.number(FIRST_SLOT + slot * SLOT_SECTORS);
        all.number(STRIPES);
    }
    all.0.resize(FIRST_SLOT * SECTOR, 0);
    let mut material = spread(&master)?;
    master.fill(0);
    encrypt(&mut material, &stretched::<MASTER>(passphrase, &slot_salt))?;
    all.bytes(&material);
    all.0.resize(LENGTH, 0);
    Ok(all.0)
}

struct Writer(Vec<u8>);

impl Writer {
    fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    /// Padded with zeros.
    fn text(&mut self, text: &str, length: usize) {
        let end = self.0.len() + length;
        self.bytes(text.as_bytes());
        self.0.resize(end, 0);
    }

    fn number(&mut self, number: usize) {
        self.bytes(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
    }
}

fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Fault> {
    let mut bytes = [0; LENGTH];
    rand::fill(&mut bytes).map_err(|_| failed())?;
    Ok(bytes)
}

fn failed() -> Fault {
    Fault::Other("a layer's header could not be encrypted".into())
}

fn stretched<const LENGTH: usize>(secret: &[u8], salt: &[u8]) -> [u8; LENGTH] {
    let mut key = [0; LENGTH];
    derive(PBKDF2_HMAC_SHA256, ITERATIONS, salt, secret, &mut key);
    key
}

/// The anti-forensic splitter: all pieces are needed to have the key again.
fn spread(key: &[u8; MASTER]) -> Result<Vec<u8>, Fault> {
    let mut pieces = vec![0; MASTER * STRIPES];
    let (random, last) = pieces.split_at_mut(MASTER * (STRIPES - 1));
    rand::fill(random).map_err(|_| failed())?;
    let mut mixed = [0; MASTER];
    for piece in random.chunks_exact(MASTER) {
        xor(&mut mixed, piece);
        diffuse(&mut mixed);
    }
    last.copy_from_slice(key);
    xor(last, &mixed);
    Ok(pieces)
}

fn xor(into: &mut [u8], with: &[u8]) {
    for (a, b) in into.iter_mut().zip(with) {
        *a ^= b;
    }
}

/// Each part of a digest's length becomes the digest of its number and itself.
fn diffuse(block: &mut [u8; MASTER]) {
    for (number, part) in (0u32..).zip(block.chunks_exact_mut(SHA256.output_len())) {
        let numbered = [&number.to_be_bytes(), &*part].concat();
        part.copy_from_slice(digest(&SHA256, &numbered).as_ref());
    }
}

/// AES-256-XTS, sector by sector from number 0.
fn encrypt(data: &mut [u8], key: &[u8; MASTER]) -> Result<(), Fault> {
    let (first, second) = key.split_at(MASTER / 2);
    let cipher =
        |key: &[u8]| UnboundCipherKey::new(&AES_256, key).and_then(EncryptingKey::ecb).map_err(|_| failed());
    // The tweak of every sector, and from it that of every block.
    let mut tweaks = vec![0; data.len() / SECTOR * 16];
    for (number, tweak) in (0u64..).zip(tweaks.chunks_exact_mut(16)) {
        if let Some(low) = tweak.first_chunk_mut::<8>() {
            *low = number.to_le_bytes();
        }
    }
    cipher(second)?.encrypt(&mut tweaks).map_err(|_| failed())?;
    let mut mask = Vec::with_capacity(data.len());
    for tweak in tweaks.as_chunks::<16>().0 {
        let mut tweak = u128::from_le_bytes(*tweak);
        for _ in 0..SECTOR / 16 {
            mask.extend_from_slice(&tweak.to_le_bytes());
            // Times x in the field of 2^128 elements.
            tweak = (tweak << 1) ^ if tweak >> 127 == 1 { 0x87 } else { 0 };
        }
    }
    xor(data, &mask);
    cipher(first)?.encrypt(data).map_err(|_| failed())?;
    xor(data, &mask);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The first vector of IEEE 1619 for XTS-AES-256 (vector 10), whose sector is number 0xff.
    #[test]
    fn encryption_is_that_of_the_standard() {
        let key: Vec<u8> = [
            "2718281828459045235360287471352662497757247093699959574966967627",
            "3141592653589793238462643383279502884197169399375105820974944592",
        ]
        .concat()
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect();
        let plain: Vec<u8> = (0..=255u8).cycle().take(SECTOR).collect();
        let mut data = vec![0; 255 * SECTOR];
        data.extend(plain);
        encrypt(&mut data, key.as_slice().try_into().unwrap()).unwrap();
        let expected =
            [0x1c, 0x3b, 0x3a, 0x10, 0x2f, 0x77, 0x03, 0x86, 0xe4, 0x83, 0x6c, 0x99, 0xe3, 0x70, 0xcf, 0x9b];
        assert_eq!(data.get(255 * SECTOR..255 * SECTOR + 16), Some(&expected[..]));
    }

    #[test]
    fn the_pieces_give_the_key_again_and_each_header_has_its_own() {
        let key = [7; MASTER];
        let pieces = spread(&key).unwrap();
        let (random, last) = pieces.split_at(MASTER * (STRIPES - 1));
        let mut mixed = [0; MASTER];
        for piece in random.chunks_exact(MASTER) {
            xor(&mut mixed, piece);
            diffuse(&mut mixed);
        }
        xor(&mut mixed, last);
        assert_eq!(mixed, key);
        let (one, other) = (header(b"secret").unwrap(), header(b"secret").unwrap());
        assert_eq!((one.len(), one.get(..6)), (LENGTH, Some(&b"LUKS\xba\xbe"[..])));
        assert_ne!(one.get(112..132), other.get(112..132), "another master key");
    }
}
