//! What the web tier asks for previews: a ticket for a session, a pass for a ticket or a share link, and
//! connections for a pass.
//!
//! Outside `/v1`, so that nothing of it can be reached through the web tier's proxy: a pass is of no
//! use but at its own address. Each of them judges what it is shown by itself; the gate knows no passes.

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::header::{CONNECTION, UPGRADE};
use http::{HeaderMap, StatusCode};
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use rolltop_api_types::{
    Code, OpenPreview, PreviewKey, PreviewPass, PreviewQuery, PreviewTicket, RequestTicket, TUNNEL_PROTOCOL,
};
use rolltop_control::{PassGuard, PortConnection, PreviewAddress};
use tokio::io::copy_bidirectional_with_sizes;

use crate::extract::{Json, Query};
use crate::gate::bearer;
use crate::problems::ApiError;
use crate::state::AppState;

/// Where a share link leads, before its secret; the web tier serves it at a preview's address.
pub(super) const SHARE_PATH: &str = "/.rolltop/share/";
/// Held of a connection at most, bytes each way.
const BUFFER: usize = 64 << 10;

pub(super) fn router() -> Router<AppState> {
    Router::new()
        .route("/preview/ticket", post(ticket))
        .route("/preview/pass", post(pass))
        .route("/preview/connection", get(connection))
}

async fn ticket(
    State(state): State<AppState>,
    headers: HeaderMap,
    Json(wanted): Json<RequestTicket>,
) -> Result<axum::Json<PreviewTicket>, ApiError> {
    let caller = state.control.authenticate(&bearer(&headers)?).await?;
    let ticket = state.control.preview_ticket(&caller, &address(&wanted.address)?).await?;
    Ok(axum::Json(PreviewTicket { ticket: ticket.secret, address: ticket.address.label() }))
}

async fn pass(
    State(state): State<AppState>,
    Json(wanted): Json<OpenPreview>,
) -> Result<axum::Json<PreviewPass>, ApiError> {
    let address = address(&wanted.address)?;
    let pass = match &wanted.key {
        PreviewKey::Ticket(ticket) => state.control.redeem_ticket(ticket, &address)?,
        PreviewKey::Share(secret) => state.control.open_share(secret, &address).await?,
    };
    Ok(axum::Json(PreviewPass { pass: pass.token, desktop: pass.desktop, expires_at: pass.expires_at }))
}

async fn connection(
    State(state): State<AppState>,
    Query(query): Query<PreviewQuery>,
    mut request: Request,
) -> Result<Response, ApiError> {
    let upgrade = request
        .extensions_mut()
        .remove::<OnUpgrade>()
        .filter(|_| request.headers().get(UPGRADE).is_some_and(|value| value == TUNNEL_PROTOCOL))
        .ok_or_else(|| ApiError::new(Code::InvalidHeader, "A connection is an upgrade to rolltop-tunnel."))?;
    let pass = bearer(request.headers())?;
    let address = address(&query.address)?;
    // Before the upgrade, so that what goes wrong can still be said.
    let (connection, guard) = state.control.connect_preview(pass, address, query.wake.into()).await?;
    tokio::spawn(carry(state, upgrade, connection, guard));
    let headers = [(CONNECTION, "upgrade"), (UPGRADE, TUNNEL_PROTOCOL)];
    Ok((StatusCode::SWITCHING_PROTOCOLS, headers).into_response())
}

fn address(text: &str) -> Result<PreviewAddress, ApiError> {
    text.parse().map_err(|error: rolltop_control::NotAnAddress| {
        ApiError::new(Code::InvalidAddress, error.to_string()).in_field("address")
    })
}

async fn carry(state: AppState, upgrade: OnUpgrade, connection: PortConnection, guard: PassGuard) {
    let PortConnection { stream: mut inside, place: _place } = connection;
    let Ok(outside) = upgrade.await else { return };
    let mut outside = TokioIo::new(outside);
    let ended = tokio::select! {
        copied = copy_bidirectional_with_sizes(&mut outside, &mut inside, BUFFER, BUFFER) => match copied {
            Ok(_) => "both ends were done",
            Err(_) => "one end broke off",
        },
        () = guard.ended() => "its pass is no longer good",
        () = state.config.shutdown.cancelled() => "the process stops",
    };
    tracing::debug!(ended, "a preview's connection ended");
}
