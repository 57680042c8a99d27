//! Operations as `rolltop_api_types::operation` declares them, and the functions that carry them out: route and description
//! come from the declaration, and the function gets a [`Call`].

use std::sync::{Mutex, PoisonError};

use axum::Router;
use axum::extract::{FromRequest as _, FromRequestParts as _, RawPathParams, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodFilter, MethodRouter, on};
use http::StatusCode;
use rolltop_api_types::Code;
use rolltop_api_types::operation::{NamesDesktop, Operation, PathParts as _};
use rolltop_control::{Caller, Control, DesktopAccess, Purpose};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use crate::extract::{Asking, Json, Query, idempotency_key};
use crate::openapi;
use crate::problems::ApiError;
use crate::state::AppState;

/// An operation that somebody asks for, who may ask for it.
pub(crate) struct Call<O: Operation> {
    pub control: Control,
    pub caller: Caller,
    /// What its path names.
    pub path: O::Path,
    pub query: O::Query,
    idempotency_key: Option<String>,
    /// Locked by nobody: a request can't be shared between threads, and a call is, while its function waits.
    request: Mutex<Request>,
}

impl<O: Operation> Call<O> {
    async fn new(request: Request, control: Control) -> Result<Self, ApiError> {
        let (mut parts, body) = request.into_parts();
        let Asking { caller, .. } = Asking::from_request_parts(&mut parts, &()).await?;
        // What is no text names nothing.
        let named = RawPathParams::from_request_parts(&mut parts, &()).await.ok();
        let named: Vec<&str> = named.iter().flatten().map(|(_, value)| value).collect();
        let path = O::Path::read(&named).map_err(|missing| ApiError::new(Code::NotFound, missing))?;
        let Query(query) = Query::from_request_parts(&mut parts, &()).await?;
        let idempotency_key = match O::DECLARATION.idempotent {
            Some(_) => idempotency_key(&parts.headers)?,
            None => None,
        };
        let request = Mutex::new(Request::from_parts(parts, body));
        Ok(Self { control, caller, path, query, idempotency_key, request })
    }

    pub fn idempotency_key(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// Reads the body, which is worth it only for who may do this with what the path names.
    pub async fn body(&mut self) -> Result<O::Body, ApiError> {
        let request = std::mem::take(self.request.get_mut().unwrap_or_else(PoisonError::into_inner));
        Json::from_request(request, &()).await.map(|Json(body)| body)
    }
}

impl<O: Operation<Path: NamesDesktop>> Call<O> {
    /// The ticket to the desktop that the path names.
    pub async fn desktop<P: Purpose>(&self) -> Result<DesktopAccess<P>, ApiError> {
        Ok(self.control.authorise(&self.caller, self.path.desktop()).await?)
    }
}

/// Routes with their description and who may ask for them.
pub(crate) struct Routes {
    router: OpenApiRouter<AppState>,
    operations: Vec<crate::Operation>,
}

impl Routes {
    pub fn new() -> Self {
        Self { router: OpenApiRouter::with_openapi(openapi::frame()), operations: Vec::new() }
    }

    /// The operation that `carry_out` is for.
    pub fn on<O, F, R>(mut self, carry_out: F) -> Self
    where
        O: Operation,
        F: Fn(Call<O>) -> R + Clone + Send + Sync + 'static,
        R: Future<Output = Result<O::Reply, ApiError>> + Send,
    {
        let answer = move |State(control): State<Control>, request: Request| async move {
            match Call::new(request, control).await {
                Ok(call) => reply::<O>(carry_out(call).await),
                Err(error) => error.into_response(),
            }
        };
        let declared = O::DECLARATION;
        let method = MethodFilter::try_from(declared.method.clone());
        let handler = method.map_or_else(|_| MethodRouter::new(), |method| on(method, answer));
        let (schemas, paths) = openapi::described::<O>();
        self.operations.push((declared.method, declared.path, declared.access));
        self.raw((schemas, paths, handler))
    }

    /// Operations that are described by hand.
    pub fn raw(self, routes: UtoipaMethodRouter<AppState>) -> Self {
        Self { router: self.router.routes(routes), ..self }
    }

    pub fn finish(self) -> (Router<AppState>, OpenApi, Vec<crate::Operation>) {
        let (router, description) = self.router.split_for_parts();
        (router, description, self.operations)
    }
}

fn reply<O: Operation>(outcome: Result<O::Reply, ApiError>) -> Response {
    let status = StatusCode::from_u16(O::DECLARATION.status).unwrap_or_default();
    match outcome {
        Ok(_) if status == StatusCode::NO_CONTENT => status.into_response(),
        Ok(reply) => (status, axum::Json(reply)).into_response(),
        Err(error) => error.into_response(),
    }
}
