//! What is not JSON: pictures, logs, and what is asked about the API itself.

use http::header::CONTENT_TYPE;
use reqwest::RequestBuilder;
use rolltop_model::DesktopId;

use super::{Client, ClientError, json, nothing, send, whole};
use crate::operation::NoQuery;
use crate::{ScreenshotQuery, op};

/// A picture of a screen.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

impl Client {
    /// `GET /v1/desktops/{id}/screenshot`, `width` pixels wide at most.
    pub async fn screenshot(&self, id: DesktopId, width: u16) -> Result<Image, ClientError> {
        let query = ScreenshotQuery { width: Some(width) };
        image(self.asking::<op::GetScreenshot>(id, &query, &())).await
    }

    /// `GET /v1/desktops/{id}/console`: the last of what the guest wrote there.
    pub async fn console(&self, id: DesktopId) -> Result<String, ClientError> {
        let response = send(self.asking::<op::GetConsole>(id, &NoQuery {}, &())).await?;
        Ok(String::from_utf8_lossy(&whole(response).await?).into_owned())
    }

    /// `GET /v1/openapi.json`
    pub async fn openapi(&self) -> Result<serde_json::Value, ClientError> {
        json(self.asking::<op::GetOpenApi>((), &NoQuery {}, &())).await
    }

    /// `GET /healthz`
    pub async fn healthz(&self) -> Result<(), ClientError> {
        nothing(self.asking::<op::Healthz>((), &NoQuery {}, &())).await
    }
}

pub(super) async fn image(request: RequestBuilder) -> Result<Image, ClientError> {
    let response = send(request).await?;
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    Ok(Image { content_type: content_type.unwrap_or_default().to_owned(), bytes: whole(response).await? })
}
