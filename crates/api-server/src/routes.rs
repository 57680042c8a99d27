//! Every route, and the layers around them. A route that outlives its answer ends with its credential:
//! [`crate::ending`] says how.

mod access_log;
mod actions;
mod api_keys;
mod console;
mod copies;
mod desktops;
mod device;
mod events;
mod exec;
mod files;
mod gather;
mod history;
mod host;
mod me;
mod meta;
mod port;
mod ports;
mod preview;
mod saved_templates;
mod screen;
mod screenshot;
mod session;
mod setup;
mod shares;
mod sleep;
mod snapshot_schedules;
mod snapshots;
mod ssh;
mod ssh_keys;
mod steps;
mod templates;
mod terminal;
mod terminals;
mod transfer;
mod usage;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use bytes::Bytes;
use rolltop_api_types::operation::Declaration;
use rolltop_control::Control;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;

use crate::admin;
use crate::call::Routes;
use crate::config::ApiConfig;
use crate::envelope::envelope;
use crate::gate::{gate, no_such_route};
use crate::gateway::{self, GatewayState};
use crate::openapi;
use crate::operations::Operations;
use crate::problems::ApiError;
use crate::state::AppState;

/// `/v1` and `/healthz`, and what only the web tier asks for, ready to be served on the API's socket.
pub fn router(control: Control, config: ApiConfig) -> Router {
    let (router, description, operations) = served();
    let description = Bytes::from(openapi::rendered(description));
    let state = AppState::new(control, config, description, operations);
    router
        .fallback(missing)
        .layer(from_fn_with_state(state.clone(), gate))
        .merge(preview::router())
        .layer(from_fn(envelope))
        .with_state(state)
}

/// All that is served, as it is declared.
pub fn operations() -> Vec<Declaration> {
    let (_, _, operations) = served();
    operations.declarations().cloned().collect()
}

/// The operator's routes, for the admin socket.
pub fn admin_router(control: Control) -> Router {
    Router::new()
        .route("/admin/sign-in-link", post(admin::sign_in_link))
        .route("/admin/sign-in", get(admin::sign_in))
        .route("/admin/api-key", post(admin::api_key))
        .route("/admin/adopt-copies", post(admin::adopt_copies))
        .route("/admin/leftovers", get(admin::leftovers))
        .route("/admin/host-warnings", get(admin::host_warnings))
        .route("/admin/sweep", post(admin::sweep))
        .fallback(missing)
        .method_not_allowed_fallback(missing)
        .layer(from_fn(envelope))
        .with_state(control)
}

/// The jump host's routes, for its own socket. `shutdown` ends its tunnels.
pub fn gateway_router(control: Control, shutdown: CancellationToken) -> Router {
    Router::new()
        .route("/gateway/introduction", put(gateway::introduce))
        .route("/gateway/key", get(gateway::key))
        .route("/gateway/tunnel", get(gateway::tunnel))
        .fallback(missing)
        .method_not_allowed_fallback(missing)
        .layer(from_fn(envelope))
        .with_state(GatewayState { control, shutdown })
}

/// The routes with their description: what is served is what is described.
pub(crate) fn served() -> (Router<AppState>, OpenApi, Operations) {
    Routes::new()
        .raw(meta::healthz)
        .raw(meta::openapi_json)
        .on(desktops::list)
        .on(desktops::create)
        .on(desktops::get)
        .on(desktops::update)
        .on(desktops::destroy)
        .on(actions::start)
        .on(actions::stop)
        .on(actions::suspend)
        .on(actions::resume)
        .on(actions::restart)
        .on(actions::end_processes)
        .on(actions::retry)
        .on(snapshots::list)
        .on(transfer::import)
        .raw(transfer::export)
        .on(copies::make)
        .on(copies::list)
        .on(copies::fetch)
        .on(copies::delete)
        .on(snapshots::get)
        .on(snapshots::delete)
        .raw(snapshots::screenshot)
        .on(snapshots::take)
        .on(snapshots::fork_desktop)
        .on(snapshots::fork_snapshot)
        .on(snapshots::restore)
        .on(snapshots::undo)
        .on(setup::get)
        .on(setup::set)
        .on(setup::stop)
        .on(saved_templates::save)
        .on(saved_templates::logins)
        .on(saved_templates::list)
        .on(saved_templates::delete)
        .on(snapshot_schedules::get)
        .on(snapshot_schedules::set)
        .on(snapshot_schedules::end)
        .on(sleep::get)
        .on(sleep::set)
        .on(sleep::hold)
        .on(sleep::release)
        .on(steps::list)
        .on(history::list)
        .on(usage::get)
        .on(access_log::list)
        .raw(screenshot::get)
        .raw(screen::get)
        .raw(console::get)
        .on(ssh::get)
        .on(api_keys::list)
        .on(api_keys::create)
        .on(api_keys::revoke)
        .on(ssh_keys::list)
        .on(ssh_keys::add)
        .on(ssh_keys::remove)
        .on(terminals::list)
        .raw(terminal::open)
        .on(terminals::close)
        .on(ports::list)
        .raw(port::open)
        .raw(exec::run)
        .raw(exec::socket::open)
        .on(shares::list)
        .on(shares::create)
        .on(shares::revoke)
        .on(files::list)
        .on(files::update)
        .on(files::remove)
        .on(files::info)
        .raw(files::content::content)
        .raw(files::save::save)
        .raw(files::content::archive)
        .on(files::save::offset)
        .on(files::save::cancel)
        .on(files::folder)
        .on(files::rename)
        .on(files::copy)
        .raw(events::stream)
        .on(templates::list)
        .on(host::get)
        .on(me::get)
        .on(me::set_password)
        .on(session::sign_in)
        .on(session::redeem)
        .on(session::sign_out)
        .on(device::start)
        .on(device::token)
        .on(device::request)
        .on(device::decide)
        .finish()
}

async fn missing() -> ApiError {
    no_such_route()
}
