//! Who asks, whether they may, and not too often. Everything behind it finds the [`Caller`] in
//! the request; nothing behind it runs for what is not in the table of operations.

use std::net::IpAddr;
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::header::{ALLOW, AUTHORIZATION};
use http::{HeaderMap, HeaderValue};
use rolltop_api_types::{ADMITTED_HEADER, Access, Code, Scope};
use rolltop_control::CredentialGuard;
use rolltop_model::network_of;
use secrecy::SecretString;

use crate::ending::{guard_request, guard_response};
use crate::problems::ApiError;
use crate::rate_limit::{Allowance, Limiter};
use crate::state::AppState;

/// What a request was let in with.
#[derive(Default)]
struct Admitted {
    allowance: Option<Allowance>,
    guard: Option<CredentialGuard>,
}

pub(crate) async fn gate(State(state): State<AppState>, mut request: Request, next: Next) -> Response {
    let Admitted { allowance, guard } = match admit(&state, &mut request).await {
        Ok(admitted) => admitted,
        Err(error) => return error.into_response(),
    };
    let mut response = match guard {
        Some(guard) => {
            let mut response = guard_response(next.run(guard_request(request, &guard)).await, guard);
            response.headers_mut().insert(ADMITTED_HEADER, HeaderValue::from_static("yes"));
            response
        }
        None => next.run(request).await,
    };
    if let Some(allowance) = allowance {
        allowance.write(response.headers_mut());
    }
    response
}

async fn admit(state: &AppState, request: &mut Request) -> Result<Admitted, ApiError> {
    let Some(path) = request.extensions().get::<MatchedPath>() else {
        // No route at all: behind us is only the answer that says so.
        return Ok(Admitted::default());
    };
    let path = path.clone();
    let admitted = match state.operations.access(request.method(), path.as_str()) {
        None => Err(no_such_method(state, path.as_str())),
        Some(Access::Open) => Ok(Admitted::default()),
        Some(Access::SignIn) => {
            let network = address(request.headers()).map(|address| network_of(address).to_string());
            let allowance = counted(&state.sign_ins, network.as_deref().unwrap_or("local"))?;
            Ok(Admitted { allowance: Some(allowance), guard: None })
        }
        Some(Access::Credential) => admit_caller(state, request, &[]).await,
        Some(Access::Scopes(scopes)) => admit_caller(state, request, scopes).await,
    }?;
    match state.operations.check_query(request.method(), path.as_str(), request.uri()) {
        Ok(()) => Ok(admitted),
        Err(mut error) => {
            if let Some(allowance) = &admitted.allowance {
                error.write_allowance(allowance);
            }
            Err(error)
        }
    }
}

fn no_such_method(state: &AppState, path: &str) -> ApiError {
    let allowed = state.operations.methods(path).join(", ");
    if allowed.is_empty() {
        return no_such_route();
    }
    ApiError::new(Code::MethodNotAllowed, format!("This path takes {allowed}.")).with_header(ALLOW, &allowed)
}

/// For what is not in the API.
pub(crate) fn no_such_route() -> ApiError {
    ApiError::new(
        Code::NoSuchRoute,
        "The API has no such path; GET /v1/openapi.json describes what there is.",
    )
}

async fn admit_caller(
    state: &AppState,
    request: &mut Request,
    scopes: &[Scope],
) -> Result<Admitted, ApiError> {
    let bearer = bearer(request.headers())?;
    let from = address(request.headers()).map(|address| address.to_string());
    let (caller, guard) = state.control.admit(bearer, from.as_deref()).await?;
    let allowance = counted(&state.requests, &caller.rate_key())?;
    scopes.iter().try_for_each(|scope| caller.needs(*scope)).map_err(|lacks| {
        let mut error = ApiError::from(lacks);
        error.write_allowance(&allowance);
        error
    })?;
    request.extensions_mut().insert(guard.clone());
    request.extensions_mut().insert(caller);
    Ok(Admitted { allowance: Some(allowance), guard: Some(guard) })
}

fn counted(limiter: &Limiter, key: &str) -> Result<Allowance, ApiError> {
    let allowance = limiter.take(key, Instant::now());
    if allowance.granted {
        return Ok(allowance);
    }
    let seconds = allowance.retry_after_seconds();
    let mut error = ApiError::new(Code::RateLimited, format!("Too many requests; wait {seconds} s."))
        .retry_after(seconds);
    error.write_allowance(&allowance);
    Err(error)
}

pub(crate) fn bearer(headers: &HeaderMap) -> Result<SecretString, ApiError> {
    headers
        .get(AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, token)| scheme.eq_ignore_ascii_case("bearer") && !token.trim().is_empty())
        .map(|(_, token)| SecretString::from(token.trim().to_owned()))
        .ok_or_else(|| {
            ApiError::new(
                Code::Unauthenticated,
                "A credential is needed: send Authorization: Bearer with an API key or a session token.",
            )
        })
}

/// Whom the web tier asks for. Only it and its like can reach the socket, so it is believed.
pub(crate) fn address(headers: &HeaderMap) -> Option<IpAddr> {
    let nearest = headers.get("x-forwarded-for")?.to_str().ok()?.rsplit(',').next()?;
    nearest.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;
    use secrecy::ExposeSecret;

    fn token(value: &str) -> Option<String> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        bearer(&headers).ok().map(|bearer| bearer.expose_secret().to_owned())
    }

    #[test]
    fn only_a_bearer_credential_is_one() {
        assert_eq!(token("Bearer rt_x").as_deref(), Some("rt_x"));
        assert_eq!(token("bearer  rt_x ").as_deref(), Some("rt_x"));
        for none in ["", "Bearer", "Bearer  ", "Basic cm9vdDo=", "rt_x"] {
            assert_eq!(token(none), None, "{none}");
        }
    }

    #[test]
    fn the_nearest_proxys_word_counts() {
        let mut headers = HeaderMap::new();
        assert_eq!(address(&headers), None);
        headers.insert("x-forwarded-for", HeaderValue::from_static("1.2.3.4, 5.6.7.8"));
        assert_eq!(address(&headers), Some(IpAddr::from([5, 6, 7, 8])));
        headers.insert("x-forwarded-for", HeaderValue::from_static("1.2.3.4, me"));
        assert_eq!(address(&headers), None, "what is no address is none");
    }
}
