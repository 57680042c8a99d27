//! The state directory: who may enter which part of it.
//!
//! Every role changes into it while still root and then uses relative paths only, because an
//! unprivileged user may not be able to walk the path above it (a checkout under `/root`).

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;

use anyhow::Context as _;

use crate::privileges::Identity;

pub const HOST_SOCKET: &str = "run/host.sock";
pub const API_DIR: &str = "run/api";
pub const API_SOCKET: &str = "run/api/api.sock";
pub const ADMIN_SOCKET: &str = "run/api/admin.sock";
pub const GATEWAY_DIR: &str = "run/gateway";
pub const GATEWAY_SOCKET: &str = "run/gateway/gateway.sock";
pub const API_DATA: &str = "api";
/// The SQLite file, and its name once what was in it is in PostgreSQL.
pub const DATABASE: &str = "api/rolltop.db";
pub const MOVED_DATABASE: &str = "api/rolltop.db.moved";
pub const WEB_DATA: &str = "web";
/// The public address, written by the web role once it listens.
pub const WEB_URL: &str = "web/url";
pub const SSH_DATA: &str = "ssh";
/// Where the jump host listens, written by the ssh role once it does.
pub const SSH_ADDRESS: &str = "ssh/address";
pub const HOST_DATA: &str = "host";
pub const TEMPLATES: &str = "host/templates";
pub const LOGS: &str = "log";

/// Makes what is missing and sets owners and modes right. Needs root.
pub fn prepare(data: &Path, api: &Identity, web: &Identity, ssh: &Identity) -> anyhow::Result<()> {
    let root = Identity::ROOT;
    prepare_host(data)?;
    make(&data.join("run"), &root, 0o711)?;
    // The api makes its sockets here; of others only the web tier may come in, by its group.
    make(&data.join(API_DIR), &Identity { uid: api.uid, gid: web.gid }, 0o750)?;
    // The same for the jump host, which can reach nothing but this socket.
    make(&data.join(GATEWAY_DIR), &Identity { uid: api.uid, gid: ssh.gid }, 0o750)?;
    make(&data.join(API_DATA), api, 0o700)?;
    make(&data.join(WEB_DATA), web, 0o700)?;
    make(&data.join(SSH_DATA), ssh, 0o700)?;
    make(&data.join(LOGS), &root, 0o700)
}

/// The host's part alone, which is all that building a template takes.
pub fn prepare_host(data: &Path) -> anyhow::Result<()> {
    let root = &Identity::ROOT;
    // 0711: others may pass through to what they may open, and can't list.
    make(data, root, 0o711)?;
    // Root's alone. Where it is there, the engine knows whether machines have to pass through it.
    if !data.join(HOST_DATA).exists() {
        make(&data.join(HOST_DATA), root, 0o700)?;
    }
    make(&data.join(TEMPLATES), root, 0o711)
}

fn make(dir: &Path, owner: &Identity, mode: u32) -> anyhow::Result<()> {
    let context = || format!("{} can't be prepared", dir.display());
    fs::create_dir_all(dir).with_context(context)?;
    chown(dir, Some(owner.uid), Some(owner.gid)).with_context(context)?;
    fs::set_permissions(dir, fs::Permissions::from_mode(mode)).with_context(context)
}

/// Changes into the state directory, for good.
pub fn enter(data: &Path) -> anyhow::Result<()> {
    std::env::set_current_dir(data).with_context(|| format!("{} can't be entered", data.display()))
}
