//! The jump host's calls, over the API's socket that only it can open.

use std::path::Path;
use std::time::Duration;

use http::header::{CONNECTION, UPGRADE};
use http::{Method, StatusCode};
use reqwest::Url;

use super::{Client, ClientError, json, nothing, send, to_socket, with_body};
use crate::gateway::{GatewayIntroduction, KeyKnown, KeyQuery, TUNNEL_PROTOCOL, TunnelQuery};

/// A tunnel may wait for a desktop to start; the API gives up well before this.
const TUNNEL_TIMEOUT: Duration = Duration::from_secs(200);

/// Bytes to and from a desktop's sshd.
pub type TunnelStream = reqwest::Upgraded;

#[derive(Debug, Clone)]
pub struct GatewayClient(Client);

impl GatewayClient {
    pub fn over_unix_socket(path: &Path) -> Result<Self, ClientError> {
        let base = Url::parse("http://localhost").map_err(|_| ClientError::Address)?;
        let http = || to_socket(path).http1_only();
        Ok(Self(Client::built(base, TUNNEL_TIMEOUT, http)?))
    }

    /// `PUT /gateway/introduction`
    pub async fn introduce(&self, introduction: &GatewayIntroduction) -> Result<(), ClientError> {
        nothing(with_body(self.0.request(Method::PUT, &["gateway", "introduction"]), introduction)).await
    }

    /// `GET /gateway/key`: whether anybody has the key with this fingerprint.
    pub async fn is_known(&self, fingerprint: &str) -> Result<bool, ClientError> {
        let query = KeyQuery { fingerprint: fingerprint.to_owned() };
        let answer: KeyKnown = json(self.0.get(&["gateway", "key"]).query(&query)).await?;
        Ok(answer.known)
    }

    /// `GET /gateway/tunnel`: to the sshd of a desktop that the key opens.
    pub async fn tunnel(&self, fingerprint: &str, desktop: &str) -> Result<TunnelStream, ClientError> {
        let query = TunnelQuery { fingerprint: fingerprint.to_owned(), desktop: desktop.to_owned() };
        let request = self
            .0
            .get(&["gateway", "tunnel"])
            .query(&query)
            .header(CONNECTION, "Upgrade")
            .header(UPGRADE, TUNNEL_PROTOCOL);
        let response = send(request).await?;
        if response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Err(ClientError::NotATunnel);
        }
        Ok(response.upgrade().await?)
    }
}
