//! The one place where errors become HTTP. What is ours alone goes to the log, under the
//! request's id; the caller gets a sentence.

mod account;
mod api_keys;
mod copies;
mod desktops;
mod device;
mod input;
mod preview;
mod saved_templates;
mod setup;
mod shared;
mod sleep;
mod snapshots;
mod ssh;
mod transfer;

use std::error::Error;
use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rolltop_api_types::operation::PathPart as _;
use rolltop_api_types::{Code, Problem};
use rolltop_model::DesktopId;

pub(crate) use input::{explain, shown};

use crate::rate_limit::Allowance;

/// An error on its way out. The envelope adds the request's id and renders it.
#[derive(Debug, Clone)]
pub(crate) struct ApiError {
    pub problem: Box<Problem>,
    headers: HeaderMap,
}

impl ApiError {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        let error = Self { problem: Box::new(Problem::new(code, detail)), headers: HeaderMap::new() };
        if code.status() == StatusCode::UNAUTHORIZED.as_u16() {
            return error.with_header(WWW_AUTHENTICATE, "Bearer");
        }
        error
    }

    /// About one field of the request.
    pub fn in_field(mut self, field: &str) -> Self {
        *self.problem = self.problem.in_field(field);
        self
    }

    pub fn with_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::try_from(value) {
            self.headers.insert(name, value);
        }
        self
    }

    pub fn retry_after(self, seconds: u64) -> Self {
        self.with_header(RETRY_AFTER, &seconds.to_string())
    }

    /// Says what is left of the rate limit.
    pub fn write_allowance(&mut self, allowance: &Allowance) {
        allowance.write(&mut self.headers);
    }

    /// Not there, or not the caller's: word for word the same.
    pub fn no_such_desktop() -> Self {
        Self::new(Code::NotFound, DesktopId::MISSING)
    }

    /// The credential is good, and not for this.
    pub fn missing_scope(scope: &str) -> Self {
        Self::new(Code::MissingScope, format!("This credential lacks the scope {scope}."))
    }

    /// Ours to mend: the causes go to the log, a plain sentence to the caller.
    pub fn internal(error: &(dyn Error + 'static)) -> Self {
        tracing::error!(error = %causes(error), "a request failed on our side");
        Self::new(
            Code::Internal,
            "Something went wrong on our side; the request's id helps to find it in the log.",
        )
    }

    /// Ours too, but likely to pass.
    pub fn unavailable(error: &(dyn Error + 'static)) -> Self {
        tracing::warn!(error = %causes(error), "a request could not be carried out for the moment");
        Self::new(Code::Unavailable, "The host does not answer; try again shortly.").retry_after(2)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, self.headers).into_response();
        response.extensions_mut().insert(ProblemToRender(self.problem));
        response
    }
}

/// Rides on a response to the envelope.
#[derive(Clone)]
pub(crate) struct ProblemToRender(pub Box<Problem>);

/// An error and its sources in one line.
fn causes(error: &(dyn Error + 'static)) -> String {
    let mut line = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let _ = write!(line, ": {source}");
        next = source.source();
    }
    line
}
