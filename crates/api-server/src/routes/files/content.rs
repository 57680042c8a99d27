//! `GET /v1/desktops/{id}/files/content`, and a folder as a zip file: streamed as they are read.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    ETAG, RANGE,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rolltop_api_types::{Code, op};
use rolltop_control::{FileError, purpose};

use super::conditions::{Verdict, range_counts, verdict, written};
use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn content(call: Call<op::GetFileContent>) -> Result<Response, ApiError> {
    let access = call.desktop::<purpose::ReadFiles>().await?;
    let file = call.control.read_file(&access, &call.query.path).await?;
    let tag = written(&file.tag);
    match verdict(call.headers(), &file.tag) {
        Verdict::Send => {}
        Verdict::NotModified => return Ok((StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response()),
        Verdict::Changed => return Err(FileError::Changed.into()),
    }
    let wanted = match range_counts(call.headers(), &file.tag) {
        true => wanted_range(call.headers(), file.size),
        false => Wanted::Whole,
    };
    let (status, first, length) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, file.size),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Nothing => {
            let detail = format!("The file has {} bytes; ask for a range within them.", file.size);
            let error = ApiError::new(Code::RangeNotSatisfiable, detail);
            return Err(error.with_header(CONTENT_RANGE, &format!("bytes */{}", file.size)));
        }
    };
    let size = file.size;
    let body = Body::from_stream(file.part(first, length));
    let mut response = (status, stored_only(file_name(&call.query.path)), body).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, length.into());
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if let Ok(tag) = tag.try_into() {
        headers.insert(ETAG, tag);
    }
    if let Wanted::Part { first, last } = wanted
        && let Ok(value) = format!("bytes {first}-{last}/{size}").try_into()
    {
        headers.insert(CONTENT_RANGE, value);
    }
    Ok(response)
}

pub(crate) async fn archive(call: Call<op::GetFolderArchive>) -> Result<Response, ApiError> {
    let access = call.desktop::<purpose::ReadFiles>().await?;
    let archive = call.control.files(&access).await?.archive(&call.query.path).await?;
    let headers = stored_only(&format!("{}.zip", archive.name));
    let mut response = (headers, Body::from_stream(archive.bytes)).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    Ok(response)
}

/// Somebody else's bytes on our own origin: a browser may store them and nothing else.
pub(in crate::routes) fn stored_only(name: &str) -> [(HeaderName, String); 3] {
    [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{}", encoded(name))),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
    ]
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Percent-encoded as RFC 8187 has it.
fn encoded(name: &str) -> String {
    name.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            other => format!("%{other:02X}"),
        })
        .collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Whole,
    /// Both included.
    Part {
        first: u64,
        last: u64,
    },
    /// A range that the file doesn't have.
    Nothing,
}

/// RFC 9110: what is not understood is ignored.
fn wanted_range(headers: &HeaderMap, size: u64) -> Wanted {
    let range = headers
        .get(RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.trim().split_once('-')) else {
        return Wanted::Whole;
    };
    if last.contains(',') {
        return Wanted::Whole;
    }
    match (first.parse::<u64>().ok(), last.parse::<u64>().ok()) {
        (Some(first), Some(last)) if first <= last => within(first, last, size),
        (Some(first), None) if last.is_empty() => within(first, u64::MAX, size),
        (None, Some(0)) if first.is_empty() => Wanted::Nothing,
        (None, Some(end)) if first.is_empty() => within(size.saturating_sub(end), u64::MAX, size),
        (Some(_), Some(_)) | (Some(_), None) | (None, Some(_)) | (None, None) => Wanted::Whole,
    }
}

fn within(first: u64, last: u64, size: u64) -> Wanted {
    if first >= size { Wanted::Nothing } else { Wanted::Part { first, last: last.min(size - 1) } }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_read_as_rfc_9110_says() {
        let wanted = |range: &str| {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, range.parse().unwrap());
            wanted_range(&headers, 100)
        };
        assert_eq!(wanted("bytes=0-9"), Wanted::Part { first: 0, last: 9 });
        assert_eq!(wanted("bytes=90-"), Wanted::Part { first: 90, last: 99 });
        assert_eq!(wanted("bytes=-10"), Wanted::Part { first: 90, last: 99 });
        assert_eq!(wanted("bytes=-1000"), Wanted::Part { first: 0, last: 99 });
        assert_eq!(wanted("bytes=50-1000"), Wanted::Part { first: 50, last: 99 });
        assert_eq!(wanted("bytes=100-"), Wanted::Nothing);
        assert_eq!(wanted("bytes=-0"), Wanted::Nothing);
        for ignored in ["bytes=9-0", "bytes=0-1,4-5", "lines=1-2", "bytes=a-b", "bytes=", "bytes=-"] {
            assert_eq!(wanted(ignored), Wanted::Whole, "{ignored}");
        }
        assert_eq!(wanted_range(&HeaderMap::new(), 0), Wanted::Whole);
    }

    #[test]
    fn a_files_name_can_not_break_out_of_its_header() {
        assert_eq!(encoded(file_name("/a/b\"\r\nX: \u{e9}.txt")), "b%22%0D%0AX%3A%20%C3%A9.txt");
    }
}
