//! `/v1/api-keys`, `/v1/api-keys/{id}`

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use http::StatusCode;
use rolltop_api_types::{ApiKeyCreated, ApiKeyList, Code, CreateApiKey, Problem};
use rolltop_control::Control;
use rolltop_model::ApiKeyId;

use crate::convert;
use crate::extract::{Answer, Asking, Json, ok};
use crate::problems::ApiError;

/// List API keys
///
/// Those of the whole workspace, or those tied to the desktop that the asking credential is tied to.
#[utoipa::path(get, path = "/v1/api-keys", tag = "account", operation_id = "listApiKeys",
    responses((status = 200, description = "All of them, oldest first.", body = ApiKeyList)))]
pub(crate) async fn list(
    State(control): State<Control>,
    asking: Asking,
) -> Result<Answer<ApiKeyList>, ApiError> {
    let keys = control.api_keys(&asking.caller).await?;
    Ok(ok(ApiKeyList { items: keys.into_iter().map(convert::api_key).collect() }))
}

/// Make an API key
///
/// The answer has the key's token, which is shown this once and kept only as a hash.
#[utoipa::path(post, path = "/v1/api-keys", tag = "account", operation_id = "createApiKey",
    request_body = CreateApiKey,
    responses(
        (status = 201, description = "It is good from now on.", body = ApiKeyCreated),
        (status = 403, description = "`missing_scope`, also for a scope that the asking credential can't give; `tied_to_desktop`",
            body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`quota_reached`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_name`, `invalid_scopes`, `invalid_expiry`, `unknown_desktop`, `unknown_field`, `invalid_body`",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    State(control): State<Control>,
    asking: Asking,
    Json(wanted): Json<CreateApiKey>,
) -> Result<Answer<ApiKeyCreated>, ApiError> {
    let (key, token) = control.create_api_key(&asking.caller, convert::wanted_api_key(wanted)?).await?;
    Ok(Answer(StatusCode::CREATED, ApiKeyCreated { key: convert::api_key(key), token }))
}

/// Revoke an API key
///
/// It is not valid any more, and what it has open is closed: event streams, downloads, WebSockets.
#[utoipa::path(delete, path = "/v1/api-keys/{id}", tag = "account", operation_id = "revokeApiKey",
    params(("id" = String, Path, description = "The key's id.", example = "key_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke(
    State(control): State<Control>,
    asking: Asking,
    id: Result<Path<String>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let none = || ApiError::new(Code::NotFound, "There is no such key.");
    // What is no id names nothing.
    let id = id.ok().and_then(|Path(id)| id.parse::<ApiKeyId>().ok()).ok_or_else(none)?;
    control.revoke_api_key(&asking.caller, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
