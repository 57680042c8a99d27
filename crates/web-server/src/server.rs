//! The public port: TLS always, HTTP/2 and HTTP/1.1.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::time::Duration;

use axum::Router;
use axum_server::Handle;
use http::Uri;
use hyper_util::rt::TokioTimer;
use rolltop_api_types::{Client, ClientError};
use rustix::process::{Resource, getrlimit};

use crate::app::{self, App};
use crate::config::Limits;
use crate::connection::Attendant;
use crate::headers::Insist;
use crate::{Certificate, CertificateError, WebConfig, assets};

/// How often a connection of HTTP/2 is asked whether its other end is still there.
const PING: Duration = Duration::from_secs(20);
/// Requests at the same time on a connection of HTTP/2.
const STREAMS: u32 = 100;
/// Descriptors that are not for connections.
const OWN_DESCRIPTORS: u64 = 256;
/// Longest head of a request, bytes: whoever sends more hears 431.
const HEAD_LIMIT: u16 = 32 << 10;
/// How long requests under way have when asked to stop. WebSockets and event streams end then.
const GRACE: Duration = Duration::from_secs(3);

#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("no usable certificate")]
    Certificate(#[from] CertificateError),
    #[error("can't listen on {address}")]
    Listen {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("the public URL is not of the form https://host or https://host:port")]
    PublicUrl,
    #[error("no client for the API can be made")]
    Client(#[source] ClientError),
    #[error("serving broke off")]
    Serve(#[source] io::Error),
}

/// Listening, and ready to serve.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    attendant: Attendant,
    limits: Limits,
    router: Router,
    url: String,
}

/// Takes the port and everything else that can go wrong at the start.
pub async fn bind(config: WebConfig) -> Result<Server, ServerError> {
    if !assets::are_there() {
        tracing::error!(
            "the front end is missing from this build: run `npm run build` in web/, then build again"
        );
    }
    let insist = Insist(config.certificate.is_some());
    let tls = match config.certificate {
        Some(certificate) => certificate.server_config()?,
        None => Certificate::own(&config.data_dir, config.listen)?.server_config_by_name()?,
    };
    let limits = affordable(config.limits);
    let attendant = Attendant::new(limits, tls);
    let public_origin = config.public_url.as_deref().map(origin).transpose()?;
    let failed = |source| ServerError::Listen { address: config.listen, source };
    let listener = TcpListener::bind(config.listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let url = public_origin.clone().unwrap_or_else(|| url_of(address));
    let client = Client::over_unix_socket(&config.api_socket).map_err(ServerError::Client)?;
    let app = App { client, api_socket: config.api_socket, public_origin };
    Ok(Server { listener, address, attendant, limits, router: app::router(app, insist), url })
}

/// Binds and serves until `shutdown` completes.
pub async fn serve(
    config: WebConfig,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> Result<(), ServerError> {
    bind(config).await?.serve(shutdown).await
}

impl Server {
    /// Where it listens, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What to type into a browser, without a path.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub async fn serve(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), ServerError> {
        let handle = Handle::new();
        let stopping = handle.clone();
        let stopper = tokio::spawn(async move {
            shutdown.await;
            stopping.graceful_shutdown(Some(GRACE));
        });
        let mut server = axum_server::from_tcp(self.listener)
            .map_err(ServerError::Serve)?
            .acceptor(self.attendant)
            .handle(handle);
        let mut http = server.http_builder().http1();
        http.timer(TokioTimer::new()).header_read_timeout(self.limits.head).max_buf_size(HEAD_LIMIT.into());
        let mut http = server.http_builder().http2();
        http.timer(TokioTimer::new())
            .keep_alive_interval(PING)
            .max_concurrent_streams(STREAMS)
            .max_header_list_size(HEAD_LIMIT.into());
        let served = server.serve(self.router.into_make_service_with_connect_info::<SocketAddr>()).await;
        stopper.abort();
        served.map_err(ServerError::Serve)
    }
}

/// A connection takes a descriptor, and a request on it another towards the API.
fn affordable(limits: Limits) -> Limits {
    let descriptors = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    let most = usize::try_from(descriptors.saturating_sub(OWN_DESCRIPTORS) / 2).unwrap_or(usize::MAX);
    if most < limits.connections {
        tracing::warn!(connections = most, descriptors, "fewer connections, for want of descriptors");
    }
    let connections = limits.connections.min(most);
    Limits { connections, strangers: limits.strangers.min(connections / 2), ..limits }
}

/// Scheme, host and port of a URL, written as a browser writes an Origin.
fn origin(url: &str) -> Result<String, ServerError> {
    let uri: Uri = url.parse().map_err(|_| ServerError::PublicUrl)?;
    let (Some("https"), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
        return Err(ServerError::PublicUrl);
    };
    if uri.path() != "/" || authority.as_str().contains('@') {
        return Err(ServerError::PublicUrl);
    }
    let host = authority.as_str().to_ascii_lowercase();
    Ok(format!("https://{}", host.strip_suffix(":443").unwrap_or(&host)))
}

fn url_of(address: SocketAddr) -> String {
    match address.ip() {
        ip if ip.is_unspecified() || ip.is_loopback() => format!("https://localhost:{}", address.port()),
        IpAddr::V4(ip) => format!("https://{ip}:{}", address.port()),
        IpAddr::V6(ip) => format!("https://[{ip}]:{}", address.port()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_url_becomes_an_origin() {
        assert_eq!(origin("https://Desk.example").unwrap(), "https://desk.example");
        assert_eq!(origin("https://desk.example:443/").unwrap(), "https://desk.example");
        assert_eq!(origin("https://desk.example:8443").unwrap(), "https://desk.example:8443");
        for bad in ["http://desk.example", "desk.example", "https://a@b", "https://desk.example/path", ""] {
            assert!(origin(bad).is_err(), "{bad}");
        }
    }
}
