//! A public key as somebody pasted it: read strictly, because it becomes a line in a file that says
//! who may log in.

use ssh_key::{Algorithm, HashAlg, PublicKey};

use crate::kernel::error::explained;

/// Shortest RSA key that is taken, bits.
const SHORTEST_RSA: u32 = 3072;
/// Longest line that is read, bytes: a 16384-bit RSA key has less than 3 KiB.
const LONGEST: usize = 8 * 1024;
const LONGEST_COMMENT: usize = 64;

explained! {
    /// Why a text is not a public key that opens desktops. Never repeats the text: it may be a secret.
    #[derive(Clone, Copy, PartialEq, Eq)]
    pub enum PublicKeyError {
        Private => PrivateKey in "public_key", "This is a private key, and it stays with you: paste the public one, which is in the file ending in .pub; make a new pair if anybody else may have seen this text.";
        NotAKey => InvalidKey in "public_key", "Paste one public key: one line such as ssh-ed25519 AAAA…, as it is in the file ending in .pub.";
        SeveralLines => InvalidKey in "public_key", "Paste one key at a time; this is more than one line.";
        Certificate => InvalidKey in "public_key", "This is a certificate; paste the public key itself, from the file ending in .pub without -cert.";
        Dsa => WeakKey in "public_key", "DSA keys are too weak; make a new pair with ssh-keygen -t ed25519.";
        ShortRsa(u32) => WeakKey in "public_key", "An RSA key has to have {SHORTEST_RSA} bits or more and this one has {0}; make a new pair with ssh-keygen -t ed25519.";
        UnknownKind => InvalidKey in "public_key", "Keys of this kind are not known here; make a new pair with ssh-keygen -t ed25519.";
    }
}

/// A public key that is good enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AcceptedKey {
    /// One OpenSSH line without a comment.
    pub line: String,
    /// Its algorithm's name.
    pub kind: String,
    /// `SHA256:` and base64.
    pub fingerprint: String,
    /// What stood behind it, such as `sam@laptop`, where that is plain text.
    pub comment: Option<String>,
}

pub(crate) fn read(text: &str) -> Result<AcceptedKey, PublicKeyError> {
    let text = text.trim();
    if is_private(text) {
        return Err(PublicKeyError::Private);
    }
    if text.is_empty() || text.len() > LONGEST {
        return Err(PublicKeyError::NotAKey);
    }
    if text.lines().count() > 1 && text.starts_with("ssh-") {
        return Err(PublicKeyError::SeveralLines);
    }
    if text.chars().any(char::is_control) {
        return Err(PublicKeyError::NotAKey);
    }
    if text.split(' ').next().is_some_and(|kind| kind.contains("-cert-v0")) {
        return Err(PublicKeyError::Certificate);
    }
    let mut key = PublicKey::from_openssh(text).map_err(|_| PublicKeyError::NotAKey)?;
    check_strength(&key)?;
    let comment = key.comment().as_str().ok().map(str::trim).and_then(plain);
    key.set_comment("");
    let line = key.to_openssh().map_err(|_| PublicKeyError::NotAKey)?;
    Ok(AcceptedKey {
        line: line.trim().to_owned(),
        kind: key.algorithm().to_string(),
        fingerprint: key.fingerprint(HashAlg::Sha256).to_string(),
        comment,
    })
}

/// The fingerprint of a public line, as `ssh-keygen -l` shows it.
pub fn fingerprint(public_line: &str) -> Option<String> {
    Some(PublicKey::from_openssh(public_line.trim()).ok()?.fingerprint(HashAlg::Sha256).to_string())
}

/// Every form that private keys are kept in begins with words that no public key has.
fn is_private(text: &str) -> bool {
    text.contains("PRIVATE KEY") || text.starts_with("PuTTY-User-Key-File")
}

fn check_strength(key: &PublicKey) -> Result<(), PublicKeyError> {
    match key.algorithm() {
        Algorithm::Dsa => Err(PublicKeyError::Dsa),
        Algorithm::Rsa { .. } => match key.key_data().rsa().map_or(0, |rsa| rsa.key_size()) {
            bits if bits < SHORTEST_RSA => Err(PublicKeyError::ShortRsa(bits)),
            _ => Ok(()),
        },
        Algorithm::Ed25519
        | Algorithm::Ecdsa { .. }
        | Algorithm::SkEd25519
        | Algorithm::SkEcdsaSha2NistP256 => Ok(()),
        _ => Err(PublicKeyError::UnknownKind),
    }
}

/// A text that can be shown as a name.
fn plain(text: &str) -> Option<String> {
    let plain = !text.is_empty()
        && text.chars().count() <= LONGEST_COMMENT
        && text.chars().all(|c| c.is_alphanumeric() || c.is_ascii_graphic() || c == ' ');
    plain.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN sam@laptop";

    #[test]
    fn a_key_is_kept_without_its_comment() {
        let key = read(&format!("  {ED25519}\n")).unwrap();
        assert_eq!(key.line, ED25519.rsplit_once(' ').unwrap().0);
        assert_eq!((key.kind.as_str(), key.comment.as_deref()), ("ssh-ed25519", Some("sam@laptop")));
        assert!(key.fingerprint.starts_with("SHA256:") && key.fingerprint.len() == 50, "{}", key.fingerprint);
        assert_eq!(read(&key.line).unwrap().comment, None);
    }

    #[test]
    fn a_private_key_is_known_in_every_form() {
        for text in [
            "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEA\n-----END OPENSSH PRIVATE KEY-----",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n",
            "-----BEGIN ENCRYPTED PRIVATE KEY-----",
            "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----",
            "PuTTY-User-Key-File-3: ssh-ed25519",
        ] {
            assert_eq!(read(text), Err(PublicKeyError::Private), "{text}");
        }
    }

    #[test]
    fn what_is_no_single_plain_key_is_refused() {
        let cut = ED25519.get(..60).unwrap();
        for text in ["", "hello", cut, "ssh-ed25519", "ssh-ed25519 !!!!", "ssh-ed25519 AAAA\u{0}B"] {
            assert_eq!(read(text), Err(PublicKeyError::NotAKey), "{text:?}");
        }
        assert_eq!(read(&format!("command=\"sh\" {ED25519}")), Err(PublicKeyError::NotAKey));
        assert_eq!(read(&format!("{ED25519}\n{ED25519}")), Err(PublicKeyError::SeveralLines));
        assert_eq!(read(&"x".repeat(LONGEST + 1)), Err(PublicKeyError::NotAKey));
        let certificate = ED25519.replacen("ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com", 1);
        assert_eq!(read(&certificate), Err(PublicKeyError::Certificate));
        // A name that hides what it is becomes none.
        assert_eq!(read(&ED25519.replace("sam@laptop", "a\u{202e}b")).unwrap().comment, None);
    }

    /// An SSH public line of RSA or DSA with numbers of this many bits: strength is judged by size alone.
    fn line(kind: &str, numbers: &[usize]) -> String {
        use base64::Engine as _;
        let mut blob = Vec::new();
        let mut put = |bytes: &[u8]| {
            blob.extend_from_slice(&u32::try_from(bytes.len()).unwrap().to_be_bytes());
            blob.extend_from_slice(bytes);
        };
        put(kind.as_bytes());
        for bits in numbers {
            let mut number = vec![0xa5; bits / 8];
            if bits % 8 == 0 {
                number.insert(0, 0); // positive
            } else {
                number.insert(0, 1);
            }
            put(&number);
        }
        format!("{kind} {}", base64::engine::general_purpose::STANDARD.encode(blob))
    }

    #[test]
    fn weak_keys_are_refused_and_strong_ones_of_every_kind_taken() {
        assert_eq!(read(&line("ssh-rsa", &[17, 2048])), Err(PublicKeyError::ShortRsa(2048)));
        assert!(read(&line("ssh-rsa", &[17, 3072])).unwrap().kind.contains("rsa"));
        assert!(read(&line("ssh-rsa", &[17, 4096])).is_ok());
        assert_eq!(read(&line("ssh-dss", &[1024, 160, 1024, 1024])), Err(PublicKeyError::Dsa));
        let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
        assert!(
            matches!(read(ecdsa), Err(PublicKeyError::NotAKey) | Ok(_)),
            "no panic on a point that is none"
        );
    }
}
