//! `rolltop-guest keys` of a simulated machine.

use rolltop_guest_protocol::{KeysReply, KeysRequest};
use russh::keys::PublicKey;

use super::{Disk, Guest, Identity};

pub fn keys(guest: &Guest, input: &[u8]) -> Result<KeysReply, String> {
    let request: KeysRequest = serde_json::from_slice(input).map_err(|error| error.to_string())?;
    for line in &request.authorized_keys {
        PublicKey::from_openssh(line).map_err(|error| format!("not a public key: {error}"))?;
    }
    let identity = guest.disk().identity.ok_or("nobody has personalised this machine")?;
    let installed = request.authorized_keys.len();
    let identity = Identity { authorized_keys: request.authorized_keys, ..identity };
    guest.set_disk(Disk { identity: Some(identity) });
    Ok(KeysReply { installed })
}
