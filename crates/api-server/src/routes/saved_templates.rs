//! Templates that are made of desktops.

use axum::extract::{RawPathParams, State};
use http::StatusCode;
use rolltop_api_types::{LoginsList, Problem, SaveTemplate, SavedTemplate, SavedTemplateList};
use rolltop_control::{Control, purpose};

use crate::convert;
use crate::extract::{Answer, Asking, Json, Ticket, accepted, in_path, ok};
use crate::problems::ApiError;

/// Save a desktop as a template
///
/// A fork of it is cleaned of identities, keys, passwords, histories, browsers' profiles and logs, and its disk becomes a
/// template of this workspace, from which new desktops are made. The desktop itself goes on. A template is not
/// encrypted on the host's disk, as desktops are.
#[utoipa::path(post, path = "/v1/desktops/{id}/template", tag = "templates", operation_id = "saveTemplate",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = SaveTemplate,
    responses(
        (status = 202, description = "It is being made.", body = SavedTemplate),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`name_taken`, `quota_reached`, `disk_quota_reached`, `wrong_state`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_name`, `invalid_text`, `unknown_tool`, `unknown_field`, `invalid_body`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn save(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Write>,
    Json(wanted): Json<SaveTemplate>,
) -> Result<Answer<SavedTemplate>, ApiError> {
    let SaveTemplate { name, title, description, keep } = wanted;
    let wanted = rolltop_control::SaveTemplate { name, title, description, keep };
    Ok(accepted(convert::saved_template(control.save_template(&access, &wanted).await?)))
}

/// The log-ins in a desktop
///
/// Which tools have log-ins, keys or passwords in the home folders of a running desktop, as far as is known where they
/// lie. A template of it has none of them, but those of tools that `keep` names.
#[utoipa::path(get, path = "/v1/desktops/{id}/logins", tag = "templates", operation_id = "listLogins",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    responses(
        (status = 200, description = "By tool.", body = LoginsList),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`not_running`", body = Problem, content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn logins(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::ReadFiles>,
) -> Result<Answer<LoginsList>, ApiError> {
    let found = control.logins(&access).await?;
    Ok(ok(LoginsList { items: found.into_iter().map(convert::logins).collect() }))
}

/// List the workspace's own templates
///
/// Whatever has become of them. What desktops can be made of now, these among it, is in `GET /v1/templates`.
#[utoipa::path(get, path = "/v1/saved-templates", tag = "templates", operation_id = "listSavedTemplates",
    responses((status = 200, description = "The newest first.", body = SavedTemplateList)))]
pub(crate) async fn list(
    State(control): State<Control>,
    asking: Asking,
) -> Result<Answer<SavedTemplateList>, ApiError> {
    let own = control.saved_templates(&asking.caller).await?;
    Ok(ok(SavedTemplateList { items: own.into_iter().map(convert::saved_template).collect() }))
}

/// Delete a template of the workspace's own
///
/// No more desktops can be made of it. Those that were stay, and so does on the host's disk what they need of it.
#[utoipa::path(delete, path = "/v1/saved-templates/{id}", tag = "templates", operation_id = "deleteTemplate",
    params(("id" = String, Path, description = "The template's version.", example = "tools@3f2a91c0d4e5")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 404, description = "`not_found`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn delete(
    State(control): State<Control>,
    asking: Asking,
    path: RawPathParams,
) -> Result<StatusCode, ApiError> {
    let version: String = in_path(&path, "id").unwrap_or_default();
    control.delete_template(&asking.caller, &version).await?;
    Ok(StatusCode::NO_CONTENT)
}
