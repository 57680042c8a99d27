//! Around every request: an id, a span, a line in the log, safe default headers, problems
//! rendered and panics caught. The outermost layer, so that nothing leaves without it.

use std::panic::AssertUnwindSafe;
use std::time::Instant;

use axum::body::Body;
use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use http::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderName, HeaderValue};
use rolltop_api_types::PROBLEM_JSON;
use rolltop_control::InternalError;
use rolltop_model::RequestId;
use tracing::Instrument;

use crate::body;
use crate::problems::{ApiError, ProblemToRender};

const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");
const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// A mistake of ours costs one answer, not the connection. What broke is in the log already.
const PANICKED: InternalError = InternalError::Other("the request's handler panicked");

pub(crate) async fn envelope(request: Request, next: Next) -> Response {
    let id = RequestId::generate();
    // The path as it is routed: a real one could name somebody's files.
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", %id, method = %request.method(), route);
    let request = request.map(body::to_its_end);
    async move {
        let begun = Instant::now();
        let mut response = AssertUnwindSafe(next.run(request))
            .catch_unwind()
            .await
            .unwrap_or_else(|_| ApiError::from(PANICKED).into_response());
        if let Some(ProblemToRender(problem)) = response.extensions_mut().remove() {
            render(&mut response, *problem, id);
        }
        finish_headers(&mut response, id);
        tracing::debug!(
            status = response.status().as_u16(),
            ms = begun.elapsed().as_millis() as u64,
            "answered"
        );
        response
    }
    .instrument(span)
    .await
}

fn render(response: &mut Response, mut problem: rolltop_api_types::Problem, id: RequestId) {
    problem.instance = Some(id.to_string());
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.remove(CONTENT_LENGTH);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
}

fn finish_headers(response: &mut Response, id: RequestId) {
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::try_from(id.to_string()) {
        headers.insert(X_REQUEST_ID, value);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if headers.get(CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream")) {
        // nginx and its like would hold events back until they have a whole buffer of them.
        headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}
