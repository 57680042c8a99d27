//! `PUT /v1/desktops/{id}/files/content`, and uploads in several goes.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH};
use http::{HeaderMap, HeaderName, StatusCode};
use rolltop_api_types::{Code, Upload, op};
use rolltop_control::{Condition, InternalError, Save, UploadName, purpose};

use super::conditions::{named, written};
use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn save(mut call: Call<op::SaveFile>) -> Result<Response, ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    let part = part(call.headers())?;
    let save = Save {
        path: call.query.path.clone(),
        upload: call.query.upload.as_deref().map(name).transpose()?,
        offset: part.first,
        length: part.length,
        last: part.last,
        condition: condition(call.headers())?,
    };
    if !(save.last && save.offset == 0) && save.upload.is_none() {
        let detail = "An upload in several goes needs a name; choose one and give it as upload.";
        return Err(ApiError::new(Code::InvalidQuery, detail).in_field("upload"));
    }
    let files = call.control.files(&access).await?;
    // A task of its own: what is half written is cleared away even when whoever sends goes away.
    let body = call.bytes().into_data_stream();
    let saving = tokio::spawn(async move { files.save(save, body).await });
    let saved = saving.await.map_err(|_| InternalError::Other("saving a file broke off"))??;
    let Some((entry, tag)) = saved.file else {
        let upload = Upload { offset: saved.offset, file: None };
        return Ok((StatusCode::ACCEPTED, Json(upload)).into_response());
    };
    let upload = Upload { offset: saved.offset, file: Some(entry) };
    Ok(([(ETAG, written(&tag))], Json(upload)).into_response())
}

pub(crate) async fn offset(call: Call<op::GetUpload>) -> Result<Upload, ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    let upload = name(&call.query.upload)?;
    let offset = call.control.files(&access).await?.upload_offset(&call.query.path, &upload).await?;
    Ok(Upload { offset, file: None })
}

pub(crate) async fn cancel(call: Call<op::CancelUpload>) -> Result<(), ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    let upload = name(&call.query.upload)?;
    call.control.files(&access).await?.cancel_upload(&call.query.path, &upload).await?;
    Ok(())
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
