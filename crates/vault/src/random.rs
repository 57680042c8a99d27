//! Random bytes from the operating system's seeded generator.

use secrecy::SecretBox;

/// `N` random bytes.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0u8; N];
    rand::fill(&mut bytes);
    bytes
}

/// A new 256-bit key.
pub fn random_key() -> SecretBox<[u8; 32]> {
    SecretBox::new(Box::new(random_bytes()))
}
