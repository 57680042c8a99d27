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
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::admin;
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
    let (router, description) = described();
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
pub(crate) fn described() -> (Router<AppState>, OpenApi) {
    OpenApiRouter::with_openapi(openapi::frame())
        .routes(routes!(meta::healthz))
        .routes(routes!(meta::openapi_json))
        .routes(routes!(desktops::list, desktops::create))
        .routes(routes!(desktops::get, desktops::update, desktops::destroy))
        .routes(routes!(actions::start))
        .routes(routes!(actions::stop))
        .routes(routes!(actions::suspend))
        .routes(routes!(actions::resume))
        .routes(routes!(actions::restart))
        .routes(routes!(actions::end_processes))
        .routes(routes!(actions::retry))
        .routes(routes!(snapshots::list, transfer::import))
        .routes(routes!(transfer::export))
        .routes(routes!(copies::make))
        .routes(routes!(copies::list))
        .routes(routes!(copies::fetch))
        .routes(routes!(copies::delete))
        .routes(routes!(snapshots::get, snapshots::delete))
        .routes(routes!(snapshots::screenshot))
        .routes(routes!(snapshots::take))
        .routes(routes!(snapshots::fork_desktop))
        .routes(routes!(snapshots::fork_snapshot))
        .routes(routes!(snapshots::restore))
        .routes(routes!(snapshots::undo))
        .routes(routes!(setup::get, setup::set, setup::stop))
        .routes(routes!(saved_templates::save))
        .routes(routes!(saved_templates::logins))
        .routes(routes!(saved_templates::list))
        .routes(routes!(saved_templates::delete))
        .routes(routes!(snapshot_schedules::get, snapshot_schedules::set, snapshot_schedules::end))
        .routes(routes!(sleep::get, sleep::set))
        .routes(routes!(sleep::hold))
        .routes(routes!(sleep::release))
        .routes(routes!(steps::list))
        .routes(routes!(history::list))
        .routes(routes!(usage::get))
        .routes(routes!(access_log::list))
        .routes(routes!(screenshot::get))
        .routes(routes!(screen::get))
        .routes(routes!(console::get))
        .routes(routes!(ssh::get))
        .routes(routes!(api_keys::list, api_keys::create))
        .routes(routes!(api_keys::revoke))
        .routes(routes!(ssh_keys::list, ssh_keys::add))
        .routes(routes!(ssh_keys::remove))
        .routes(routes!(terminals::list))
        .routes(routes!(terminal::open, terminals::close))
        .routes(routes!(ports::list))
        .routes(routes!(port::open))
        .routes(routes!(exec::run, exec::socket::open))
        .routes(routes!(shares::list, shares::create))
        .routes(routes!(shares::revoke))
        .routes(routes!(files::list, files::update, files::remove))
        .routes(routes!(files::info))
        .routes(routes!(files::content::content, files::save::save))
        .routes(routes!(files::content::archive))
        .routes(routes!(files::save::offset, files::save::cancel))
        .routes(routes!(files::folder))
        .routes(routes!(files::rename))
        .routes(routes!(files::copy))
        .routes(routes!(events::stream))
        .routes(routes!(templates::list))
        .routes(routes!(host::get))
        .routes(routes!(me::get))
        .routes(routes!(me::set_password))
        .routes(routes!(device::start))
        .routes(routes!(device::token))
        .routes(routes!(device::request))
        .routes(routes!(device::decide))
        .routes(routes!(session::redeem))
        .routes(routes!(session::sign_in, session::sign_out))
        .split_for_parts()
}

async fn missing() -> ApiError {
    no_such_route()
}
