//! Listening, and one task per connection.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rolltop_admission::Admission;
use rolltop_api_types::{ClientError, GatewayClient, GatewayIntroduction};
use russh::keys::{Algorithm, EcdsaCurve, HashAlg, PrivateKey};
use russh::{MethodKind, MethodSet, Preferred, SshId, server};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::config::{GatewayConfig, Limits};
use crate::connection;
use crate::host_key::{self, HostKeyError};

/// What the jump host says first.
pub(crate) const IDENTIFICATION: &str = "SSH-2.0-Rolltop";
/// How often the api is told who we are: it forgets when it is started again.
const INTRODUCTION: Duration = Duration::from_secs(10);
const INTRODUCTION_RETRY: Duration = Duration::from_millis(300);
/// After no connection could be taken, as when there are no more descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// For connections to hear that the process stops.
const FAREWELL: Duration = Duration::from_secs(3);
/// Connections that are told at the same time why they are turned away; more hear nothing.
const FAREWELLS: usize = 50;
/// Nobody guesses keys; this is only not to be asked too quickly.
const REJECTION: Duration = Duration::from_millis(100);
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVES_MISSED: usize = 4;
/// Bytes a client may send on a channel before we must grant it more.
const WINDOW: u32 = 1024 * 1024;
const PACKET: u32 = 32 * 1024;
/// Messages held per channel before nothing more is read from the connection.
const CHANNEL_MESSAGES: usize = 8;

#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the jump host can't listen on {0}: choose another address with --ssh-listen or in rolltop.toml")]
    Listen(SocketAddr, #[source] io::Error),
    #[error("the jump host's key can't be used")]
    HostKey(#[from] HostKeyError),
    #[error("the jump host's key can't be shown")]
    PublicKey(#[source] russh::keys::ssh_key::Error),
    #[error("the api's socket can't be used")]
    Api(#[from] ClientError),
}

/// A jump host that listens.
pub struct Gateway {
    listener: TcpListener,
    address: SocketAddr,
    introduction: GatewayIntroduction,
    shared: Arc<Shared>,
}

/// What all connections share.
pub(crate) struct Shared {
    pub api: GatewayClient,
    pub ssh: Arc<server::Config>,
    pub limits: Limits,
    pub farewells: Semaphore,
    pub stopping: CancellationToken,
}

/// Reads or makes the host key and listens.
pub async fn bind(config: GatewayConfig) -> Result<Gateway, StartError> {
    let key = host_key::open_or_create(&config.data_dir)?;
    let host_key = key.public_key().to_openssh().map_err(StartError::PublicKey)?.trim().to_owned();
    let api = GatewayClient::over_unix_socket(&config.api_socket)?;
    let told = |error| StartError::Listen(config.listen, error);
    let listener = TcpListener::bind(config.listen).await.map_err(told)?;
    let address = listener.local_addr().map_err(told)?;
    let shared = Shared {
        api,
        ssh: Arc::new(ssh_config(key, &config.limits)),
        limits: config.limits,
        farewells: Semaphore::new(FAREWELLS),
        stopping: CancellationToken::new(),
    };
    let introduction = GatewayIntroduction { host_key, port: address.port() };
    Ok(Gateway { listener, address, introduction, shared: Arc::new(shared) })
}

impl Gateway {
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// One OpenSSH public line.
    pub fn host_key(&self) -> &str {
        &self.introduction.host_key
    }

    /// Serves until `stop` resolves; then open connections end.
    pub async fn serve(self, stop: impl Future<Output = ()>) {
        let connections = TaskTracker::new();
        let admission = Admission::new(self.shared.limits.admission());
        tokio::select! {
            () = stop => {}
            () = accept(&self.listener, &self.shared, &admission, &connections) => {}
            () = introduce(&self.shared.api, &self.introduction) => {}
        }
        drop(self.listener);
        self.shared.stopping.cancel();
        connections.close();
        let _ = tokio::time::timeout(FAREWELL, connections.wait()).await;
    }
}

async fn accept(
    listener: &TcpListener,
    shared: &Arc<Shared>,
    admission: &Arc<Admission>,
    connections: &TaskTracker,
) {
    loop {
        match listener.accept().await {
            Ok((stream, from)) => {
                connections.spawn(connection::receive(shared.clone(), admission.clone(), stream, from.ip()));
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Tells the api who we are, again and again.
async fn introduce(api: &GatewayClient, introduction: &GatewayIntroduction) {
    let mut answered = true;
    loop {
        match api.introduce(introduction).await {
            Ok(()) => {
                answered = true;
                tokio::time::sleep(INTRODUCTION).await;
            }
            Err(error) => {
                if std::mem::replace(&mut answered, false) {
                    tracing::info!(%error, "the api does not answer yet");
                }
                tokio::time::sleep(INTRODUCTION_RETRY).await;
            }
        }
    }
}

fn ssh_config(key: PrivateKey, limits: &Limits) -> server::Config {
    server::Config {
        server_id: SshId::Standard(IDENTIFICATION.into()),
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: REJECTION,
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![key],
        window_size: WINDOW,
        maximum_packet_size: PACKET,
        channel_buffer_size: CHANNEL_MESSAGES,
        max_auth_attempts: limits.attempts,
        inactivity_timeout: Some(limits.silence),
        keepalive_interval: Some(KEEPALIVE),
        keepalive_max: KEEPALIVES_MISSED,
        preferred: Preferred { key: KINDS.into(), ..Preferred::DEFAULT },
        ..server::Config::default()
    }
}

/// Kinds of keys that people may log in with; no SHA-1.
const KINDS: &[Algorithm] = &[
    Algorithm::Ed25519,
    Algorithm::SkEd25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::SkEcdsaSha2NistP256,
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];
