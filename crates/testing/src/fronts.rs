//! What stands before a platform's API: the web tier and the jump host.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use rolltop_api_server::{bind as bind_socket, gateway_router, serve_only_to};
use rolltop_ssh_gateway::GatewayConfig;
use rolltop_web_server::{ServerError, WebConfig};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::Platform;

/// A web tier before a platform.
pub struct Web {
    pub address: SocketAddr,
    /// `https://localhost:PORT`
    pub url: String,
    /// The one that it made for itself, in PEM.
    pub certificate: PathBuf,
    stop: CancellationToken,
    serving: JoinHandle<Result<(), ServerError>>,
}

impl Web {
    /// Ends it, with every connection to it.
    pub async fn stop(self) {
        self.stop.cancel();
        self.serving.await.unwrap().unwrap();
    }
}

impl Platform {
    /// Starts a web tier on a free port. A platform has one.
    pub async fn web(&self) -> Web {
        self.web_at(free_port(), rolltop_web_server::Limits::default()).await
    }

    pub async fn web_at(&self, listen: SocketAddr, limits: rolltop_web_server::Limits) -> Web {
        let config = WebConfig {
            listen,
            api_socket: self.socket(),
            data_dir: self.directory().to_owned(),
            public_url: None,
            certificate: None,
            limits,
        };
        let server = rolltop_web_server::bind(config).await.unwrap();
        let (address, url) = (server.address(), server.url().to_owned());
        let stop = self.shutdown.child_token();
        let serving = tokio::spawn(server.serve(stop.clone().cancelled_owned()));
        Web { address, url, certificate: self.directory().join("tls.crt"), stop, serving }
    }

    /// Starts a jump host on a free port. A platform has one.
    pub async fn jump_host(&self, limits: rolltop_ssh_gateway::Limits) -> SocketAddr {
        let socket = self.directory().join("gateway.sock");
        let listener = bind_socket(&socket, 0o600).unwrap();
        let own = own_uid(self.directory());
        let routes = gateway_router(self.control(), self.shutdown.clone());
        tokio::spawn(serve_only_to(listener, routes, vec![own], self.shutdown.clone()));
        jump_host(socket, self.directory(), limits, self.shutdown.clone()).await
    }
}

/// A jump host on a free port, before any API.
pub async fn jump_host(
    api_socket: PathBuf,
    data_dir: &Path,
    limits: rolltop_ssh_gateway::Limits,
    stop: CancellationToken,
) -> SocketAddr {
    let config =
        GatewayConfig { listen: free_port(), limits, ..GatewayConfig::new(api_socket, data_dir.to_owned()) };
    let gateway = rolltop_ssh_gateway::bind(config).await.unwrap();
    let address = gateway.address();
    tokio::spawn(gateway.serve(stop.cancelled_owned()));
    address
}

fn free_port() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// Whoever made the directory is who runs this.
pub(crate) fn own_uid(directory: &Path) -> u32 {
    std::fs::metadata(directory).unwrap().uid()
}
