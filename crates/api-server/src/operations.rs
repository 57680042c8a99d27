//! The one table of what may be asked, and with which scope: what is declared in `api-types`, and for now what is written down
//! here. A route that is missing in it is refused to everybody; tests hold table, routes and description together.

use std::sync::LazyLock;

use http::Method;
pub use rolltop_api_types::Access;
use rolltop_api_types::Scope;
use rolltop_api_types::operation::{CONTROL, READ, WRITE};

/// Method, path as it is routed, and what is needed.
pub type Operation = (Method, &'static str, Access);

const READ_FILES: Access = Access::Scopes(&[Scope::FilesRead]);
const WRITE_FILES: Access = Access::Scopes(&[Scope::FilesWrite]);
const EXEC: Access = Access::Scopes(&[Scope::Exec]);
const READ_KEYS: Access = Access::Scopes(&[Scope::KeysRead]);
const WRITE_KEYS: Access = Access::Scopes(&[Scope::KeysWrite]);
/// Whoever holds an SSH key may do all of this in every desktop.
const ADD_SSH_KEYS: Access = Access::Scopes(&[
    Scope::KeysWrite,
    Scope::DesktopsControl,
    Scope::Exec,
    Scope::FilesRead,
    Scope::FilesWrite,
]);

/// All there is.
pub static OPERATIONS: LazyLock<Vec<Operation>> = LazyLock::new(|| {
    let (_, _, declared) = crate::routes::described();
    declared.into_iter().chain(BY_HAND.iter().cloned()).collect()
});

/// What is not declared in `api-types` yet.
const BY_HAND: &[Operation] = &[
    (Method::GET, "/healthz", Access::Open),
    (Method::GET, "/v1/openapi.json", Access::Open),
    (Method::POST, "/v1/session", Access::SignIn),
    (Method::POST, "/v1/session/redeem", Access::SignIn),
    (Method::POST, "/v1/login/device", Access::SignIn),
    (Method::POST, "/v1/login/device/token", Access::SignIn),
    (Method::POST, "/v1/login/device/request", WRITE_KEYS),
    (Method::POST, "/v1/login/device/decision", WRITE_KEYS),
    (Method::DELETE, "/v1/session", Access::Credential),
    (Method::GET, "/v1/me", Access::Credential),
    (Method::PUT, "/v1/me/password", Access::Scopes(&[Scope::Account])),
    (Method::GET, "/v1/host", Access::Scopes(&[Scope::HostRead])),
    (Method::GET, "/v1/templates", READ),
    (Method::GET, "/v1/events", READ),
    (Method::GET, "/v1/desktops/{id}/snapshot-schedule", READ),
    (Method::PUT, "/v1/desktops/{id}/snapshot-schedule", WRITE),
    (Method::DELETE, "/v1/desktops/{id}/snapshot-schedule", WRITE),
    (Method::POST, "/v1/desktops/{id}/template", WRITE),
    (Method::GET, "/v1/desktops/{id}/setup", EXEC),
    (Method::POST, "/v1/desktops/{id}/setup", EXEC),
    (Method::DELETE, "/v1/desktops/{id}/setup", EXEC),
    (Method::GET, "/v1/saved-templates", READ),
    (Method::DELETE, "/v1/saved-templates/{id}", WRITE),
    (Method::POST, "/v1/snapshots", WRITE),
    (Method::GET, "/v1/snapshots/{id}/export", Access::Scopes(&[Scope::DesktopsExport])),
    (Method::POST, "/v1/snapshots/{id}/copy", WRITE),
    (Method::GET, "/v1/copies", READ),
    (Method::POST, "/v1/copies/{id}/fetch", WRITE),
    (Method::DELETE, "/v1/copies/{id}", WRITE),
    (Method::GET, "/v1/snapshots/{id}/screenshot", CONTROL),
    (Method::GET, "/v1/desktops/{id}/screenshot", CONTROL),
    (Method::GET, "/v1/desktops/{id}/screen", CONTROL),
    (Method::GET, "/v1/desktops/{id}/ssh", READ),
    (Method::GET, "/v1/api-keys", READ_KEYS),
    (Method::POST, "/v1/api-keys", WRITE_KEYS),
    (Method::DELETE, "/v1/api-keys/{id}", WRITE_KEYS),
    (Method::GET, "/v1/ssh-keys", READ_KEYS),
    (Method::POST, "/v1/ssh-keys", ADD_SSH_KEYS),
    (Method::DELETE, "/v1/ssh-keys/{id}", WRITE_KEYS),
    (Method::GET, "/v1/desktops/{id}/console", CONTROL),
    (Method::GET, "/v1/desktops/{id}/terminals", CONTROL),
    (Method::GET, "/v1/desktops/{id}/terminals/{number}", CONTROL),
    (Method::DELETE, "/v1/desktops/{id}/terminals/{number}", CONTROL),
    (Method::GET, "/v1/desktops/{id}/ports", CONTROL),
    (Method::GET, "/v1/desktops/{id}/logins", READ_FILES),
    (Method::GET, "/v1/desktops/{id}/ports/{port}", CONTROL),
    (Method::GET, "/v1/desktops/{id}/exec", EXEC),
    (Method::POST, "/v1/desktops/{id}/exec", EXEC),
    (Method::GET, "/v1/desktops/{id}/shares", CONTROL),
    (Method::POST, "/v1/desktops/{id}/shares", CONTROL),
    (Method::DELETE, "/v1/desktops/{id}/shares/{share}", CONTROL),
    (Method::GET, "/v1/desktops/{id}/files", READ_FILES),
    (Method::PATCH, "/v1/desktops/{id}/files", WRITE_FILES),
    (Method::DELETE, "/v1/desktops/{id}/files", WRITE_FILES),
    (Method::GET, "/v1/desktops/{id}/files/info", READ_FILES),
    (Method::GET, "/v1/desktops/{id}/files/content", READ_FILES),
    (Method::PUT, "/v1/desktops/{id}/files/content", WRITE_FILES),
    (Method::GET, "/v1/desktops/{id}/files/archive", READ_FILES),
    (Method::GET, "/v1/desktops/{id}/files/upload", WRITE_FILES),
    (Method::DELETE, "/v1/desktops/{id}/files/upload", WRITE_FILES),
    (Method::POST, "/v1/desktops/{id}/files/folder", WRITE_FILES),
    (Method::POST, "/v1/desktops/{id}/files/move", WRITE_FILES),
    (Method::POST, "/v1/desktops/{id}/files/copy", WRITE_FILES),
];

/// What this needs; `None` where the table does not know it. `HEAD` is answered as `GET` is.
pub(crate) fn access(method: &Method, path: &str) -> Option<Access> {
    let method = if method == Method::HEAD { &Method::GET } else { method };
    OPERATIONS.iter().find(|(m, p, _)| m == method && *p == path).map(|(_, _, access)| *access)
}

/// The methods of a path, as `Allow` names them.
pub(crate) fn methods(path: &str) -> Vec<&'static str> {
    const NAMES: [(Method, &str); 6] = [
        (Method::GET, "GET"),
        (Method::HEAD, "HEAD"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::PATCH, "PATCH"),
        (Method::DELETE, "DELETE"),
    ];
    NAMES.iter().filter(|(method, _)| access(method, path).is_some()).map(|(_, name)| *name).collect()
}
