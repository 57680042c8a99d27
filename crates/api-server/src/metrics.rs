//! `GET /metrics`, in the text format of OpenMetrics, on an address of its own that only the operator's machines reach.

use std::net::IpAddr;

use axum::Router;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::get;
use http::header::{CONTENT_TYPE, HOST};
use http::{HeaderMap, StatusCode};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::serve::ServeError;

/// Gives what is to be told.
pub type Render = std::sync::Arc<dyn Fn() -> String + Send + Sync>;

/// Serves until told to stop.
pub async fn serve_metrics(
    listener: TcpListener,
    render: Render,
    shutdown: CancellationToken,
) -> Result<(), ServeError> {
    let router = Router::new().route("/metrics", get(tell)).with_state(render);
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await;
    served.map_err(ServeError::Serve)
}

async fn tell(State(render): State<Render>, headers: HeaderMap) -> Result<impl IntoResponse, StatusCode> {
    if !is_direct(&headers) {
        return Err(StatusCode::MISDIRECTED_REQUEST);
    }
    Ok(([(CONTENT_TYPE, "application/openmetrics-text; version=1.0.0; charset=utf-8")], render()))
}

/// A web page can have a browser ask under a name of its own that leads here; a scraper asks by address.
fn is_direct(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    let name = if host.ends_with(']') { host } else { name };
    let address = name.trim_start_matches('[').trim_end_matches(']');
    name == "localhost" || address.parse::<IpAddr>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_who_asks_by_address_is_answered() {
        let asked = |host: &'static str| is_direct(&HeaderMap::from_iter([(HOST, host.parse().unwrap())]));
        for direct in ["127.0.0.1:9464", "127.0.0.1", "[::1]:9464", "[fd00::1]", "localhost:9464"] {
            assert!(asked(direct), "{direct}");
        }
        for elsewhere in ["metrics.example.org:9464", "127.0.0.1.example.org", "", "localhost.example.org:1"]
        {
            assert!(!asked(elsewhere), "{elsewhere}");
        }
        assert!(!is_direct(&HeaderMap::new()));
    }
}
