//! What handlers take from a request, each refusing what is wrong with a problem document.

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Request};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use rolltop_api_types::Code;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::problems::{ApiError, explain};

/// Longest JSON body, bytes: a setup script of 64 KiB with all its lines' ends escaped fits.
const BODY_LIMIT: usize = 192 << 10;

/// A JSON body. An absent one is a mistake, not `{}`: a script whose variable was empty must not make a desktop.
pub(crate) struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        let (parts, body) = request.into_parts();
        json(&parts.headers, body).await.map(Self)
    }
}

/// Reads such a body.
pub(crate) async fn json<T: DeserializeOwned>(headers: &HeaderMap, body: Body) -> Result<T, ApiError> {
    let body = read(body).await?;
    if body.is_empty() {
        return Err(ApiError::new(Code::InvalidJson, "The body is empty; send a JSON object, such as {}."));
    }
    if !is_json(headers) {
        return Err(ApiError::new(
            Code::UnsupportedMediaType,
            "Send the body as Content-Type: application/json.",
        ));
    }
    parse(&body)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

async fn read(body: Body) -> Result<Bytes, ApiError> {
    let mut stream = body.into_data_stream();
    let mut body = BytesMut::new();
    while let Some(chunk) = stream.next().await {
        let chunk =
            chunk.map_err(|_| ApiError::new(Code::MalformedRequest, "The body broke off; send it again."))?;
        if body.len() + chunk.len() > BODY_LIMIT {
            let detail =
                format!("The body is longer than {} KiB; nothing here needs that much.", BODY_LIMIT >> 10);
            return Err(ApiError::new(Code::PayloadTooLarge, detail));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T, ApiError> {
    if body.trim_ascii_start().first() != Some(&b'{') {
        // An array would pass for an object whose fields come in order.
        serde_json::from_slice::<IgnoredAny>(body).map_err(|error| no_json(&error))?;
        return Err(ApiError::new(Code::InvalidBody, "The body has to be a JSON object."));
    }
    let mut from = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut from).map_err(|error| {
        let (path, error) = (error.path().to_string(), error.into_inner());
        match error.classify() {
            Category::Data => explain(&path, &error.to_string(), Code::InvalidBody, Code::UnknownField),
            Category::Syntax | Category::Eof | Category::Io => no_json(&error),
        }
    })?;
    from.end().map_err(|error| no_json(&error))?;
    Ok(parsed)
}

fn no_json(error: &serde_json::Error) -> ApiError {
    let (line, column) = (error.line(), error.column());
    ApiError::new(Code::InvalidJson, format!("The body is not JSON: see line {line}, column {column}."))
}

/// Query parameters.
pub(crate) struct Query<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = serde_urlencoded::Deserializer::new(form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs).map(Self).map_err(|error| {
            let (path, complaint) = (error.path().to_string(), error.inner().to_string());
            explain(&path, &complaint, Code::InvalidQuery, Code::InvalidQuery)
        })
    }
}

/// `Idempotency-Key`, where there is one.
pub(crate) fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, ApiError> {
    let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
    let text = value.to_str().map_err(|_| {
        ApiError::new(Code::InvalidHeader, "An idempotency key has 1 to 255 printable characters.")
    })?;
    Ok(Some(text.to_owned()))
}
