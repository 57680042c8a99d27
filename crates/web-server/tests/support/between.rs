//! What stands between a web tier and the API in these tests: it notes each request, and changes answers where a test wants a
//! stranger API than ours. `/v1/echo` is its own: a request's body and content type come back.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, SET_COOKIE};
use http::{HeaderMap, HeaderValue};
use serde_json::Value;

/// One request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub headers: HeaderMap,
}

/// Changes an answer in JSON to a request for a path.
type Change = Box<dyn Fn(&str, &mut Value) + Send>;

#[derive(Default)]
pub struct Between {
    seen: Mutex<Vec<Seen>>,
    change: Mutex<Option<Change>>,
    /// What consoles say in place of their own.
    console: Mutex<Option<String>>,
}

impl Between {
    /// Everything that arrived, or what arrived for a path.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub fn requests(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path == path).collect()
    }

    /// From now on answers in JSON are changed so, and not as before.
    pub fn change(&self, change: impl Fn(&str, &mut Value) + Send + 'static) {
        *self.change.lock().unwrap() = Some(Box::new(change));
    }

    /// From now on consoles say this.
    pub fn consoles_say(&self, text: &str) {
        *self.console.lock().unwrap() = Some(text.to_owned());
    }
}

/// The API's routes with this before them.
pub fn before(api: Router, between: Arc<Between>) -> Router {
    let echo = Router::new().route("/v1/echo", any(echo));
    echo.merge(Router::new().fallback_service(api)).layer(from_fn_with_state(between, pass))
}

async fn pass(State(between): State<Arc<Between>>, request: Request, next: Next) -> Response {
    let path = request.uri().path().to_owned();
    let (method, headers) = (request.method().to_string(), request.headers().clone());
    between.seen.lock().unwrap().push(Seen { method, path: path.clone(), headers });
    let answer = next.run(request).await;
    let console = between.console.lock().unwrap().clone().filter(|_| path.ends_with("/console"));
    if let Some(text) = console {
        return text.into_response();
    }
    let is_json = answer.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if !is_json || path == "/v1/echo" || between.change.lock().unwrap().is_none() {
        return answer;
    }
    let (mut parts, body) = answer.into_parts();
    let mut value = serde_json::from_slice(&to_bytes(body, usize::MAX).await.unwrap()).unwrap();
    if let Some(change) = &*between.change.lock().unwrap() {
        change(&path, &mut value);
    }
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(value.to_string()))
}

async fn echo(headers: HeaderMap, body: Body) -> Response {
    let mut response = body.into_response();
    if let Some(content_type) = headers.get(CONTENT_TYPE) {
        response.headers_mut().insert(CONTENT_TYPE, content_type.clone());
    }
    response.headers_mut().insert(SET_COOKIE, HeaderValue::from_static("planted=1"));
    response
}
