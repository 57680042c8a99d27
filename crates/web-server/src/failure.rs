//! What goes wrong, and the one place that shows it: as a page, or as a toast where htmx asked
//! for a part of one. Internal text never leaves; what the API says to people does.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use rolltop_api_types::{ClientError, PROBLEM_JSON};

use crate::app::App;
use crate::components::toast;
use crate::cookie::Cookie;
use crate::language::Language;
use crate::pages::problem;

#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Nobody is signed in; go on to `next` afterwards.
    SignIn {
        next: String,
    },
    /// Signed in by a link, with no password chosen yet.
    NeedsPassword,
    /// Another site may have sent this.
    CrossSite,
    NotFound,
    /// What came is not as HTTP says, or broke off.
    Malformed,
    Api(Arc<ClientError>),
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Failure::Api(Arc::new(error))
    }
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Failure::SignIn { .. } => StatusCode::UNAUTHORIZED,
            Failure::NeedsPassword | Failure::CrossSite => StatusCode::FORBIDDEN,
            Failure::NotFound => StatusCode::NOT_FOUND,
            Failure::Malformed => StatusCode::BAD_REQUEST,
            Failure::Api(error) => match error.problem() {
                Some(problem) => {
                    StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
                }
                None => StatusCode::SERVICE_UNAVAILABLE,
            },
        }
    }

    /// Whether what was asked for is not there, or not this person's.
    pub(crate) fn is_not_found(&self) -> bool {
        self.status() == StatusCode::NOT_FOUND
    }

    /// Title and text for a person.
    pub(crate) fn words(&self, language: Language) -> (String, String) {
        let said = |key: &str| (language.say(&format!("{key}-title")), language.say(&format!("{key}-text")));
        match self {
            Failure::SignIn { .. } | Failure::NeedsPassword => said("error-sign-in"),
            Failure::CrossSite => said("error-cross-site"),
            Failure::NotFound => said("error-not-found"),
            Failure::Malformed => said("error-malformed"),
            Failure::Api(error) => match error.problem() {
                Some(problem) if problem.status == 404 => said("error-not-found"),
                Some(_) => (language.say("error-refused-title"), sentence(language, error)),
                None => said("error-unavailable"),
            },
        }
    }
}

/// What the API says is wrong, in the visitor's language. The API speaks English.
pub(crate) fn sentence(language: Language, error: &ClientError) -> String {
    let Some(problem) = error.problem() else { return language.say("error-unavailable-text") };
    match language {
        Language::English => problem.detail.clone(),
        Language::French => {
            let code = problem.code.as_str();
            // A field of a part is named after the part.
            let field =
                problem.errors.first().map_or("", |error| error.field.rsplit('.').next().unwrap_or(""));
            language
                .maybe(&format!("problem-{code}-{field}"))
                .or_else(|| language.maybe(&format!("problem-{code}")))
                .unwrap_or_else(|| problem.detail.clone())
        }
    }
}

impl IntoResponse for Failure {
    /// Bare: [`render`] knows who is asking and fills it.
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Gives failures their looks.
pub(crate) async fn render(State(_): State<Arc<App>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let language = Cookie::from_headers(headers).language.unwrap_or_else(|| Language::from_headers(headers));
    let fragment = headers.contains_key("hx-request");
    let api = request.uri().path().starts_with("/v1/");
    let mut response = next.run(request).await;
    let Some(failure) = response.extensions_mut().remove::<Failure>() else { return response };
    if let Failure::Api(error) = &failure
        && error.problem().is_none()
    {
        tracing::warn!(%error, "the API did not answer a page");
    }
    if api {
        return document(&failure);
    }
    let away = match &failure {
        Failure::SignIn { next } if next == "/" => Some("/sign-in".to_owned()),
        Failure::SignIn { next } => Some(format!("/sign-in?next={}", percent_encoded(next))),
        Failure::NeedsPassword => Some("/account/password".to_owned()),
        Failure::CrossSite | Failure::NotFound | Failure::Malformed | Failure::Api(_) => None,
    };
    match (away, fragment) {
        (Some(path), true) => (failure.status(), [("hx-redirect", path)]).into_response(),
        (Some(path), false) => Redirect::to(&path).into_response(),
        (None, true) => {
            (failure.status(), toast::error(language, &failure.words(language).1)).into_response()
        }
        (None, false) => (failure.status(), problem::page(language, &failure)).into_response(),
    }
}

/// For programs: as the API itself would say it.
pub(crate) fn document(failure: &Failure) -> Response {
    let (title, detail) = failure.words(Language::English);
    let code = match failure {
        Failure::SignIn { .. } | Failure::NeedsPassword => "unauthenticated",
        Failure::CrossSite => "cross_site",
        Failure::NotFound => "no_such_route",
        Failure::Malformed => "malformed_request",
        Failure::Api(_) => "unavailable",
    };
    let body = serde_json::json!({
        "type": format!("urn:rolltop:problem:{code}"), "title": title, "status": failure.status().as_u16(),
        "detail": detail, "code": code,
    });
    let mut response = (failure.status(), body.to_string()).into_response();
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(PROBLEM_JSON));
    response
}

pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'_' | b'.' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
