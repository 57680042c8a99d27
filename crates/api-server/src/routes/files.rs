//! `/v1/desktops/{id}/files`: what is in a folder, and moving it about.

mod conditions;
pub(super) mod content;
pub(super) mod save;

use axum::extract::State;
use http::StatusCode;
use rolltop_api_types::{Code, CopyFile, CreateFolder, FileEntry, FileList, MoveFile, Problem, UpdateFile};
use rolltop_control::{Control, purpose};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::convert;
use crate::extract::{Answer, Json, Query, Ticket, ok};
use crate::problems::ApiError;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct At {
    /// An absolute path inside the desktop. It means what it means there.
    #[param(example = "/home/desk/report.pdf")]
    path: String,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Remove {
    /// An absolute path inside the desktop.
    #[param(example = "/home/desk/old")]
    path: String,
    /// Whether a folder goes with all that is in it.
    #[serde(default)]
    all: bool,
}

/// List a folder
///
/// At most 10,000 entries with 4 MiB of names, by name; `truncated` says that there are more. Going about among files is noted in the access log once an hour.
#[utoipa::path(get, path = "/v1/desktops/{id}/files", tag = "files", operation_id = "listFiles",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"), At),
    responses(
        (status = 200, description = "What is in it.", body = FileList),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `not_a_folder`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn list(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::ReadFiles>,
    Query(at): Query<At>,
) -> Result<Answer<FileList>, ApiError> {
    let folder = control.files(&access).await?.list(&at.path).await?;
    let items = folder.entries.into_iter().map(convert::file_entry).collect();
    Ok(ok(FileList { path: folder.path, items, truncated: folder.truncated }))
}

/// What is at a path
///
/// A link as such, with what it leads to.
#[utoipa::path(get, path = "/v1/desktops/{id}/files/info", tag = "files", operation_id = "getFileInfo",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"), At),
    responses(
        (status = 200, description = "What is there.", body = FileEntry),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn info(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::ReadFiles>,
    Query(at): Query<At>,
) -> Result<Answer<FileEntry>, ApiError> {
    Ok(ok(convert::file_entry(control.files(&access).await?.info(&at.path).await?)))
}

/// Change permissions
#[utoipa::path(patch, path = "/v1/desktops/{id}/files", tag = "files", operation_id = "updateFile",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"), At),
    request_body = UpdateFile,
    responses(
        (status = 200, description = "As it is now.", body = FileEntry),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `file_refused`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`, `invalid_mode`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn update(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::WriteFiles>,
    Query(at): Query<At>,
    Json(change): Json<UpdateFile>,
) -> Result<Answer<FileEntry>, ApiError> {
    let mode = Some(&change.mode).filter(|mode| (3..=4).contains(&mode.len()));
    let mode = mode.and_then(|mode| u32::from_str_radix(mode, 8).ok()).ok_or_else(|| {
        ApiError::new(Code::InvalidMode, "Permission bits are three or four octal digits, such as 0644.")
            .in_field("mode")
    })?;
    Ok(ok(convert::file_entry(control.files(&access).await?.set_mode(&at.path, mode).await?)))
}

/// Delete a file or folder
///
/// A link goes, and what it leads to stays. There is no way back.
#[utoipa::path(delete, path = "/v1/desktops/{id}/files", tag = "files", operation_id = "deleteFile",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"), Remove),
    responses(
        (status = 204, description = "It is gone."),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `folder_not_empty`, `file_refused`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn remove(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::WriteFiles>,
    Query(at): Query<Remove>,
) -> Result<StatusCode, ApiError> {
    control.files(&access).await?.remove(&at.path, at.all).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Make a folder
#[utoipa::path(post, path = "/v1/desktops/{id}/files/folder", tag = "files", operation_id = "createFolder",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = CreateFolder,
    responses(
        (status = 200, description = "The folder.", body = FileEntry),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `file_exists`, `file_refused`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn folder(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::WriteFiles>,
    Json(folder): Json<CreateFolder>,
) -> Result<Answer<FileEntry>, ApiError> {
    Ok(ok(convert::file_entry(control.files(&access).await?.make_folder(&folder.path).await?)))
}

/// Move or rename
///
/// In one step, on one disk. A folder that is there is never replaced.
#[utoipa::path(post, path = "/v1/desktops/{id}/files/move", tag = "files", operation_id = "moveFile",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = MoveFile,
    responses(
        (status = 200, description = "As it is now.", body = FileEntry),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `file_exists`, `file_refused`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn rename(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::WriteFiles>,
    Json(change): Json<MoveFile>,
) -> Result<Answer<FileEntry>, ApiError> {
    let files = control.files(&access).await?;
    Ok(ok(convert::file_entry(files.rename(&change.from, &change.to, change.replace).await?)))
}

/// Copy
///
/// A file, or a folder with all that is in it. The desktop copies by itself; the answer comes once it has.
#[utoipa::path(post, path = "/v1/desktops/{id}/files/copy", tag = "files", operation_id = "copyFile",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")),
    request_body = CopyFile,
    responses(
        (status = 200, description = "The copy.", body = FileEntry),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `file_exists`, `file_refused`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn copy(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::WriteFiles>,
    Json(change): Json<CopyFile>,
) -> Result<Answer<FileEntry>, ApiError> {
    let files = control.files(&access).await?;
    Ok(ok(convert::file_entry(files.copy(&change.from, &change.to).await?)))
}
