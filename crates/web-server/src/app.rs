//! What all handlers share, and the table of routes.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{any, get, post};
use rolltop_api_types::Client;

use crate::failure::Failure;
use crate::headers::Insist;
use crate::{assets, compress, connection, failure, guard, headers, one_host, pages, preview, proxy};

pub(crate) struct App {
    /// Without a credential; each request adds its own.
    pub client: Client,
    pub api_socket: PathBuf,
    /// Scheme, host and port as people type them, where that was configured.
    pub public_origin: Option<String>,
}

#[cfg(test)]
impl App {
    /// Asks nobody.
    pub(crate) fn for_tests() -> Arc<Self> {
        let api_socket = PathBuf::from("/nowhere");
        let client = Client::over_unix_socket(&api_socket).unwrap();
        Arc::new(Self { client, api_socket, public_origin: None })
    }
}

pub(crate) fn router(app: App, insist: Insist) -> Router {
    let app = Arc::new(app);
    Router::new()
        .route("/", get(|| async { Redirect::to("/desktops") }))
        .route("/sign-in", get(pages::sign_in::show).post(pages::sign_in::submit))
        .route("/sign-out", post(pages::sign_in::out))
        .route("/welcome/{link}", get(pages::welcome::show).post(pages::welcome::submit))
        .route("/account/password", get(pages::password::show).post(pages::password::submit))
        .route("/account/language", post(pages::password::language))
        .route("/desktops", get(pages::desktops::show).post(pages::new_desktop::submit))
        .route("/desktops/new", get(pages::new_desktop::show))
        .route("/desktops/{id}", get(pages::desktop::show))
        .route("/desktops/{id}/ports", get(pages::desktop_ports::show))
        .route(
            "/desktops/{id}/ports/{port}/share",
            get(pages::desktop_ports::ask).post(pages::desktop_ports::share),
        )
        .route("/desktops/{id}/shares/{share}/revoke", post(pages::desktop_ports::revoke))
        .route(
            "/desktops/{id}/schedule",
            get(pages::desktop_schedule::show).post(pages::desktop_schedule::set),
        )
        .route("/desktops/{id}/schedule/edit", get(pages::desktop_schedule::edit))
        .route("/desktops/{id}/snapshots", get(pages::snapshots::of_one))
        .route("/desktops/{id}/usage", get(pages::desktop_usage::points))
        .route("/desktops/{id}/setup", get(pages::desktop_setup::show).post(pages::desktop_setup::set))
        .route("/desktops/{id}/setup/stop", post(pages::desktop_setup::stop))
        .route("/desktops/{id}/setup/edit", get(pages::desktop_setup::edit))
        .route("/desktops/{id}/size", get(pages::desktop_size::edit).post(pages::desktop_size::set))
        .route("/desktops/{id}/template", get(pages::templates::edit).post(pages::templates::save))
        .route("/desktops/{id}/template/logins", get(pages::templates::logins))
        .route("/templates/{version}/delete", get(pages::templates::ask).post(pages::templates::delete))
        .route("/desktops/{id}/sleep", get(pages::desktop_sleep::show).post(pages::desktop_sleep::set))
        .route("/desktops/{id}/sleep/edit", get(pages::desktop_sleep::edit))
        .route("/desktops/{id}/settings/autostart", post(pages::actions::autostart))
        .route("/desktops/{id}/settings/choices", post(pages::desktop_choices::set_one))
        .route("/desktops/{id}/choices", get(pages::desktop_choices::edit).post(pages::desktop_choices::set))
        .route("/desktops/{id}/hold", get(pages::desktop_sleep::ask).post(pages::desktop_sleep::hold))
        .route("/desktops/{id}/holds/{hold}/release", post(pages::desktop_sleep::release))
        .route("/desktops/{id}/ask/{what}", get(pages::actions::ask))
        .route("/desktops/{id}/{action}", post(pages::actions::submit))
        .route("/bulk/{action}", get(pages::bulk::ask).post(pages::bulk::submit))
        .route("/ssh-keys", get(pages::ssh_keys::show).post(pages::ssh_keys::add))
        .route("/ssh-keys/new", get(pages::ssh_keys::new))
        .route("/ssh-keys/{id}/remove", get(pages::ssh_keys::ask).post(pages::ssh_keys::remove))
        .route("/desktops/{id}/gone", get(pages::actions::gone))
        .route("/desktops/{id}/undo", post(pages::actions::undo))
        .route("/snapshots", get(pages::snapshots::show))
        .route("/snapshots/{id}/copy", post(pages::copies::make))
        .route("/copies/{id}/fetch", post(pages::copies::fetch))
        .route("/copies/{id}/delete", get(pages::copies::ask).post(pages::copies::delete))
        .route("/snapshots/{id}/fork", post(pages::snapshots::fork))
        .route("/snapshots/{id}/restore", get(pages::snapshots::ask_restore).post(pages::snapshots::restore))
        .route("/snapshots/{id}/delete", get(pages::snapshots::ask).post(pages::snapshots::delete))
        .route("/api-keys", get(pages::api_keys::show).post(pages::api_keys::make))
        .route("/api-keys/new", get(pages::api_keys::new))
        .route("/api-keys/{id}/revoke", get(pages::api_keys::ask).post(pages::api_keys::revoke))
        .route("/login/device", get(pages::device::show).post(pages::device::submit_code))
        .route("/host", get(pages::host::show))
        .route("/docs", get(pages::docs::index))
        .route("/docs/search", get(pages::docs::search))
        .route("/docs/api", get(pages::docs_reference::index))
        .route("/docs/api/{group}", get(pages::docs_reference::group))
        .route("/docs/{page}", get(pages::docs::show))
        .route("/docs/images/{name}", get(pages::docs::picture))
        .route("/palette", get(pages::palette::show))
        .route("/preview/open", get(preview::ticket::open))
        .route("/assets/{name}", get(assets::serve))
        // For browsers that ask for it unasked.
        .route("/favicon.ico", get(|| async { Redirect::permanent(&assets::address("favicon.svg")) }))
        .route("/v1/{*rest}", any(proxy::forward))
        .route("/healthz", get(proxy::forward))
        .fallback(|| async { Failure::NotFound })
        .layer(from_fn_with_state(Arc::clone(&app), guard::check))
        .layer(from_fn_with_state(Arc::clone(&app), failure::render))
        .layer(from_fn(compress::pages))
        .layer(from_fn_with_state(insist, headers::add))
        .layer(from_fn_with_state(Arc::clone(&app), preview::divide))
        .layer(from_fn(one_host::check))
        .layer(from_fn(connection::count))
        .with_state(app)
}
