//! The one place where errors become HTTP. What the caller is told of an error is declared beside it, in `control`; its
//! causes go to the log, under the request's id.

mod input;

use std::error::Error;
use std::fmt::Write as _;

use axum::response::{IntoResponse, Response};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use rolltop_api_types::{Code, Problem};
use rolltop_control::{Explain, Explanation};

pub(crate) use input::explain;

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
}

impl<E: Explain + 'static> From<E> for ApiError {
    fn from(error: E) -> Self {
        let Explanation { code, detail, field, retry_after } = error.explain();
        let mut told = Self::new(code, detail);
        if let Some(field) = field {
            told = told.in_field(&field);
        }
        if let Some(seconds) = retry_after {
            told = told.retry_after(seconds);
        }
        match code {
            Code::Internal => tracing::error!(error = %causes(&error), "a request failed on our side"),
            Code::Unavailable | Code::DesktopUnreachable => {
                tracing::warn!(error = %causes(&error), "a request could not be carried out for the moment");
            }
            _ if error.source().is_some() => {
                tracing::debug!(error = %causes(&error), "a request was refused")
            }
            _ => {}
        }
        told
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
