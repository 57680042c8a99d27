//! `/v1/ssh-keys`, `/v1/ssh-keys/{id}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use rolltop_api_types::{Code, CreateSshKey, Problem, SshKeyAdded, SshKeyList, SshKeyRemoved};
use rolltop_control::Control;
use rolltop_model::SshKeyId;

use crate::convert;
use crate::extract::{Answer, Asking, Json, ok};
use crate::problems::ApiError;

/// List SSH keys
///
/// Those of the whole workspace: each opens every desktop of it.
#[utoipa::path(get, path = "/v1/ssh-keys", tag = "account", operation_id = "listSshKeys",
    responses((status = 200, description = "All of them, oldest first.", body = SshKeyList)))]
pub(crate) async fn list(
    State(control): State<Control>,
    asking: Asking,
) -> Result<Answer<SshKeyList>, ApiError> {
    let keys = control.ssh_keys(&asking.caller).await?;
    Ok(ok(SshKeyList { items: keys.into_iter().map(convert::ssh_key).collect() }))
}

/// Add an SSH key
///
/// A public key. Desktops that run know it before the answer comes, the others from their next start;
/// `delivery` says how many.
#[utoipa::path(post, path = "/v1/ssh-keys", tag = "account", operation_id = "addSshKey",
    request_body = CreateSshKey,
    responses(
        (status = 201, description = "It is kept.", body = SshKeyAdded),
        (status = 409, description = "`key_exists`, `quota_reached`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_key`, `weak_key`, `private_key`, `invalid_name`, `unknown_field`, `invalid_body`",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn add(
    State(control): State<Control>,
    asking: Asking,
    Json(wanted): Json<CreateSshKey>,
) -> Result<Answer<SshKeyAdded>, ApiError> {
    let (key, delivery) =
        control.add_ssh_key(&asking.caller, wanted.name.as_deref(), &wanted.public_key).await?;
    let added = SshKeyAdded { key: convert::ssh_key(key), delivery: convert::key_delivery(delivery) };
    Ok(Answer(StatusCode::CREATED, added))
}

/// Remove an SSH key
///
/// What it has open through the jump host is closed, and no running desktop knows it any more.
#[utoipa::path(delete, path = "/v1/ssh-keys/{id}", tag = "account", operation_id = "removeSshKey",
    params(("id" = String, Path, description = "The key's id.", example = "sshk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "It is gone.", body = SshKeyRemoved),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn remove(
    State(control): State<Control>,
    asking: Asking,
    id: Result<Path<String>, PathRejection>,
) -> Result<Answer<SshKeyRemoved>, ApiError> {
    let none = || ApiError::new(Code::NotFound, "There is no such key.");
    // What is no id names nothing.
    let id = id.ok().and_then(|Path(id)| id.parse::<SshKeyId>().ok()).ok_or_else(none)?;
    let delivery = control.remove_ssh_key(&asking.caller, id).await?;
    Ok(ok(SshKeyRemoved { delivery: convert::key_delivery(delivery) }))
}
