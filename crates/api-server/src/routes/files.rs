//! `GET /v1/desktops/{id}/files/content`: a file, or a part of it, streamed as it is read.

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    IF_RANGE, RANGE,
};
use http::{HeaderMap, HeaderName, StatusCode};
use rolltop_api_types::{Code, Problem};
use rolltop_control::{Control, purpose};
use serde::Deserialize;
use tokio::io::AsyncReadExt;
use tokio_util::io::ReaderStream;
use utoipa::IntoParams;

use crate::extract::{Query, Ticket};
use crate::problems::ApiError;

/// Read at once and handed on as one piece, bytes.
const PIECE: usize = 256 << 10;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// An absolute path inside the desktop.
    #[param(example = "/home/desk/report.pdf")]
    path: String,
}

/// Download a file
///
/// Read as the desktop's user. One range may be asked for (`Range: bytes=…`); any other form of range
/// gets the whole file.
#[utoipa::path(get, path = "/v1/desktops/{id}/files/content", tag = "inside", operation_id = "getFileContent",
    params(
        ("id" = String, Path, description = "The desktop's id.", example = "dsk_01k9abc2def3ghj4kmn5pqrs6t"),
        Which,
        ("Range" = Option<String>, Header, description = "One range of bytes.", example = "bytes=0-1023"),
    ),
    responses(
        (status = 200, description = "The file.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range; `Content-Range` says which.", body = Vec<u8>,
            content_type = "application/octet-stream"),
        (status = 403, description = "`missing_scope`, `file_denied`", body = Problem,
            content_type = "application/problem+json"),
        (status = 404, description = "`not_found`, `file_not_found`", body = Problem,
            content_type = "application/problem+json"),
        (status = 409, description = "`not_running`, `not_a_file`", body = Problem,
            content_type = "application/problem+json"),
        (status = 416, description = "`range_not_satisfiable`", body = Problem,
            content_type = "application/problem+json"),
        (status = 422, description = "`invalid_path`", body = Problem, content_type = "application/problem+json"),
    ))]
pub(crate) async fn content(
    State(control): State<Control>,
    Ticket(access): Ticket<purpose::Enter>,
    headers: HeaderMap,
    Query(which): Query<Which>,
) -> Result<Response, ApiError> {
    let file = control.read_file(&access, &which.path).await?;
    let wanted = wanted_range(&headers, file.size);
    let (status, first, length) = match wanted {
        Wanted::Whole => (StatusCode::OK, 0, file.size),
        Wanted::Part { first, last } => (StatusCode::PARTIAL_CONTENT, first, last - first + 1),
        Wanted::Nothing => {
            let detail = format!("The file has {} bytes; ask for a range within them.", file.size);
            let error = ApiError::new(Code::RangeNotSatisfiable, detail);
            return Err(error.with_header(CONTENT_RANGE, &format!("bytes */{}", file.size)));
        }
    };
    let mut reader = file.reader;
    tokio::io::copy(&mut (&mut reader).take(first), &mut tokio::io::sink()).await.map_err(|error| {
        tracing::warn!(%error, "a file broke off before the range that was asked for");
        ApiError::new(Code::DesktopUnreachable, "The file could not be read; try again shortly.")
    })?;
    let body = Body::from_stream(ReaderStream::with_capacity(reader.take(length), PIECE));
    let mut response = (status, file_headers(&which.path, length), body).into_response();
    if let Wanted::Part { first, last } = wanted
        && let Ok(value) = format!("bytes {first}-{last}/{}", file.size).try_into()
    {
        response.headers_mut().insert(CONTENT_RANGE, value);
    }
    Ok(response)
}

/// Somebody else's bytes on our own origin: a browser may store them and nothing else.
fn file_headers(path: &str, length: u64) -> [(HeaderName, String); 5] {
    [
        (CONTENT_TYPE, "application/octet-stream".to_owned()),
        (CONTENT_LENGTH, length.to_string()),
        (CONTENT_DISPOSITION, format!("attachment; filename*=UTF-8''{}", encoded(file_name(path)))),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; sandbox".to_owned()),
        (ACCEPT_RANGES, "bytes".to_owned()),
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

/// RFC 9110: what is not understood is ignored. `If-Range` never matches, since files have no tag here.
fn wanted_range(headers: &HeaderMap, size: u64) -> Wanted {
    let range = headers
        .get(RANGE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.strip_prefix("bytes="));
    let Some((first, last)) = range.and_then(|range| range.trim().split_once('-')) else {
        return Wanted::Whole;
    };
    if headers.contains_key(IF_RANGE) || last.contains(',') {
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
