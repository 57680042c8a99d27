//! `/v1` over HTTP: routes, their OpenAPI description, server-sent events and the WebSockets of
//! screens and terminals. It calls `control`, and contains no business logic.
//!
//! ```text
//!  request ─► envelope (request id, span, problems rendered) ─► gate (credential, scope, rate)
//!          ─► handler: extract ─► control ─► answer
//! ```
//!
//! An operation is declared in `api-types`, and its handler gets a `Call` of it (`call`). Every error becomes a problem
//! document in `problems`, and nowhere else. Listens on unix sockets only: the web and ssh
//! tiers are the only clients, so `X-Forwarded-For` is believed.
//! Deliberately absent: cookies, CSRF, TLS (the web tier), SQL, engines.

mod admin;
mod body;
mod call;
mod config;
mod ending;
mod envelope;
mod extract;
mod gate;
mod gateway;
mod metrics;
mod openapi;
mod operations;
mod problems;
mod rate_limit;
mod routes;
mod serve;
mod socket;
mod state;

pub use config::{ApiConfig, RateLimit};
pub use metrics::{Render, serve_metrics};
pub use openapi::description;
pub use serve::{ServeError, bind, serve_only_to, serve_unix};

pub use routes::{admin_router, gateway_router, operations, router};
