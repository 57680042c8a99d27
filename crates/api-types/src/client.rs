//! The one typed client: over HTTPS, or over the API's unix socket.
//!
//! A clone is cheap and shares its connections; [`Client::with_token`] makes one that speaks
//! for somebody else. It never retries by itself, and never follows a redirect.

mod admin;
mod desktops;
mod device;
mod error;
mod events;
mod exec;
mod files;
mod gateway;
#[cfg(feature = "screen")]
mod ports;
mod previews;
mod rest;
#[cfg(feature = "screen")]
mod screen;
mod snapshots;
#[cfg(feature = "screen")]
mod terminals;
#[cfg(feature = "pinning")]
mod trust;

use std::fmt;
use std::path::Path;
use std::time::Duration;

use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use http::{HeaderMap, Method};
use reqwest::{RequestBuilder, Response, Url};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::operation::{Content, Declaration, Operation, PathParts as _};

pub use admin::AdminClient;
pub use error::ClientError;
pub use events::EventStream;
#[cfg(feature = "screen")]
pub use exec::ExecSocket;
pub use exec::ExecStream;
pub use files::{FileBody, SaveCondition, UploadPart};
pub use gateway::{GatewayClient, TunnelStream};
#[cfg(feature = "screen")]
pub use ports::PortSocket;
pub use rest::Image;
#[cfg(feature = "screen")]
pub use screen::ScreenSocket;
#[cfg(feature = "screen")]
pub use terminals::TerminalSocket;
#[cfg(feature = "pinning")]
pub use trust::{Fingerprint, NotAFingerprint, shown_certificate};

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the server may be silent within an answer. Event streams send a comment well within it.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest answer that is read whole, bytes.
const ANSWER_LIMIT: usize = 64 << 20;

#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    /// For what takes as long as it takes to send: there is no answer to be silent in before that.
    uploads: reqwest::Client,
    /// Speaks HTTP/1.1 only, which is where a WebSocket begins.
    #[cfg(feature = "screen")]
    upgrades: reqwest::Client,
    base: Url,
    headers: HeaderMap,
}

impl Client {
    /// Over HTTPS, such as `https://desk.example.org:8443`. `extra_root` is a PEM certificate
    /// to trust beside the system's.
    pub fn over_https(address: &str, extra_root: Option<&[u8]>) -> Result<Self, ClientError> {
        let base = Url::parse(address).map_err(|_| ClientError::Address)?;
        if base.scheme() != "https" || base.host().is_none() {
            return Err(ClientError::Address);
        }
        let roots = match extra_root {
            Some(pem) => vec![reqwest::Certificate::from_pem(pem)?],
            None => Vec::new(),
        };
        Self::built(base, SILENCE_TIMEOUT, || builder().https_only(true).tls_certs_merge(roots.clone()))
    }

    /// Over a unix socket on this machine.
    pub fn over_unix_socket(path: &Path) -> Result<Self, ClientError> {
        let base = Url::parse("http://localhost").map_err(|_| ClientError::Address)?;
        Self::built(base, SILENCE_TIMEOUT, || to_socket(path))
    }

    fn built(
        base: Url,
        silence: Duration,
        builder: impl Fn() -> reqwest::ClientBuilder,
    ) -> Result<Self, ClientError> {
        Ok(Self {
            http: builder().read_timeout(silence).build()?,
            uploads: builder().build()?,
            #[cfg(feature = "screen")]
            upgrades: builder().http1_only().read_timeout(silence).build()?,
            base,
            headers: HeaderMap::new(),
        })
    }

    /// A client over the same connections that speaks with this session token or API key.
    pub fn with_token(&self, token: &SecretString) -> Result<Self, ClientError> {
        let mut value = HeaderValue::try_from(format!("Bearer {}", token.expose_secret()))
            .map_err(|_| ClientError::Credential)?;
        value.set_sensitive(true);
        Ok(self.with_header(AUTHORIZATION, value))
    }

    /// A client that tells the API for which address it asks. Heeded only on the unix socket.
    pub fn with_forwarded_for(&self, address: std::net::IpAddr) -> Self {
        match HeaderValue::try_from(address.to_string()) {
            Ok(value) => self.with_header(HeaderName::from_static("x-forwarded-for"), value),
            Err(_) => self.clone(),
        }
    }

    fn with_header(&self, name: HeaderName, value: HeaderValue) -> Self {
        let mut client = self.clone();
        client.headers.insert(name, value);
        client
    }

    fn request(&self, method: Method, segments: &[&str]) -> RequestBuilder {
        self.http.request(method, self.url(segments)).headers(self.headers.clone())
    }

    /// The address of the path made of these segments, each escaped.
    fn url(&self, segments: &[&str]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.pop_if_empty().extend(segments);
        }
        url
    }

    fn get(&self, segments: &[&str]) -> RequestBuilder {
        self.request(Method::GET, segments)
    }

    /// Asks an operation.
    pub async fn ask<O: Operation>(
        &self,
        path: O::Path,
        query: &O::Query,
        body: &O::Body,
    ) -> Result<O::Reply, ClientError> {
        json(self.asking::<O>(path, query, body)).await
    }

    /// The request for an operation, without a body where that is not JSON.
    fn asking<O: Operation>(&self, path: O::Path, query: &O::Query, body: &O::Body) -> RequestBuilder {
        let http = if matches!(O::DECLARATION.body, Content::Other(_)) { &self.uploads } else { &self.http };
        let request = self.asking_over::<O>(http, path, query);
        if O::DECLARATION.body == Content::Json { request.json(body) } else { request }
    }

    fn asking_over<O: Operation>(
        &self,
        http: &reqwest::Client,
        path: O::Path,
        query: &O::Query,
    ) -> RequestBuilder {
        let (Declaration { method, path: route, .. }, named) = (O::DECLARATION, path.written());
        let mut named = named.iter().map(String::as_str);
        let segment = |segment: &'static str| match segment.starts_with('{') {
            true => named.next().unwrap_or_default(),
            false => segment,
        };
        let segments: Vec<&str> = route.split('/').skip(1).map(segment).collect();
        http.request(method, self.url(&segments)).headers(self.headers.clone()).query(query)
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

fn builder() -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .user_agent(concat!("rolltop/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT_TIMEOUT)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
}

/// Without TLS, and so without the certificates that trust is usually built on: this machine may have none.
fn to_socket(path: &Path) -> reqwest::ClientBuilder {
    builder().unix_socket(path).tls_certs_only([])
}

/// Sends, and turns an answer that is not a success into an error.
async fn send(request: RequestBuilder) -> Result<Response, ClientError> {
    let response = request.send().await?;
    if response.status().is_success() || response.status() == http::StatusCode::SWITCHING_PROTOCOLS {
        return Ok(response);
    }
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(http::header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok())
        .map(Duration::from_secs);
    let body = whole(response).await?;
    match serde_json::from_slice(&body) {
        Ok(problem) => Err(ClientError::Problem { problem: Box::new(problem), retry_after }),
        Err(_) => Err(ClientError::Unexpected { status }),
    }
}

async fn json<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, ClientError> {
    let response = send(request).await?;
    let status = response.status().as_u16();
    let body = whole(response).await?;
    let body = if status == http::StatusCode::NO_CONTENT.as_u16() { b"null" } else { body.as_slice() };
    serde_json::from_slice(body).map_err(|error| match body.trim_ascii_start().first() {
        // A page: of a proxy, or of a network that wants one to sign in first.
        Some(b'<') => ClientError::Unexpected { status },
        Some(_) | None => ClientError::Answer(error),
    })
}

async fn nothing(request: RequestBuilder) -> Result<(), ClientError> {
    whole(send(request).await?).await.map(drop)
}

/// The whole body, refused where it is absurdly long.
async fn whole(mut response: Response) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > ANSWER_LIMIT {
            return Err(ClientError::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body)
}

fn with_body(request: RequestBuilder, body: &impl Serialize) -> RequestBuilder {
    request.json(body)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio::time::sleep;

    use super::*;

    const SILENCE: Duration = Duration::from_millis(300);

    /// Answers with an upload's state once the last part has come.
    async fn answer_at_the_end(listener: TcpListener) {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut got = Vec::new();
        while !got.ends_with(b"\r\n0\r\n\r\n") {
            let mut part = [0; 1024];
            let count = stream.read(&mut part).await.unwrap();
            assert!(count > 0, "cut off after {got:?}");
            got.extend_from_slice(&part[..count]);
        }
        let body = r#"{"offset":18}"#;
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(answer.as_bytes()).await.unwrap();
    }

    #[test]
    fn a_socket_is_opened_where_no_certificates_are_installed() {
        const WITHOUT: &str = "ROLLTOP_TEST_WITHOUT_CERTIFICATES";
        let path = Path::new("/nonexistent/socket");
        if std::env::var_os(WITHOUT).is_some() {
            assert!(reqwest::Client::builder().build().is_err(), "there are certificates here");
            Client::over_unix_socket(path).unwrap();
            gateway::GatewayClient::over_unix_socket(path).unwrap();
            return;
        }
        let mut again = std::process::Command::new(std::env::current_exe().unwrap());
        again
            .args(["--exact", "client::tests::a_socket_is_opened_where_no_certificates_are_installed"])
            .env(WITHOUT, "1")
            .env("SSL_CERT_FILE", "/nonexistent")
            .env("SSL_CERT_DIR", "/nonexistent");
        let output = again.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    /// What a proxy says is told in words, and never as JSON that can't be read.
    #[tokio::test]
    async fn a_page_of_something_in_between_is_told_in_words() {
        for (status, says) in [
            ("413 Request Entity Too Large", "takes no request that large (413)"),
            ("502 Bad Gateway", "can't reach Rolltop (502)"),
            ("200 OK", "is not Rolltop"),
            ("302 Found", "is not Rolltop"),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
            let client = Client::built(base, SILENCE, builder).unwrap();
            let answering = async {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 4096];
                assert!(stream.read(&mut head).await.unwrap() > 0);
                let page = format!("<html><h1>{status}</h1></html>");
                let answer = format!(
                    "HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: {}\r\n\r\n{page}",
                    page.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            };
            let (asked, ()) = tokio::join!(client.me(), answering);
            let error = asked.unwrap_err();
            let said = error.to_string();
            assert!(said.contains(says) && !said.to_lowercase().contains("json"), "{said}");
            assert!(std::error::Error::source(&error).is_none(), "nothing of a parser follows");
        }
    }

    #[tokio::test]
    async fn sending_may_take_longer_than_silence_may_and_nothing_else() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let client = Client::built(base, SILENCE, builder).unwrap();
        let slow = futures::stream::unfold(0, |part| async move {
            sleep(SILENCE / 2).await;
            (part < 6).then(|| (Ok::<_, std::io::Error>(vec![b'x'; 3]), part + 1))
        });
        let body = reqwest::Body::wrap_stream(slow);
        let id = rolltop_model::DesktopId::generate();
        let sent = client.save_file(id, "/tmp/slow", &SaveCondition::Any, body);
        let (sent, ()) = tokio::join!(sent, answer_at_the_end(listener));
        sent.unwrap();

        let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = Url::parse(&format!("http://{}", silent.local_addr().unwrap())).unwrap();
        let client = Client::built(base, SILENCE, builder).unwrap();
        assert!(matches!(client.me().await, Err(ClientError::Transport(_))));
    }
}
