//! A blank qcow2 image (version 3), written out: header, refcounts, an empty table of the first level, and
//! the LUKS header. QEMU's `docs/interop/qcow2` is the format.

/// 64 KiB, as `qemu-img` has it by default.
const CLUSTER_BITS: u32 = 16;
pub(super) const CLUSTER: usize = 1 << CLUSTER_BITS;
/// The parts, in clusters from the beginning. All of them have one but the last.
const REFCOUNT_TABLE: usize = 1;
const REFCOUNT_BLOCK: usize = 2;
const FIRST_LEVEL: usize = 3;
const CRYPTO: usize = 4;
/// Bytes of the fixed part of a header.
const HEADER: usize = 112;
/// How it is encrypted.
const LUKS: u32 = 2;
const PLAIN: u32 = 0;
const BACKING_FORMAT: u32 = 0xe279_2aca;
const CRYPTO_HEADER: u32 = 0x0537_be77;
/// What one entry of the first level stands for, bytes.
const REACH: u64 = 1 << (CLUSTER_BITS + CLUSTER_BITS - 3);

/// The header, its whole cluster: of an image of `size` bytes with a LUKS header of `crypto` bytes or none, over `backing`, a
/// qcow2 image by its path as seen from this one's folder.
fn header(size: u64, crypto: usize, backing: &str) -> Vec<u8> {
    let mut extensions = Vec::new();
    if crypto > 0 {
        extension(&mut extensions, CRYPTO_HEADER, &[at(CRYPTO), wide(crypto)].concat());
    }
    extension(&mut extensions, BACKING_FORMAT, b"qcow2");
    extension(&mut extensions, 0, b"");
    let name_at = wide_length(HEADER + extensions.len());
    let mut all = Vec::with_capacity(CLUSTER);
    all.extend_from_slice(b"QFI\xfb");
    all.extend_from_slice(&3u32.to_be_bytes());
    all.extend_from_slice(&name_at.to_be_bytes());
    all.extend_from_slice(&short(backing.len()));
    all.extend_from_slice(&CLUSTER_BITS.to_be_bytes());
    all.extend_from_slice(&size.to_be_bytes());
    all.extend_from_slice(&if crypto > 0 { LUKS } else { PLAIN }.to_be_bytes());
    all.extend_from_slice(&short(first_level(size)));
    all.extend_from_slice(&at(FIRST_LEVEL));
    all.extend_from_slice(&at(REFCOUNT_TABLE));
    all.extend_from_slice(&1u32.to_be_bytes());
    // No snapshots, no features.
    all.extend_from_slice(&[0; 4 + 8 + 8 + 8 + 8]);
    // Sixteen bits for each count.
    all.extend_from_slice(&4u32.to_be_bytes());
    all.extend_from_slice(&short(HEADER));
    // How clusters are compressed, which none is.
    all.resize(HEADER, 0);
    all.extend_from_slice(&extensions);
    all.extend_from_slice(backing.as_bytes());
    all.resize(CLUSTER, 0);
    all
}

/// A whole blank image; plain where there is no LUKS header.
pub(super) fn blank(size: u64, luks: &[u8], backing: &str) -> Vec<u8> {
    let clusters = CRYPTO + luks.len().div_ceil(CLUSTER);
    let mut all = header(size, luks.len(), backing);
    all.extend_from_slice(&at(REFCOUNT_BLOCK));
    all.resize(REFCOUNT_BLOCK * CLUSTER, 0);
    for _ in 0..clusters {
        all.extend_from_slice(&1u16.to_be_bytes());
    }
    all.resize(CRYPTO * CLUSTER, 0);
    all.extend_from_slice(luks);
    all.resize(clusters * CLUSTER, 0);
    all
}

/// Entries of the first level.
fn first_level(size: u64) -> usize {
    usize::try_from(size.div_ceil(REACH)).unwrap_or(usize::MAX)
}

fn extension(into: &mut Vec<u8>, kind: u32, data: &[u8]) {
    into.extend_from_slice(&kind.to_be_bytes());
    into.extend_from_slice(&short(data.len()));
    into.extend_from_slice(data);
    into.resize(into.len().next_multiple_of(8), 0);
}

fn at(cluster: usize) -> [u8; 8] {
    wide(cluster * CLUSTER)
}

fn wide_length(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn wide(number: usize) -> [u8; 8] {
    wide_length(number).to_be_bytes()
}

fn short(number: usize) -> [u8; 4] {
    u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes()
}
