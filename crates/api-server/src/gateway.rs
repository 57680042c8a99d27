//! The jump host's calls. The socket has checked that it is the jump host's user who asks; whose
//! key may go where is decided by control, for each tunnel anew.
//!
//! A tunnel is an HTTP/1.1 upgrade to plain bytes. They are copied through two buffers of fixed size,
//! so a slow end holds the other up rather than filling memory.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rolltop_api_types::{Code, GatewayIntroduction, KeyKnown, KeyQuery, TUNNEL_PROTOCOL, TunnelQuery};
use rolltop_control::{Control, GatewayView, Tunnel};
use tokio::io::copy_bidirectional_with_sizes;
use tokio_util::sync::CancellationToken;

use crate::extract::{Json, Query};
use crate::problems::ApiError;

/// Held of a tunnel at most, bytes each way.
const BUFFER: usize = 64 << 10;

#[derive(Clone)]
pub(crate) struct GatewayState {
    pub control: Control,
    /// Ends tunnels when the process is to stop.
    pub shutdown: CancellationToken,
}

pub(crate) async fn introduce(
    State(state): State<GatewayState>,
    Json(gateway): Json<GatewayIntroduction>,
) -> StatusCode {
    state.control.introduce_gateway(GatewayView { host_key: gateway.host_key, port: gateway.port });
    StatusCode::NO_CONTENT
}

pub(crate) async fn key(
    State(state): State<GatewayState>,
    Query(query): Query<KeyQuery>,
) -> Result<axum::Json<KeyKnown>, ApiError> {
    Ok(axum::Json(KeyKnown { known: state.control.has_ssh_key(&query.fingerprint).await? }))
}

pub(crate) async fn tunnel(
    State(state): State<GatewayState>,
    Query(query): Query<TunnelQuery>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let upgrade = request
        .extensions_mut()
        .remove::<OnUpgrade>()
        .filter(|_| asks_for_tunnel(request.headers()))
        .ok_or_else(|| ApiError::new(Code::InvalidHeader, "A tunnel is an upgrade to rolltop-tunnel."))?;
    // Before the upgrade, so that what goes wrong can still be said.
    let tunnel = state.control.ssh_tunnel(&query.fingerprint, &query.desktop).await?;
    tokio::spawn(carry(upgrade, tunnel, state.shutdown));
    let headers = [(CONNECTION, "upgrade"), (UPGRADE, TUNNEL_PROTOCOL)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

fn asks_for_tunnel(headers: &HeaderMap) -> bool {
    headers.get(UPGRADE).is_some_and(|value| value == TUNNEL_PROTOCOL)
}

async fn carry(upgrade: OnUpgrade, tunnel: Tunnel, shutdown: CancellationToken) {
    let desktop = tunnel.desktop;
    let (mut inside, mut key) = tunnel.split();
    let Ok(outside) = upgrade.await else { return };
    let mut outside = TokioIo::new(outside);
    let ended = tokio::select! {
        copied = copy_bidirectional_with_sizes(&mut outside, &mut inside, BUFFER, BUFFER) => match copied {
            Ok(_) => "both ends were done",
            Err(_) => "one end broke off",
        },
        () = key.removed() => "its key was removed",
        () = shutdown.cancelled() => "the process stops",
    };
    tracing::info!(%desktop, ended, "a person's SSH connection ended");
}
