//! Whatever goes on after a request was let in ends with the credential that let it in.
//!
//! Bodies that have no known length (event streams, downloads, uploads) are wrapped here, by the
//! gate, for every route there is and will be: a handler does nothing for it. A WebSocket lives on beyond its answer, so it
//! holds the guard itself: see [`crate::socket`].

use std::io;

use axum::body::{Body, HttpBody};
use axum::extract::Request;
use axum::response::Response;
use futures::{StreamExt, stream};
use http::header::CONTENT_TYPE;
use rolltop_control::CredentialGuard;

/// A request's body up to this many bytes is over before anybody could revoke anything.
const SHORT: u64 = 1 << 20;

/// An upload breaks off when the credential ends.
pub(crate) fn guard_request(request: Request, guard: &CredentialGuard) -> Request {
    let short = request.body().size_hint().upper().is_some_and(|length| length <= SHORT);
    if short { request } else { request.map(|body| broken_off(body, guard.clone())) }
}

/// An event stream ends when the credential does; anything else breaks off, as it would else pass
/// for whole.
pub(crate) fn guard_response(response: Response, guard: CredentialGuard) -> Response {
    if response.body().size_hint().exact().is_some() {
        return response;
    }
    let kind = response.headers().get(CONTENT_TYPE).map(|value| value.as_bytes().to_owned());
    match kind {
        Some(kind) if kind.starts_with(b"text/event-stream") => response
            .map(|body| Body::from_stream(body.into_data_stream().take_until(Box::pin(guard.ended())))),
        Some(_) | None => response.map(|body| broken_off(body, guard)),
    }
}

fn broken_off(body: Body, guard: CredentialGuard) -> Body {
    let body = body.into_data_stream();
    let ended = stream::once(Box::pin(async move {
        guard.ended().await;
        Err(axum::Error::new(io::Error::other("the credential is no longer valid")))
    }));
    // The body's own end ends it, and so does the error.
    let marked = body.map(Some).chain(stream::iter([None]));
    let both = stream::select(marked, ended.map(Some));
    Body::from_stream(
        both.take_while(|item| std::future::ready(item.is_some())).filter_map(std::future::ready),
    )
}
