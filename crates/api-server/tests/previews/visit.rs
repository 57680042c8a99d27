//! A whole Rolltop with one desktop, and a browser that has a pass to its ports.

use std::net::SocketAddr;

use reqwest::Method;
use reqwest::header::COOKIE;
use rolltop_api_server::ApiConfig;
use rolltop_api_types::{Client, OpenPreview, PreviewKey, RequestTicket};
use rolltop_control::ControlConfig;
use rolltop_sim::SimConfig;
use rolltop_testing::Platform;
use secrecy::ExposeSecret;

pub const DESKTOP: &str = "research";

pub struct Visit {
    platform: Platform,
    session: Client,
    address: SocketAddr,
}

/// One port's preview, open in a browser.
pub struct Window {
    pub origin: String,
    client: reqwest::Client,
    cookies: String,
}

impl Visit {
    pub async fn start(sim: SimConfig) -> Self {
        let platform = Platform::over(sim, ApiConfig::default(), ControlConfig::default()).await;
        platform.running(DESKTOP).await;
        let session = platform.session().await;
        let address = platform.web().await.address;
        Self { platform, session, address }
    }

    /// The origin of whatever has this label before our host.
    pub fn origin(&self, label: &str) -> String {
        format!("https://{label}.localhost:{}", self.address.port())
    }

    /// Our own pages'.
    pub fn main(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }

    /// As browsers ask, over HTTP/2.
    pub async fn open(&self, port: u16) -> Window {
        self.window(port, reqwest::Client::builder()).await
    }

    pub async fn open_over_http1(&self, port: u16) -> Window {
        self.window(port, reqwest::Client::builder().http1_only()).await
    }

    async fn window(&self, port: u16, client: reqwest::ClientBuilder) -> Window {
        let label = format!("{port}--{DESKTOP}");
        let ticket = self.session.preview_ticket(&RequestTicket { address: label.clone() }).await.unwrap();
        let opening = OpenPreview { address: label.clone(), key: PreviewKey::Ticket(ticket.ticket) };
        let pass = self.platform.nobody.open_preview(&opening).await.unwrap().pass;
        let client = client
            // Each preview has a certificate of its own, which nobody can know.
            .tls_danger_accept_invalid_certs(true)
            .redirect(reqwest::redirect::Policy::none())
            .resolve(&format!("{label}.localhost"), self.address)
            .no_proxy();
        let pass = format!("__Host-rolltop-preview={}", pass.expose_secret());
        Window { origin: self.origin(&label), client: client.build().unwrap(), cookies: pass }
    }
}

impl Window {
    pub fn host(&self) -> &str {
        self.origin.strip_prefix("https://").unwrap()
    }

    /// Other cookies of this origin go along with the pass.
    pub fn keeps(&mut self, cookie: &str) {
        self.cookies = format!("{}; {cookie}", self.cookies);
    }

    pub fn asks(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.client.request(method, format!("{}{path}", self.origin));
        request.header(COOKIE, &self.cookies)
    }

    pub fn gets(&self, path: &str) -> reqwest::RequestBuilder {
        self.asks(Method::GET, path)
    }
}
