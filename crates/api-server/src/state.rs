//! What every handler can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use bytes::Bytes;
use rolltop_control::Control;

use crate::config::ApiConfig;
use crate::queries::QueryNames;
use crate::rate_limit::Limiter;

#[derive(Clone)]
pub(crate) struct AppState {
    pub control: Control,
    pub config: Arc<ApiConfig>,
    /// By credential.
    pub requests: Arc<Limiter>,
    /// By address.
    pub sign_ins: Arc<Limiter>,
    /// The API's description as it is served.
    pub description: Bytes,
    pub queries: Arc<QueryNames>,
}

impl AppState {
    pub fn new(control: Control, config: ApiConfig, description: Bytes, queries: QueryNames) -> Self {
        Self {
            control,
            requests: Arc::new(Limiter::new(config.requests)),
            sign_ins: Arc::new(Limiter::new(config.sign_ins)),
            config: Arc::new(config),
            description,
            queries: Arc::new(queries),
        }
    }
}

impl FromRef<AppState> for Control {
    fn from_ref(state: &AppState) -> Control {
        state.control.clone()
    }
}

impl FromRef<AppState> for Arc<ApiConfig> {
    fn from_ref(state: &AppState) -> Arc<ApiConfig> {
        state.config.clone()
    }
}
