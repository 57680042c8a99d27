//! Every route, and the layers around them. A route that outlives its answer ends with its credential:
//! [`crate::ending`] says how.

mod console;
mod desktops;
mod device;
mod events;
mod exec;
mod files;
mod gather;
mod meta;
mod port;
mod preview;
mod screen;
mod screenshot;
mod session;
mod shares;
mod sleep;
mod snapshot_schedules;
mod snapshots;
mod terminal;
mod transfer;

use std::time::Duration;

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{get, post, put};
use rolltop_api_types::operation::Declaration;
use rolltop_control::Control;
use tokio_util::sync::CancellationToken;

use crate::admin;
use crate::call::{Routes, answer};
use crate::config::ApiConfig;
use crate::envelope::envelope;
use crate::gate::{gate, no_such_route};
use crate::gateway::{self, GatewayState};
use crate::operations::Operations;
use crate::problems::ApiError;
use crate::state::AppState;

/// `/v1` and `/healthz`, and what only the web tier asks for, ready to be served on the API's socket.
pub fn router(control: Control, config: ApiConfig) -> Router {
    let (router, operations) = served();
    let state = AppState::new(control, config, operations);
    router
        .fallback(missing)
        .layer(from_fn_with_state(state.clone(), gate))
        .merge(preview::router())
        .layer(from_fn(envelope))
        .with_state(state)
}

/// All that is served, as it is declared.
pub fn operations() -> Vec<Declaration> {
    let (_, operations) = served();
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

/// The routes with what is declared of them: what is served is what is described.
pub(crate) fn served() -> (Router<AppState>, Operations) {
    Routes::default()
        .raw(meta::healthz)
        .raw(meta::openapi_json)
        .on(desktops::list)
        .on(desktops::create)
        .on(answer!(GetDesktop, Read, |call, desktop| call.control.get(&desktop)))
        .on(desktops::update)
        .on(desktops::destroy)
        .on(answer!(StartDesktop, Control, |call, desktop| call.control.start(&desktop)))
        .on(answer!(StopDesktop, Control, |call, desktop| call.control.stop(&desktop)))
        .on(answer!(SuspendDesktop, Control, |call, desktop| call.control.suspend(&desktop)))
        .on(answer!(ResumeDesktop, Control, |call, desktop| call.control.start(&desktop)))
        .on(answer!(RestartDesktop, Control, |call, desktop| call.control.restart(&desktop)))
        .on(answer!(EndProcesses, Control, |call, desktop| call.control.end_processes(&desktop)))
        .on(answer!(RetryDesktop, Control, |call, desktop| call.control.retry(&desktop)))
        .on(answer!(ListSnapshots, |call| call.control.snapshots(&call.caller, call.query.desktop)))
        .on(transfer::import)
        .raw(transfer::export)
        .on(answer!(CopySnapshot, |call| call.control.copy_snapshot(&call.caller, call.path)))
        .on(answer!(ListCopies, |call| call.control.copies(&call.caller)))
        .on(answer!(FetchCopy, |call| call.control.fetch_copy(&call.caller, call.path.0)))
        .on(answer!(DeleteCopy, |call| call.control.delete_copy(&call.caller, call.path.0)))
        .on(answer!(GetSnapshot, |call| call.control.snapshot(&call.caller, call.path)))
        .on(answer!(DeleteSnapshot, |call| call.control.delete_snapshot(&call.caller, call.path)))
        .raw(snapshots::screenshot)
        .on(answer!(TakeSnapshot, Write, |call, desktop, wanted| {
            call.control.take_snapshot(&desktop, wanted.name.as_deref(), call.idempotency_key())
        }))
        .on(answer!(ForkDesktop, Write, |call, desktop, wanted| {
            call.control.fork(&desktop, &wanted, call.idempotency_key())
        }))
        .on(answer!(ForkSnapshot, |call, wanted| {
            call.control.fork_snapshot(&call.caller, call.path, &wanted, call.idempotency_key())
        }))
        .on(answer!(RestoreSnapshot, |call| call.control.restore(&call.caller, call.path)))
        .on(answer!(UndoDesktop, |call| call.control.undo(&call.caller, call.path)))
        .on(answer!(GetSetup, Exec, |call, desktop| call.control.setup(&desktop)))
        .on(answer!(SetUpDesktop, Exec, |call, desktop, wanted| call.control.set_up(&desktop, &wanted)))
        .on(answer!(StopSetup, Exec, |call, desktop| call.control.stop_setup(&desktop)))
        .on(answer!(SaveTemplate, Write, |call, desktop, wanted| call
            .control
            .save_template(&desktop, &wanted)))
        .on(answer!(ListLogins, ReadFiles, |call, desktop| call.control.logins(&desktop)))
        .on(answer!(ListSavedTemplates, |call| call.control.saved_templates(&call.caller)))
        .on(answer!(DeleteTemplate, |call| call.control.delete_template(&call.caller, &call.path.0)))
        .on(answer!(GetSnapshotSchedule, Read, |call, desktop| call.control.snapshot_schedule(&desktop)))
        .on(snapshot_schedules::set)
        .on(answer!(EndSnapshotSchedule, Write, |call, desktop| call
            .control
            .set_snapshot_schedule(&desktop, None)))
        .on(answer!(GetSleep, Read, |call, desktop| call.control.sleep(&desktop)))
        .on(sleep::set)
        .on(answer!(HoldDesktop, Control, |call, desktop, wanted| {
            call.control.hold(&desktop, Duration::from_secs(wanted.lasts_seconds), wanted.reason)
        }))
        .on(answer!(ReleaseHold, Control, |call, desktop| call.control.release_hold(&desktop, call.path.1)))
        .on(answer!(ListSteps, Read, |call, desktop| call.control.steps(&desktop)))
        .on(answer!(ListHistory, Read, |call, desktop| call.control.history(&desktop)))
        .on(answer!(GetUsage, Read, |call, desktop| call.control.usage(&desktop, call.query.span)))
        .on(answer!(GetAccessLog, Read, |call, desktop| call.control.access_log(&desktop)))
        .raw(screenshot::get)
        .raw(screen::get)
        .raw(console::get)
        .on(answer!(GetDesktopSsh, Read, |call, desktop| call.control.desktop_ssh(&desktop)))
        .on(answer!(ListApiKeys, |call| call.control.api_keys(&call.caller)))
        .on(answer!(CreateApiKey, |call, wanted| call.control.create_api_key(&call.caller, wanted)))
        .on(answer!(RevokeApiKey, |call| call.control.revoke_api_key(&call.caller, call.path)))
        .on(answer!(ListSshKeys, |call| call.control.ssh_keys(&call.caller)))
        .on(answer!(AddSshKey, |call, wanted| {
            call.control.add_ssh_key(&call.caller, wanted.name.as_deref(), &wanted.public_key)
        }))
        .on(answer!(RemoveSshKey, |call| call.control.remove_ssh_key(&call.caller, call.path)))
        .on(answer!(ListTerminals, Control, |call, desktop| call.control.terminals(&desktop)))
        .raw(terminal::open)
        .on(answer!(CloseTerminal, Control, |call, desktop| {
            call.control.close_terminal(&desktop, terminal::number(call.path.1)?)
        }))
        .on(answer!(ListPorts, Control, |call, desktop| call.control.ports(&desktop)))
        .raw(port::open)
        .raw(exec::run)
        .raw(exec::socket::open)
        .on(answer!(ListShares, Control, |call, desktop| call.control.shares(&desktop)))
        .on(shares::create)
        .on(answer!(RevokeShare, Control, |call, desktop| call.control.revoke_share(&desktop, call.path.1)))
        .on(answer!(ListFiles, ReadFiles, |call, desktop| call
            .control
            .files(&desktop)
            .await?
            .list(&call.query.path)))
        .on(files::update)
        .on(answer!(DeleteFile, WriteFiles, |call, desktop| {
            async { call.control.files(&desktop).await?.remove(&call.query.path, call.query.all).await }
        }))
        .on(answer!(GetFileInfo, ReadFiles, |call, desktop| call
            .control
            .files(&desktop)
            .await?
            .info(&call.query.path)))
        .raw(files::content::content)
        .raw(files::save::save)
        .raw(files::content::archive)
        .on(files::save::offset)
        .on(files::save::cancel)
        .on(answer!(CreateFolder, WriteFiles, |call, desktop, wanted| {
            async { call.control.files(&desktop).await?.make_folder(&wanted.path).await }
        }))
        .on(answer!(MoveFile, WriteFiles, |call, desktop, wanted| {
            async {
                call.control.files(&desktop).await?.rename(&wanted.from, &wanted.to, wanted.replace).await
            }
        }))
        .on(answer!(CopyFile, WriteFiles, |call, desktop, wanted| {
            async { call.control.files(&desktop).await?.copy(&wanted.from, &wanted.to).await }
        }))
        .raw(events::stream)
        .on(answer!(ListTemplates, |call| call.control.templates(&call.caller)))
        .on(answer!(GetHost, |call| call.control.host(&call.caller)))
        .on(answer!(GetMe, |call| call.control.me(&call.caller)))
        .on(answer!(SetPassword, |call, wanted| {
            call.control.set_password(&call.caller, &wanted.name, wanted.present, wanted.password)
        }))
        .on(session::sign_in)
        .on(session::redeem)
        .on(answer!(SignOut, |call| call.control.sign_out(&call.caller)))
        .on(device::start)
        .on(device::token)
        .on(answer!(GetDeviceRequest, |call, wanted| call
            .control
            .device_request(&call.caller, &wanted.user_code)))
        .on(answer!(DecideDeviceLogin, |call, wanted| {
            call.control.decide_device_login(&call.caller, &wanted.user_code, wanted.allow)
        }))
        .finish()
}

async fn missing() -> ApiError {
    no_such_route()
}
