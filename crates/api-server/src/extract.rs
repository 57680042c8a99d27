//! What handlers take from a request, each refusing what is wrong with a problem document.

use std::str::FromStr;

use axum::extract::{FromRef, FromRequest, FromRequestParts, RawPathParams, Request};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use rolltop_api_types::Code;
use rolltop_control::{Caller, Control, CredentialGuard, DesktopAccess, Purpose};
use rolltop_model::DesktopId;
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
        let is_json = is_json(request.headers());
        let body = read(request).await?;
        if body.is_empty() {
            return Err(ApiError::new(
                Code::InvalidJson,
                "The body is empty; send a JSON object, such as {}.",
            ));
        }
        if !is_json {
            return Err(ApiError::new(
                Code::UnsupportedMediaType,
                "Send the body as Content-Type: application/json.",
            ));
        }
        parse(&body)
    }
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    media_type.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/json"))
}

async fn read(request: Request) -> Result<Bytes, ApiError> {
    let mut stream = request.into_body().into_data_stream();
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

fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<Json<T>, ApiError> {
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
    Ok(Json(parsed))
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

/// Whoever asks, as the gate found out.
pub(crate) struct Asking {
    pub caller: Caller,
    /// For what lives on beyond the answer: see [`crate::ending`].
    pub guard: CredentialGuard,
}

impl<S: Send + Sync> FromRequestParts<S> for Asking {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        let caller = parts.extensions.get::<Caller>().cloned();
        let guard = parts.extensions.get::<CredentialGuard>().cloned();
        match (caller, guard) {
            (Some(caller), Some(guard)) => Ok(Self { caller, guard }),
            (_, _) => Err(ApiError::new(Code::Unauthenticated, "A credential is needed.")),
        }
    }
}

/// What a part of the path says, if it is one of these.
pub(crate) fn in_path<T: FromStr>(path: &RawPathParams, part: &str) -> Option<T> {
    path.iter().find(|(name, _)| *name == part).and_then(|(_, text)| text.parse().ok())
}

/// The ticket to the desktop that the path names.
pub(crate) struct Ticket<P: Purpose>(pub DesktopAccess<P>);

impl<P: Purpose, S: Send + Sync> FromRequestParts<S> for Ticket<P>
where
    Control: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let asking = Asking::from_request_parts(parts, state).await?;
        let named = RawPathParams::from_request_parts(parts, state).await;
        let named = named.map_err(|_| ApiError::no_such_desktop())?;
        // What is no id names nothing.
        let id: DesktopId = in_path(&named, "id").ok_or_else(ApiError::no_such_desktop)?;
        Ok(Self(Control::from_ref(state).authorise::<P>(&asking.caller, id).await?))
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

/// JSON with a status.
pub(crate) struct Answer<T>(pub StatusCode, pub T);

impl<T: serde::Serialize> IntoResponse for Answer<T> {
    fn into_response(self) -> Response {
        (self.0, axum::Json(self.1)).into_response()
    }
}

/// 200 and JSON.
pub(crate) fn ok<T>(body: T) -> Answer<T> {
    Answer(StatusCode::OK, body)
}

/// 202 and JSON: what was asked is written down and will be done.
pub(crate) fn accepted<T>(body: T) -> Answer<T> {
    Answer(StatusCode::ACCEPTED, body)
}
