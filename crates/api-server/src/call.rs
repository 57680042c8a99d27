//! Operations as `rolltop_api_types::operation` declares them, and the functions that carry them out: route and description
//! come from the declaration, and the function gets a [`Call`].

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Body;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, RawPathParams, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use http::header::UPGRADE;
use http::request::Parts;
use http::{HeaderMap, Method, StatusCode};
use rolltop_api_types::Code;
use rolltop_api_types::operation::{Missing, NamesDesktop, Operation, PathParts as _};
use rolltop_control::{Caller, Control, CredentialGuard, DesktopAccess, Purpose};

use crate::extract::{Query, idempotency_key, json};
use crate::operations::Operations;
use crate::problems::ApiError;
use crate::socket::Opening;
use crate::state::AppState;

/// An operation that somebody asks for, who may ask for it.
pub(crate) struct Call<O: Operation, A = Caller> {
    pub control: Control,
    pub state: AppState,
    pub caller: A,
    /// What its path names.
    pub path: O::Path,
    pub query: O::Query,
    idempotency_key: Option<String>,
    parts: Parts,
    /// Locked by nobody: a body can't be shared between threads, and a call is, while its function waits.
    body: Mutex<Body>,
}

impl<O: Operation, A: Asker> Call<O, A> {
    async fn new(request: Request, state: AppState) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let caller = A::of(&parts)?;
        // What is no text names nothing.
        let named = RawPathParams::from_request_parts(&mut parts, &()).await.ok();
        let named: Vec<&str> = named.iter().flatten().map(|(_, value)| value).collect();
        let path = O::Path::read(&named).map_err(missing)?;
        let Query(query) = Query::from_request_parts(&mut parts, &()).await?;
        let idempotency_key = match O::DECLARATION.idempotent {
            Some(_) => idempotency_key(&parts.headers)?,
            None => None,
        };
        let body = Mutex::new(body);
        Ok(Self { control: state.control.clone(), state, caller, path, query, idempotency_key, parts, body })
    }

    pub fn headers(&self) -> &HeaderMap {
        &self.parts.headers
    }

    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Reads the body, which is worth it only for who may do this with what the path names.
    pub async fn body(&mut self) -> Result<O::Body, ApiError> {
        let body = self.bytes();
        json(&self.parts.headers, body).await
    }

    /// The body as it comes.
    pub fn bytes(&mut self) -> Body {
        std::mem::take(self.body.get_mut().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<O: Operation> Call<O> {
    /// The WebSocket that is asked for, not open yet. `otherwise` says to whoever asks for none what this is.
    pub async fn websocket(&mut self, otherwise: &str) -> Result<Opening, ApiError> {
        let upgrade = WebSocketUpgrade::from_request_parts(&mut self.parts, &()).await;
        let required =
            |_| ApiError::new(Code::WebsocketRequired, otherwise).with_header(UPGRADE, "websocket");
        let upgrade = upgrade.map_err(required)?.protocols(O::DECLARATION.websocket);
        let guard = self.parts.extensions.get::<CredentialGuard>().cloned().ok_or_else(unauthenticated)?;
        Ok(Opening { upgrade, config: self.state.config.clone(), guard })
    }
}

impl<O: Operation<Path: NamesDesktop>> Call<O> {
    /// The ticket to the desktop that the path names.
    pub async fn desktop<P: Purpose>(&self) -> Result<DesktopAccess<P>, ApiError> {
        Ok(self.control.authorise(&self.caller, self.path.desktop()).await?)
    }
}

/// Who asks.
pub(crate) trait Asker: Sized + Send {
    fn of(parts: &Parts) -> Result<Self, ApiError>;
}

/// Whoever the gate found out.
impl Asker for Caller {
    fn of(parts: &Parts) -> Result<Self, ApiError> {
        parts.extensions.get().cloned().ok_or_else(unauthenticated)
    }
}

/// Anybody, for what needs no credential.
pub(crate) struct Anybody;

impl Asker for Anybody {
    fn of(_: &Parts) -> Result<Self, ApiError> {
        Ok(Self)
    }
}

fn missing(missing: Missing) -> ApiError {
    let error = ApiError::new(missing.problem, missing.sentence);
    match missing.field {
        Some(field) => error.in_field(field),
        None => error,
    }
}

fn unauthenticated() -> ApiError {
    ApiError::new(Code::Unauthenticated, "A credential is needed.")
}

/// What carries an operation out that is one call of control: `answer!(Operation, Purpose, |call, desktop| …)` with the ticket
/// to the desktop that its path names, `answer!(Operation, |call| …)` without. With one name more the body is read, after
/// that ticket was given.
macro_rules! answer {
    ($operation:ident, $purpose:ident, |$call:ident, $desktop:ident $(, $wanted:ident)?| $answer:expr) => {
        $crate::call::answer!(@ $operation, |$call| {
            let $desktop = $call.desktop::<rolltop_control::purpose::$purpose>().await?;
            $(let $wanted = $call.body().await?;)?
        } $answer)
    };
    ($operation:ident, |$call:ident $(, $wanted:ident)?| $answer:expr) => {
        $crate::call::answer!(@ $operation, |$call| { $(let $wanted = $call.body().await?;)? } $answer)
    };
    (@ $operation:ident, |$call:ident| { $($before:stmt;)* } $answer:expr) => {
        #[allow(unused_mut, reason = "a call changes when its body is read")]
        |mut $call: $crate::call::Call<rolltop_api_types::op::$operation>| async move {
            $($before)*
            Ok::<<rolltop_api_types::op::$operation as rolltop_api_types::operation::Operation>::Reply, $crate::problems::ApiError>(
                $answer.await?.into(),
            )
        }
    };
}
pub(crate) use answer;

/// Routes with what is declared of them.
#[derive(Default)]
pub(crate) struct Routes {
    router: Router<AppState>,
    operations: Operations,
}

impl Routes {
    /// The operation that `carry_out` is for, which gives the reply as it is declared.
    pub fn on<O, A, F, R>(self, carry_out: F) -> Self
    where
        O: Operation,
        A: Asker,
        F: Fn(Call<O, A>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<O::Reply, ApiError>> + Send,
    {
        self.raw(move |call| {
            let carried_out = carry_out(call);
            async move { Ok(reply::<O>(carried_out.await?)) }
        })
    }

    /// The same for what answers with more than JSON: files, pictures, streams, WebSockets.
    pub fn raw<O, A, F, R, T>(mut self, carry_out: F) -> Self
    where
        O: Operation,
        A: Asker,
        F: Fn(Call<O, A>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<T, ApiError>> + Send,
        T: IntoResponse,
    {
        let carry_out = Arc::new(carry_out);
        let answer: Handler = Arc::new(move |state, request| {
            let carry_out = Arc::clone(&carry_out);
            Box::pin(async move {
                match Call::new(request, state).await {
                    Ok(call) => carry_out(call).await.into_response(),
                    Err(error) => error.into_response(),
                }
            })
        });
        self.router = self.router.route(O::DECLARATION.path, handler(O::DECLARATION.method, answer));
        self.operations.add::<O>();
        self
    }

    pub fn finish(self) -> (Router<AppState>, Operations) {
        (self.router, self.operations)
    }
}

/// What answers an operation.
type Handler = Arc<dyn Fn(AppState, Request) -> Pin<Box<dyn Future<Output = Response> + Send>> + Send + Sync>;

/// All operations have one kind of handler: what axum makes of a handler is compiled for each kind.
fn handler(method: Method, answer: Handler) -> MethodRouter<AppState> {
    let answer = move |State(state): State<AppState>, request: Request| answer(state, request);
    MethodFilter::try_from(method).map_or_else(|_| MethodRouter::new(), |method| on(method, answer))
}

fn reply<O: Operation>(reply: O::Reply) -> Response {
    let status = O::DECLARATION.replies.first().and_then(|usual| StatusCode::from_u16(usual.status).ok());
    match status.unwrap_or_default() {
        StatusCode::NO_CONTENT => StatusCode::NO_CONTENT.into_response(),
        status => (status, axum::Json(reply)).into_response(),
    }
}
