//! What is not a list of JSON: pictures, logs, and the small single things.

use http::header::CONTENT_TYPE;
use reqwest::RequestBuilder;
use rolltop_model::DesktopId;

use super::{Client, ClientError, json, nothing, send, whole};
use crate::{Host, Me, Template, TemplateList};

/// A picture of a screen.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Client {
    /// `GET /v1/desktops/{id}/screenshot`, `width` pixels wide at most.
    pub async fn screenshot(&self, id: DesktopId, width: u32) -> Result<Image, ClientError> {
        let request = self.get(&["v1", "desktops", &id.to_string(), "screenshot"]).query(&[("width", width)]);
        image(request).await
    }

    /// `GET /v1/desktops/{id}/console`: the last of what the guest wrote there.
    pub async fn console(&self, id: DesktopId) -> Result<String, ClientError> {
        let response = send(self.get(&["v1", "desktops", &id.to_string(), "console"])).await?;
        Ok(String::from_utf8_lossy(&whole(response).await?).into_owned())
    }

    /// `GET /v1/templates`
    pub async fn templates(&self) -> Result<Vec<Template>, ClientError> {
        let list: TemplateList = json(self.get(&["v1", "templates"])).await?;
        Ok(list.items)
    }

    /// `GET /v1/host`
    pub async fn host(&self) -> Result<Host, ClientError> {
        json(self.get(&["v1", "host"])).await
    }

    /// `GET /v1/me`
    pub async fn me(&self) -> Result<Me, ClientError> {
        json(self.get(&["v1", "me"])).await
    }

    /// `GET /v1/openapi.json`
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        json(self.get(&["v1", "openapi.json"])).await
    }

    /// `GET /healthz`
    pub async fn healthz(&self) -> Result<(), ClientError> {
        nothing(self.get(&["healthz"])).await
    }
}

pub(super) async fn image(request: RequestBuilder) -> Result<Image, ClientError> {
    let response = send(request).await?;
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Ok(Image { content_type: content_type.unwrap_or_default().to_owned(), bytes: whole(response).await? })
}
