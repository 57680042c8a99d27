//! `PUT /v1/desktops/{id}/files/content`, and uploads in several goes.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, StatusCode};
use rolltop_api_types::{Code, Problem, Upload};
use rolltop_control::{Condition, Control, InternalError, Save, UploadName, purpose};
use serde::Deserialize;
use utoipa::IntoParams;

use super::conditions::{named, written};
use crate::convert;
use crate::extract::{Answer, Query, Ticket, ok};
use crate::problems::ApiError;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct To {
    /// An absolute path inside the desktop.
    #[param(example = "/home/desk/report.pdf")]
    path: String,
    /// 8 to 64 letters and digits, made up for this upload: what arrives of it stays when it breaks off.
    #[param(example = "4f1c9a72be")]
    upload: Option<String>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// The path that the upload is for.
    #[param(example = "/home/desk/report.pdf")]
    path: String,
    /// The upload's name.
    #[param(example = "4f1c9a72be")]
    upload: String,
}

/// Save a file
///
/// The body becomes the file in one step, once all of it has arrived: until then there is what there was.
/// `If-None-Match: *` saves only a file that is not there yet; `If-Match` with the tag that
/// reading it gave saves only what nobody changed since. In several goes: name the upload, send
/// `Content-Range: bytes FIRST-LAST/TOTAL` with each part in order, and after a break ask where to go on.
#[utoipa::path(put, path = "/v1/desktops/{id}/files/content", tag = "files", operation_id = "saveFile",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"), To,
        ("Content-Range" = Option<String>, Header, description = "Which part this is.", example = "bytes 0-1023/4096"),
        ("If-Match" = Option<String>, Header, description = "The tag that the file must still have."),
        ("If-None-Match" = Option<String>, Header, description = "`*`: there must be no such file.", example = "*"),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses(
        (status = 200, description = "It is saved; `ETag` is its new tag.", body = Upload),
        (status = 202, description = "The part has arrived; more is to come.", body = Upload),
        (status = 400, description = "`upload_broken_off`, `invalid_header`, `invalid_query`", body = Problem,
            content_type = "application/problem+json"),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `not_a_file`, `file_exists`, `file_refused`, `wrong_offset`", body = Problem,
            content_type = "application/problem+json"),
        (status = 412, description = "`file_changed`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn save(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::WriteFiles>,
    headers: HeaderMap,
    Query(to): Query<To>,
    body: Body,
) -> Result<Response, ApiError> {
    let part = part(&headers)?;
    let save = Save {
        path: to.path,
        upload: to.upload.as_deref().map(name).transpose()?,
        offset: part.first,
        length: part.length,
        last: part.last,
        condition: condition(&headers)?,
    };
    if !(save.last && save.offset == 0) && save.upload.is_none() {
        let detail = "An upload in several goes needs a name; choose one and give it as upload.";
        return Err(ApiError::new(Code::InvalidQuery, detail).in_field("upload"));
    }
    let files = control.files(&access).await?;
    // A task of its own: what is half written is cleared away even when whoever sends goes away.
    let saving = tokio::spawn(async move { files.save(save, body.into_data_stream()).await });
    let saved = saving.await.map_err(|_| InternalError::Other("saving a file broke off"))??;
    let Some((entry, tag)) = saved.file else {
        let upload = Upload { offset: saved.offset, file: None };
        return Ok(Answer(StatusCode::ACCEPTED, upload).into_response());
    };
    let upload = Upload { offset: saved.offset, file: Some(convert::file_entry(entry)) };
    Ok(([(ETAG, written(&tag))], ok(upload)).into_response())
}

/// How far an upload is
///
/// 0 for one that is not known.
#[utoipa::path(get, path = "/v1/desktops/{id}/files/upload", tag = "files", operation_id = "getUpload",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"), Which),
    responses(
        (status = 200, description = "How far it is.", body = Upload),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `not_a_file`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn offset(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::WriteFiles>,
    Query(which): Query<Which>,
) -> Result<Answer<Upload>, ApiError> {
    let upload = name(&which.upload)?;
    let offset = control.files(&access).await?.upload_offset(&which.path, &upload).await?;
    Ok(ok(Upload { offset, file: None }))
}

/// Cancel an upload
///
/// Takes away what has arrived. Fine if nothing has.
#[utoipa::path(delete, path = "/v1/desktops/{id}/files/upload", tag = "files", operation_id = "cancelUpload",
    params(("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"), Which),
    responses(
        (status = 204, description = "Nothing of it is left."),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `not_a_file`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem,
            content_type = "application/problem+json"),
        (status = 429, description = "`rate_limited`, `too_many_at_once`", body = Problem,
            content_type = "application/problem+json"),
        (status = 504, description = "`desktop_unreachable`", body = Problem,
            content_type = "application/problem+json"),
    ))]
pub(crate) async fn cancel(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::WriteFiles>,
    Query(which): Query<Which>,
) -> Result<StatusCode, ApiError> {
    let upload = name(&which.upload)?;
    control.files(&access).await?.cancel_upload(&which.path, &upload).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn name(text: &str) -> Result<UploadName, ApiError> {
    UploadName::new(text).ok_or_else(|| {
        let detail = "An upload's name has 8 to 64 letters and digits.";
        ApiError::new(Code::InvalidQuery, detail).in_field("upload")
    })
}

fn text(headers: &HeaderMap, header: HeaderName) -> Result<Option<&str>, ApiError> {
    let value = headers.get(&header).map(|value| value.to_str());
    value.transpose().map_err(|_| ApiError::new(Code::InvalidHeader, format!("{header} is not text.")))
}

fn condition(headers: &HeaderMap) -> Result<Condition, ApiError> {
    match (text(headers, IF_MATCH)?, text(headers, IF_NONE_MATCH)?) {
        (None, None) => Ok(Condition::Any),
        (None, Some("*")) => Ok(Condition::New),
        (Some("*"), None) => Ok(Condition::There),
        (Some(_), None) => {
            let tags = named(headers, IF_MATCH).unwrap_or_default();
            let quoted = |tag: &str| Some(tag.strip_prefix('"')?.strip_suffix('"')?.to_owned());
            if !tags.iter().all(|tag| quoted(tag.strip_prefix("W/").unwrap_or(tag)).is_some()) {
                return Err(ApiError::new(Code::InvalidHeader, "If-Match takes tags as ETag gave them."));
            }
            // A weak tag is never enough here.
            Ok(Condition::Unchanged(tags.iter().filter_map(|tag| quoted(tag)).collect()))
        }
        (_, Some(_)) => {
            Err(ApiError::new(Code::InvalidHeader, "If-None-Match takes only *, and no If-Match beside it."))
        }
    }
}

/// Which part of a file a body is.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    first: u64,
    length: Option<u64>,
    last: bool,
}

fn part(headers: &HeaderMap) -> Result<Part, ApiError> {
    let Some(range) = text(headers, CONTENT_RANGE)? else {
        let length = text(headers, CONTENT_LENGTH)?.and_then(|length| length.parse().ok());
        return Ok(Part { first: 0, length, last: true });
    };
    let parsed = || {
        let (range, total) = range.strip_prefix("bytes ")?.split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let (first, last, total) =
            (first.parse().ok()?, last.parse::<u64>().ok()?, total.parse::<u64>().ok()?);
        let end = last.checked_add(1).filter(|end| first < *end && *end <= total)?;
        Some(Part { first, length: Some(end - first), last: end == total })
    };
    parsed().ok_or_else(|| {
        ApiError::new(Code::InvalidHeader, "Content-Range has the form bytes FIRST-LAST/TOTAL.")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_says_where_it_belongs() {
        let of = |range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(CONTENT_RANGE, range.parse().unwrap());
            part(&headers).ok()
        };
        assert_eq!(of("bytes 0-9/20"), Some(Part { first: 0, length: Some(10), last: false }));
        assert_eq!(of("bytes 10-19/20"), Some(Part { first: 10, length: Some(10), last: true }));
        let no_end = format!("bytes 0-{0}/{0}", u64::MAX);
        for bad in ["bytes 9-0/20", "bytes 0-20/20", "bytes */20", "0-9/20", "bytes 0-9/*", &no_end] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
