//! SSH keys, as far as pages show them.

use axum::extract::{Json, Path, State as Shared};
use http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use rolltop_api_types::{
    Code, CreateSshKey, Desktop, DesktopSsh, JumpHost, KeyDelivery, SshKey, SshKeyAdded, SshKeyList,
    SshKeyRemoved,
};
use rolltop_model::SshKeyId;
use secrecy::ExposeSecret;

use super::routes::{App, Refused, refuse, refuse_field};

const LINE: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFm8nrEsOtM0vYFbmNBCfQ+1bbxLYtp5Fx+T3Hkhq1xN";
const FINGERPRINT: &str = "SHA256:1V6zZ4pYxXv8m1nZp8mP0k1u9bZt3y6mJ2b5b1bq7aA";
const DELIVERY: KeyDelivery = KeyDelivery { done: 2, pending: 0, at_next_start: 1 };

fn key(number: u128, name: &str, kind: &str, used: bool) -> SshKey {
    let now = Timestamp::now();
    SshKey {
        id: SshKeyId::from_u128(number),
        name: name.to_owned(),
        kind: kind.to_owned(),
        public_key: LINE.to_owned(),
        fingerprint: FINGERPRINT.to_owned(),
        created_at: now - SignedDuration::from_hours(70),
        expires_at: (!used).then(|| now + SignedDuration::from_hours(240)),
        used_at: used.then(|| now - SignedDuration::from_mins(5)),
    }
}

pub fn canned() -> Vec<SshKey> {
    vec![key(1, "sam@laptop", "ssh-ed25519", true), key(2, "old-workstation", "ssh-rsa", false)]
}

pub fn of(desktop: &Desktop) -> DesktopSsh {
    DesktopSsh {
        id: desktop.id,
        name: desktop.name.clone(),
        user: "desk".to_owned(),
        host_key: Some(LINE.to_owned()),
        fingerprint: Some(FINGERPRINT.to_owned()),
        jump: Some(JumpHost {
            user: "rolltop".to_owned(),
            port: 2222,
            host_key: LINE.to_owned(),
            fingerprint: FINGERPRINT.to_owned(),
        }),
    }
}

pub async fn list(Shared(state): Shared<App>) -> Json<SshKeyList> {
    Json(SshKeyList { items: state.keys.lock().expect("no test panicked").clone() })
}

pub async fn add(
    Shared(state): Shared<App>,
    Json(body): Json<CreateSshKey>,
) -> Result<(StatusCode, Json<SshKeyAdded>), Refused> {
    let text = body.public_key.expose_secret();
    if text.contains("PRIVATE KEY") {
        return refuse_field(Code::PrivateKey, "public_key", "This is a private key, and it stays with you.");
    }
    if !text.starts_with("ssh-") {
        return refuse_field(Code::InvalidKey, "public_key", "Paste one public key.");
    }
    let mut keys = state.keys.lock().expect("no test panicked");
    let added = key(10 + keys.len() as u128, &body.name.unwrap_or("comment".into()), "ssh-ed25519", false);
    keys.push(added.clone());
    Ok((StatusCode::CREATED, Json(SshKeyAdded { key: added, delivery: DELIVERY })))
}

pub async fn remove(
    Shared(state): Shared<App>,
    Path(id): Path<String>,
) -> Result<Json<SshKeyRemoved>, Refused> {
    let mut keys = state.keys.lock().expect("no test panicked");
    let before = keys.len();
    keys.retain(|key| key.id.to_string() != id);
    if keys.len() == before {
        return refuse(Code::NotFound, "There is no such key.");
    }
    Ok(Json(SshKeyRemoved { delivery: DELIVERY }))
}
