//! Signing in, and what a person signs in with.

pub(crate) mod api_key_form;
pub(crate) mod api_keys;
pub(crate) mod device;
pub(crate) mod keys;
pub(crate) mod password;
pub(crate) mod sign_in;
pub(crate) mod ssh_keys;
pub(crate) mod welcome;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

pub(crate) fn routes() -> Router<Arc<App>> {
    Router::new()
        .route("/sign-in", get(sign_in::show).post(sign_in::submit))
        .route("/sign-out", post(sign_in::out))
        .route("/welcome/{link}", get(welcome::show).post(welcome::submit))
        .route("/account/password", get(password::show).post(password::submit))
        .route("/account/language", post(password::language))
        .route("/ssh-keys", get(ssh_keys::show).post(ssh_keys::add))
        .route("/ssh-keys/new", get(ssh_keys::new))
        .route("/ssh-keys/{id}/remove", get(ssh_keys::ask).post(ssh_keys::remove))
        .route("/api-keys", get(api_keys::show).post(api_keys::make))
        .route("/api-keys/new", get(api_keys::new))
        .route("/api-keys/{id}/revoke", get(api_keys::ask).post(api_keys::revoke))
        .route("/login/device", get(device::show).post(device::submit_code))
}
