//! What goes wrong, and the one place that shows it: as a page, or as a toast where htmx asked
//! for a part of one. Internal text never leaves; what the API says to people does.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};
use rolltop_api_types::{ClientError, Code, PROBLEM_JSON};

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

/// What is wrong with a form that a person has filled in; by default nothing.
#[derive(Default)]
pub(crate) struct Fault {
    pub status: StatusCode,
    /// As the API calls it; empty where it is none.
    field: String,
    text: String,
}

impl Fault {
    /// What is found here: the key of a sentence.
    pub(crate) fn new(language: Language, field: &str, key: &str) -> Self {
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, field: field.to_owned(), text: language.say(key) }
    }

    /// What the API says, in the page's own words for some codes; or that it says nothing.
    pub(crate) fn said(language: Language, error: &ClientError, words: &[(Code, &str)]) -> Self {
        let own = words.iter().find(|(code, _)| error.code() == Some(*code));
        let status = error.problem().map_or(503, |problem| problem.status);
        let field = error.problem().and_then(|problem| problem.errors.first());
        Self {
            status: StatusCode::from_u16(status).unwrap_or(StatusCode::UNPROCESSABLE_ENTITY),
            field: field.map(|error| error.field.clone()).unwrap_or_default(),
            text: own.map_or_else(|| sentence(language, error), |(_, key)| language.say(key)),
        }
    }

    /// The same of a dialog, which is not at fault where the API says nothing.
    pub(crate) fn of(
        language: Language,
        error: ClientError,
        words: &[(Code, &str)],
    ) -> Result<Self, Failure> {
        if error.problem().is_some() { Ok(Self::said(language, &error, words)) } else { Err(error.into()) }
    }

    /// Only of what was filled in, or is not free any more. What else is wrong is told beside the form.
    pub(crate) fn of_answer(language: Language, error: ClientError) -> Result<Self, Failure> {
        match error.problem() {
            Some(problem) if !problem.errors.is_empty() || problem.status == 409 => {
                Ok(Self::said(language, &error, &[]))
            }
            _ => Err(error.into()),
        }
    }

    /// What is wrong with a field.
    pub(crate) fn at(&self, field: &str) -> Option<&str> {
        self.elsewhere(&[]).filter(|_| self.field == field)
    }

    /// What is wrong with none of these fields.
    pub(crate) fn elsewhere(&self, fields: &[&str]) -> Option<&str> {
        Some(self.text.as_str()).filter(|text| !text.is_empty() && !fields.contains(&self.field.as_str()))
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

/// A value of a query, in which paths stay readable.
pub(crate) fn percent_encoded(text: &str) -> PercentEncode<'_> {
    const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'_').remove(b'.');
    utf8_percent_encode(text, ENCODED)
}
