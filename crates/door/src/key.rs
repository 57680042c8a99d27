//! Keys of doors: ed25519, in OpenSSH's own formats.

use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, HashAlg, PrivateKey, PublicKey};
use secrecy::SecretString;

#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("a key could not be made")]
    Generate(#[source] russh::keys::ssh_key::Error),
    #[error("not a public key in OpenSSH's one-line format")]
    Public(#[source] russh::keys::ssh_key::Error),
}

/// A new ed25519 key: the private half as OpenSSH PEM, the public half as one line without a comment.
pub fn generate_key() -> Result<(SecretString, String), KeyError> {
    let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(KeyError::Generate)?;
    let private = key.to_openssh(LineEnding::LF).map_err(KeyError::Generate)?;
    let public = key.public_key().to_openssh().map_err(KeyError::Generate)?;
    Ok((SecretString::from(private.to_string()), public.trim().to_owned()))
}

/// The fingerprint of a public line as `ssh-keygen -l` shows it, such as `SHA256:AbC…`.
pub fn fingerprint(public_line: &str) -> Result<String, KeyError> {
    let key = PublicKey::from_openssh(public_line.trim()).map_err(KeyError::Public)?;
    Ok(key.fingerprint(HashAlg::Sha256).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;

    #[test]
    fn a_generated_key_can_be_read_back_and_its_halves_belong_together() {
        let (private, public) = generate_key().unwrap();
        let key = PrivateKey::from_openssh(private.expose_secret()).unwrap();
        assert!(public.starts_with("ssh-ed25519 AAAA"), "{public}");
        assert_eq!(key.public_key().key_data(), PublicKey::from_openssh(&public).unwrap().key_data());
        assert!(fingerprint(&public).unwrap().starts_with("SHA256:"));
        assert_ne!(public, generate_key().unwrap().1);
    }
}
