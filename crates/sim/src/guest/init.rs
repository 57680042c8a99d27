//! `rolltop-guest init` of a simulated machine: the same promises, in memory.

use rolltop_guest_protocol::{InitReply, InitRequest, InitStep};
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey, PublicKey};

use super::{Disk, Guest, Identity};

pub fn init(guest: &Guest, input: &[u8]) -> Result<InitReply, String> {
    let request: InitRequest = serde_json::from_slice(input).map_err(|error| error.to_string())?;
    for line in std::iter::once(&request.door_public_key).chain(&request.authorized_keys) {
        PublicKey::from_openssh(line).map_err(|error| format!("not a public key: {error}"))?;
    }
    let kept = guest.disk().identity.filter(|identity| identity.desktop == request.desktop);
    let renewed = kept.is_none();
    let host_key = match kept {
        Some(identity) => PrivateKey::from_openssh(&identity.host_key),
        None => PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519),
    };
    let host_key = host_key.map_err(|error| error.to_string())?;
    let host_public_key =
        host_key.public_key().to_openssh().map_err(|error| error.to_string())?.trim().to_owned();
    guest.screen().rename(&request.hostname);
    guest.set_disk(Disk {
        identity: Some(Identity {
            desktop: request.desktop,
            hostname: request.hostname,
            host_key: host_key.to_openssh(LineEnding::LF).map_err(|error| error.to_string())?.to_string(),
            door_key: request.door_public_key,
            authorized_keys: request.authorized_keys,
        }),
    });
    let steps = vec![InitStep { name: "identity".into(), ms: 0 }];
    Ok(InitReply { host_public_key, renewed, reloaded: renewed, steps, left_undone: Vec::new() })
}
