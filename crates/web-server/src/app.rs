//! What all handlers share, and all routes: each group of pages has its own.

use std::path::PathBuf;
use std::sync::Arc;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::response::Redirect;
use axum::routing::{any, get};
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
        .merge(pages::account::routes())
        .merge(pages::desktops::routes())
        .merge(pages::snapshots::routes())
        .merge(pages::templates::routes())
        .merge(pages::host::routes())
        .merge(pages::docs::routes())
        .merge(pages::palette::routes())
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
