//! `/v1/desktops/{id}/shares`, `/v1/desktops/{id}/shares/{share}`

use std::time::Duration;

use axum::extract::{RawPathParams, State};
use http::StatusCode;
use rolltop_api_types::{CreateShare, Problem, ShareCreated, ShareList};
use rolltop_control::{Control, ShareError, purpose};
use secrecy::{ExposeSecret, SecretString};

use super::preview::SHARE_PATH;
use crate::convert;
use crate::extract::{Answer, Json, Ticket, in_path, ok};
use crate::problems::ApiError;

/// The share links
///
/// Those of a desktop that have not expired. Their secrets are not told again.
#[utoipa::path(get, path = "/v1/desktops/{id}/shares", tag = "inside", operation_id = "listShares",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "Oldest first.", body = ShareList),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
) -> Result<Answer<ShareList>, ApiError> {
    let shares = control.shares(&access).await?;
    Ok(ok(ShareList { items: shares.into_iter().map(convert::share).collect() }))
}

/// Share a port
///
/// Makes a link. Whoever holds it sees what a web server in the desktop shows on this port, and nothing
/// else, until the link expires or is revoked. It is bound to the desktop's name: a rename ends it.
#[utoipa::path(post, path = "/v1/desktops/{id}/shares", tag = "inside", operation_id = "sharePort",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = CreateShare,
    responses(
        (status = 201, description = "The link, with its secret.", body = ShareCreated),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`quota_reached`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`invalid_port`, `invalid_lifetime`, `invalid_body`, `unknown_field`",
            body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn create(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
    Json(wanted): Json<CreateShare>,
) -> Result<Answer<ShareCreated>, ApiError> {
    if wanted.port == 0 {
        return Err(super::ports::no_such_port());
    }
    let lifetime = Duration::from_secs(wanted.lasts_seconds);
    let made = control.share_port(&access, wanted.port, lifetime).await?;
    let created = ShareCreated {
        share: convert::share(made.share),
        address: made.address.label(),
        path: SecretString::from(format!("{SHARE_PATH}{}", made.secret.expose_secret())),
    };
    Ok(Answer(StatusCode::CREATED, created))
}

/// Revoke a share link
///
/// Who has it open is cut off within seconds.
#[utoipa::path(delete, path = "/v1/desktops/{id}/shares/{share}", tag = "inside", operation_id = "revokeShare",
    params(
        ("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        ("share" = String, Path, description = "The link's id.", example = "shr_01k9abc2def3ghj4kmn5pqrs6t"),
    ),
    responses(
        (status = 204, description = "It opens nothing any more."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn revoke(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Control>,
    path: RawPathParams,
) -> Result<StatusCode, ApiError> {
    // What is no id names nothing.
    let id = in_path(&path, "share").ok_or(ShareError::NotFound)?;
    control.revoke_share(&access, id).await?;
    Ok(StatusCode::NO_CONTENT)
}
