//! What every handler can reach.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use rolltop_control::Control;

use crate::config::ApiConfig;
use crate::openapi;
use crate::operations::Operations;
use crate::rate_limit::Limiter;

#[derive(Clone)]
pub(crate) struct AppState {
    pub control: Control,
    pub config: Arc<ApiConfig>,
    /// By credential.
    pub requests: Arc<Limiter>,
    /// By address.
    pub sign_ins: Arc<Limiter>,
    /// The API's description as it is served, made when somebody first asks for it: it takes six megabytes.
    description: Arc<OnceLock<Bytes>>,
    pub operations: Arc<Operations>,
}

impl AppState {
    pub fn new(control: Control, config: ApiConfig, operations: Operations) -> Self {
        Self {
            control,
            requests: Arc::new(Limiter::new(config.requests)),
            sign_ins: Arc::new(Limiter::new(config.sign_ins)),
            config: Arc::new(config),
            description: Arc::default(),
            operations: Arc::new(operations),
        }
    }

    pub fn description(&self) -> Bytes {
        self.description.get_or_init(|| openapi::of(&self.operations).into()).clone()
    }
}
