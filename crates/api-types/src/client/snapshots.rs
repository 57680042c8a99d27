//! Snapshots as files, and what was on the screen.

use std::io;

use bytes::Bytes;
use futures::Stream;
use http::header::CONTENT_TYPE;
use rolltop_model::SnapshotId;

use super::files::FileBody;
use super::rest::image;
use super::{Client, ClientError, Image, json, send};
use crate::operation::NoQuery;
use crate::{Snapshot, op};

impl Client {
    /// `GET /v1/snapshots/{id}/screenshot`
    pub async fn snapshot_screenshot(&self, id: SnapshotId) -> Result<Image, ClientError> {
        image(self.asking::<op::GetSnapshotScreenshot>(id, &NoQuery {}, &())).await
    }

    /// `GET /v1/snapshots/{id}/export`
    pub async fn export_snapshot(&self, id: SnapshotId) -> Result<FileBody, ClientError> {
        let request = self.asking::<op::ExportSnapshot>(id, &NoQuery {}, &());
        Ok(FileBody { response: send(request).await? })
    }

    /// `POST /v1/snapshots`
    pub async fn import_snapshot(
        &self,
        file: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Snapshot, ClientError> {
        let request = self.asking::<op::ImportSnapshot>((), &NoQuery {}, &());
        let body = reqwest::Body::wrap_stream(file);
        json(request.header(CONTENT_TYPE, "application/octet-stream").body(body)).await
    }
}
