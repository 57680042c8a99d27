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
use rolltop_control::Control;
use tokio_util::sync::CancellationToken;
use utoipa::openapi::OpenApi;
use utoipa_axum::routes;

use crate::admin;
use crate::call::Routes;
use crate::config::ApiConfig;
use crate::envelope::envelope;
use crate::gate::{gate, no_such_route};
use crate::gateway::{self, GatewayState};
use crate::openapi;
use crate::problems::ApiError;
use crate::queries::QueryNames;
use crate::state::AppState;

/// `/v1` and `/healthz`, and what only the web tier asks for, ready to be served on the API's socket.
pub fn router(control: Control, config: ApiConfig) -> Router {
    let (router, description, _) = described();
    let queries = QueryNames::of(&description);
    let description = Bytes::from(openapi::rendered(&description));
    let state = AppState::new(control, config, description, queries);
    router
        .fallback(missing)
        .layer(from_fn_with_state(state.clone(), gate))
        .merge(preview::router())
        .layer(from_fn(envelope))
        .with_state(state)
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
pub(crate) fn described() -> (Router<AppState>, OpenApi, Vec<crate::Operation>) {
    Routes::new()
        .raw(routes!(meta::healthz))
        .raw(routes!(meta::openapi_json))
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
        .raw(routes!(transfer::import))
        .raw(routes!(transfer::export))
        .raw(routes!(copies::make))
        .raw(routes!(copies::list))
        .raw(routes!(copies::fetch))
        .raw(routes!(copies::delete))
        .on(snapshots::get)
        .on(snapshots::delete)
        .raw(routes!(snapshots::screenshot))
        .on(snapshots::take)
        .on(snapshots::fork_desktop)
        .on(snapshots::fork_snapshot)
        .on(snapshots::restore)
        .on(snapshots::undo)
        .raw(routes!(setup::get, setup::set, setup::stop))
        .raw(routes!(saved_templates::save))
        .raw(routes!(saved_templates::logins))
        .raw(routes!(saved_templates::list))
        .raw(routes!(saved_templates::delete))
        .raw(routes!(snapshot_schedules::get, snapshot_schedules::set, snapshot_schedules::end))
        .on(sleep::get)
        .on(sleep::set)
        .on(sleep::hold)
        .on(sleep::release)
        .on(steps::list)
        .on(history::list)
        .on(usage::get)
        .on(access_log::list)
        .raw(routes!(screenshot::get))
        .raw(routes!(screen::get))
        .raw(routes!(console::get))
        .raw(routes!(ssh::get))
        .raw(routes!(api_keys::list, api_keys::create))
        .raw(routes!(api_keys::revoke))
        .raw(routes!(ssh_keys::list, ssh_keys::add))
        .raw(routes!(ssh_keys::remove))
        .raw(routes!(terminals::list))
        .raw(routes!(terminal::open, terminals::close))
        .raw(routes!(ports::list))
        .raw(routes!(port::open))
        .raw(routes!(exec::run, exec::socket::open))
        .raw(routes!(shares::list, shares::create))
        .raw(routes!(shares::revoke))
        .raw(routes!(files::list, files::update, files::remove))
        .raw(routes!(files::info))
        .raw(routes!(files::content::content, files::save::save))
        .raw(routes!(files::content::archive))
        .raw(routes!(files::save::offset, files::save::cancel))
        .raw(routes!(files::folder))
        .raw(routes!(files::rename))
        .raw(routes!(files::copy))
        .raw(routes!(events::stream))
        .raw(routes!(templates::list))
        .raw(routes!(host::get))
        .raw(routes!(me::get))
        .raw(routes!(me::set_password))
        .raw(routes!(device::start))
        .raw(routes!(device::token))
        .raw(routes!(device::request))
        .raw(routes!(device::decide))
        .raw(routes!(session::redeem))
        .raw(routes!(session::sign_in, session::sign_out))
        .finish()
}

async fn missing() -> ApiError {
    no_such_route()
}
