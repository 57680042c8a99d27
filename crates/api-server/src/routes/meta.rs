//! What is asked about the API itself.

use axum::response::IntoResponse;
use http::header::CONTENT_TYPE;
use rolltop_api_types::op;

use crate::call::{Anybody, Call};
use crate::problems::ApiError;

pub(crate) async fn healthz(_: Call<op::Healthz, Anybody>) -> Result<&'static str, ApiError> {
    Ok("ok")
}

pub(crate) async fn openapi_json(call: Call<op::GetOpenApi, Anybody>) -> Result<impl IntoResponse, ApiError> {
    Ok(([(CONTENT_TYPE, "application/json")], call.state.description()))
}
