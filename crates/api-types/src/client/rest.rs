//! What is not a list of JSON: pictures, logs, files, and the small single things.

use std::ops::RangeInclusive;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use rolltop_model::DesktopId;

use super::{Client, ClientError, json, nothing, send, whole};
use crate::{Host, Me, Template, TemplateList};

/// A picture of a screen.
#[derive(Clone, PartialEq, Eq)]
pub struct Image {
    pub content_type: String,
    pub bytes: Vec<u8>,
}

/// A file on its way out of a desktop.
pub struct FileBody {
    response: reqwest::Response,
}

impl FileBody {
    /// How many bytes will come, where the server says so.
    pub fn length(&self) -> Option<u64> {
        self.header(CONTENT_LENGTH)?.parse().ok()
    }

    /// How long the whole file is, where only a part comes.
    pub fn whole_length(&self) -> Option<u64> {
        self.header(CONTENT_RANGE)?.rsplit_once('/')?.1.parse().ok()
    }

    /// The next bytes, `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, ClientError> {
        Ok(self.response.chunk().await?)
    }

    /// All bytes as they come.
    pub fn into_stream(self) -> impl Stream<Item = Result<Bytes, ClientError>> + Send {
        self.response.bytes_stream().map(|chunk| chunk.map_err(ClientError::from))
    }

    /// All bytes at once, for small files.
    pub async fn into_bytes(self) -> Result<Vec<u8>, ClientError> {
        whole(self.response).await
    }

    fn header(&self, name: http::HeaderName) -> Option<&str> {
        self.response.headers().get(name)?.to_str().ok()
    }
}

impl Client {
    /// `GET /v1/desktops/{id}/screenshot`, `width` pixels wide at most.
    pub async fn screenshot(&self, id: DesktopId, width: u32) -> Result<Image, ClientError> {
        let request = self.get(&["v1", "desktops", &id.to_string(), "screenshot"]).query(&[("width", width)]);
        let response = send(request).await?;
        let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        Ok(Image { content_type: content_type.unwrap_or_default().to_owned(), bytes: whole(response).await? })
    }

    /// `GET /v1/desktops/{id}/console`: the last of what the guest wrote there.
    pub async fn console(&self, id: DesktopId) -> Result<String, ClientError> {
        let response = send(self.get(&["v1", "desktops", &id.to_string(), "console"])).await?;
        Ok(String::from_utf8_lossy(&whole(response).await?).into_owned())
    }

    /// `GET /v1/desktops/{id}/files/content`: an absolute path, whole or in part.
    pub async fn file(
        &self,
        id: DesktopId,
        path: &str,
        range: Option<RangeInclusive<u64>>,
    ) -> Result<FileBody, ClientError> {
        let mut request =
            self.get(&["v1", "desktops", &id.to_string(), "files", "content"]).query(&[("path", path)]);
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start(), range.end()));
        }
        Ok(FileBody { response: send(request).await? })
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
