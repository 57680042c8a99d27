//! A web tier on a free port before a platform with simulated machines, and clients that look like browsers.
#![allow(dead_code, reason = "each test uses its part of it")]

mod between;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{COOKIE, ORIGIN};
use rolltop_api_server::ApiConfig;
use rolltop_api_types::{Client, OpenPreview, PreviewKey, RequestTicket};
use rolltop_control::ControlConfig;
use rolltop_sim::SimConfig;
use rolltop_testing::Platform;
use rolltop_web_server::{Limits, WebConfig, bind};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use secrecy::{ExposeSecret, SecretString};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

pub use between::Between;

pub struct Web {
    pub platform: Platform,
    pub between: Arc<Between>,
    /// Where the web tier finds the API.
    pub socket: PathBuf,
    pub address: SocketAddr,
    pub client: reqwest::Client,
    /// The owner, called `sam`, with the session that [`Web::cookie`] has.
    pub person: Client,
    pub token: SecretString,
    certificate: Vec<u8>,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    _directory: tempfile::TempDir,
}

impl Web {
    /// Without desktops.
    pub async fn start() -> Self {
        Self::with(Limits::default()).await
    }

    pub async fn with(limits: Limits) -> Self {
        Self::over(Platform::start().await, limits).await
    }

    /// With desktops of these names that run.
    pub async fn running(names: &[&str]) -> Self {
        let web = Self::start().await;
        web.platform.run(names).await;
        web
    }

    /// With a desktop in every state.
    pub async fn furnished() -> Self {
        let web = Self::start().await;
        web.platform.furnish(&web.person).await;
        web
    }

    /// Over an engine that can only what every engine can.
    pub async fn plain() -> Self {
        let sim = SimConfig::instant().plain();
        let platform = Platform::over(sim, ApiConfig::default(), ControlConfig::default()).await;
        Self::over(platform, Limits::default()).await
    }

    async fn over(platform: Platform, limits: Limits) -> Self {
        let (person, token) = platform.person().await;
        Self::of(platform, person, token, limits).await
    }

    /// Whose owner has no password yet.
    pub async fn fresh() -> Self {
        let platform = Platform::start().await;
        let (person, token) = platform.session_with_token().await;
        Self::of(platform, person, token, Limits::default()).await
    }

    async fn of(platform: Platform, person: Client, token: SecretString, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let between = Arc::<Between>::default();
        let socket = directory.path().join("api.sock");
        let listener = rolltop_api_server::bind(&socket, 0o600).unwrap();
        let api = rolltop_api_server::router(platform.control(), ApiConfig::default());
        let api = between::before(api, between.clone());
        tokio::spawn(rolltop_api_server::serve_unix(listener, api, platform.shutdown.clone()));
        let config = WebConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            api_socket: socket.clone(),
            data_dir: directory.path().to_owned(),
            public_url: None,
            certificate: None,
            limits,
        };
        let server = bind(config).await.unwrap();
        let address = server.address();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        tokio::spawn(server.serve(async { drop(stopped.await) }));
        let certificate = std::fs::read(directory.path().join("tls.crt")).unwrap();
        let client = reqwest::Client::builder()
            .tls_certs_only([reqwest::Certificate::from_pem(&certificate).unwrap()])
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .unwrap();
        Self {
            platform,
            between,
            socket,
            address,
            client,
            person,
            token,
            certificate,
            stop: Some(stop),
            _directory: directory,
        }
    }

    pub fn origin(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin())
    }

    pub fn cookie(&self) -> String {
        format!("__Host-rolltop={}", self.token.expose_secret())
    }

    pub fn get(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.get(self.url(path))
    }

    /// A form sent by one of our own pages.
    pub fn own_post(&self, path: &str) -> reqwest::RequestBuilder {
        self.client.post(self.url(path)).header(ORIGIN, self.origin()).header("sec-fetch-site", "same-origin")
    }

    pub fn signed_in_post(&self, path: &str) -> reqwest::RequestBuilder {
        self.own_post(path).header(COOKIE, self.cookie())
    }

    /// The credential of a program that may do everything.
    pub fn bearer(&self) -> String {
        format!("Bearer {}", self.platform.key.expose_secret())
    }

    /// The id of the desktop with this name.
    pub async fn desktop(&self, name: &str) -> String {
        self.platform.named(name).await.id.to_string()
    }

    /// What lets a browser see a preview.
    pub async fn pass(&self, address: &str) -> String {
        let ticket = RequestTicket { address: address.to_owned() };
        let ticket = self.person.preview_ticket(&ticket).await.unwrap().ticket;
        let opening = OpenPreview { address: address.to_owned(), key: PreviewKey::Ticket(ticket) };
        self.platform.nobody.open_preview(&opening).await.unwrap().pass.expose_secret().to_owned()
    }

    /// A connection that speaks HTTP/1.1, for what no client of ours would send.
    pub async fn connect(&self) -> TlsStream<TcpStream> {
        self.connect_from("127.0.0.1:0").await
    }

    pub async fn connect_from(&self, from: &str) -> TlsStream<TcpStream> {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(&self.certificate).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(from.parse().unwrap()).unwrap();
        let tcp = socket.connect(self.address).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
    }

    /// What comes back, head and body, for exactly these bytes; they ask for the connection to be closed.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = self.connect().await;
        // Whoever refuses a request may have closed before all of it was sent.
        let _ = stream.write_all(request.as_bytes()).await;
        let mut answer = Vec::new();
        let read = async {
            let mut part = [0; 4096];
            while let Ok(count @ 1..) = stream.read(&mut part).await {
                answer.extend_from_slice(&part[..count]);
            }
        };
        tokio::time::timeout(Duration::from_secs(20), read).await.expect("an answer and an end");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Asks for a WebSocket with the cookie, as a page at `origin` would (none where empty).
    /// Gives the bare stream after the upgrade, or the status that came instead.
    pub async fn upgrade(&self, path: &str, origin: &str) -> Result<TlsStream<TcpStream>, StatusCode> {
        let mut stream = self.connect().await;
        let origin = if origin.is_empty() { String::new() } else { format!("Origin: {origin}\r\n") };
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost:{}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: binary\r\n\
             Cookie: {}\r\n{origin}\r\n",
            self.address.port(),
            self.cookie()
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap();
        let status: u16 = head.split(' ').nth(1).unwrap().parse().unwrap();
        if status == 101 {
            assert!(
                head.to_ascii_lowercase().contains("sec-websocket-accept: s3pplmbitxaq9kygzzhzrbk+xoo="),
                "{head}"
            );
            assert!(head.to_ascii_lowercase().contains("sec-websocket-protocol: binary"), "{head}");
            Ok(stream)
        } else {
            Err(StatusCode::from_u16(status).unwrap())
        }
    }
}

impl Drop for Web {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}
