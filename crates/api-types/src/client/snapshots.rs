//! Snapshots and forks.

use std::io;

use bytes::Bytes;
use futures::Stream;
use http::Method;
use http::header::CONTENT_TYPE;
use rolltop_model::{DesktopId, SnapshotId};

use super::files::FileBody;
use super::rest::image;
use super::{Client, ClientError, Image, json, nothing, send, with_body};
use crate::operation::{NoContent, NoQuery};
use crate::{
    Desktop, DesktopSetup, DesktopSnapshotSchedule, ForkDesktop, ListSnapshots, Logins, LoginsList,
    SaveTemplate, SavedTemplate, SavedTemplateList, SetUp, Setup, Snapshot, SnapshotCopy, SnapshotCopyList,
    SnapshotSchedule, op,
};

impl Client {
    /// `GET /v1/snapshots`
    pub async fn snapshots(&self, which: &ListSnapshots) -> Result<Vec<Snapshot>, ClientError> {
        Ok(self.ask::<op::ListSnapshots>((), which, &NoContent {}).await?.items)
    }

    /// `GET /v1/snapshots/{id}/screenshot`
    pub async fn snapshot_screenshot(&self, id: SnapshotId) -> Result<Image, ClientError> {
        image(self.get(&["v1", "snapshots", &id.to_string(), "screenshot"])).await
    }

    /// `DELETE /v1/snapshots/{id}`
    pub async fn delete_snapshot(&self, id: SnapshotId) -> Result<(), ClientError> {
        self.ask::<op::DeleteSnapshot>(id, &NoQuery {}, &NoContent {}).await.map(|NoContent {}| ())
    }

    /// `POST /v1/desktops/{id}/fork`
    pub async fn fork_desktop(&self, id: DesktopId, fork: &ForkDesktop) -> Result<Vec<Desktop>, ClientError> {
        Ok(self.ask::<op::ForkDesktop>(id, &NoQuery {}, fork).await?.items)
    }

    /// `GET /v1/desktops/{id}/snapshot-schedule`
    pub async fn snapshot_schedule(&self, id: DesktopId) -> Result<DesktopSnapshotSchedule, ClientError> {
        json(self.get(&["v1", "desktops", &id.to_string(), "snapshot-schedule"])).await
    }

    /// `PUT /v1/desktops/{id}/snapshot-schedule`, or with `None` `DELETE`
    pub async fn set_snapshot_schedule(
        &self,
        id: DesktopId,
        schedule: Option<&SnapshotSchedule>,
    ) -> Result<(), ClientError> {
        let id = id.to_string();
        let path = ["v1", "desktops", &id, "snapshot-schedule"];
        match schedule {
            Some(schedule) => nothing(with_body(self.request(Method::PUT, &path), schedule)).await,
            None => nothing(self.request(Method::DELETE, &path)).await,
        }
    }

    /// `POST /v1/desktops/{id}/template`
    pub async fn save_template(
        &self,
        id: DesktopId,
        wanted: &SaveTemplate,
    ) -> Result<SavedTemplate, ClientError> {
        let request = self.request(Method::POST, &["v1", "desktops", &id.to_string(), "template"]);
        json(with_body(request, wanted)).await
    }

    /// `GET /v1/desktops/{id}/logins`
    pub async fn logins(&self, id: DesktopId) -> Result<Vec<Logins>, ClientError> {
        let list: LoginsList = json(self.get(&["v1", "desktops", &id.to_string(), "logins"])).await?;
        Ok(list.items)
    }

    /// `GET /v1/snapshots/{id}/export`
    pub async fn export_snapshot(&self, id: SnapshotId) -> Result<FileBody, ClientError> {
        let request = self.request(Method::GET, &["v1", "snapshots", &id.to_string(), "export"]);
        Ok(FileBody { response: send(request).await? })
    }

    /// `POST /v1/snapshots`
    pub async fn import_snapshot(
        &self,
        file: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
    ) -> Result<Snapshot, ClientError> {
        let request = self.sending(Method::POST, &["v1", "snapshots"]);
        let body = reqwest::Body::wrap_stream(file);
        json(request.header(CONTENT_TYPE, "application/octet-stream").body(body)).await
    }

    /// `POST /v1/snapshots/{id}/copy`
    pub async fn copy_snapshot(&self, id: SnapshotId) -> Result<SnapshotCopy, ClientError> {
        json(self.request(Method::POST, &["v1", "snapshots", &id.to_string(), "copy"])).await
    }

    /// `GET /v1/copies`
    pub async fn copies(&self) -> Result<SnapshotCopyList, ClientError> {
        json(self.get(&["v1", "copies"])).await
    }

    /// `POST /v1/copies/{id}/fetch`
    pub async fn fetch_copy(&self, id: SnapshotId) -> Result<SnapshotCopy, ClientError> {
        json(self.request(Method::POST, &["v1", "copies", &id.to_string(), "fetch"])).await
    }

    /// `DELETE /v1/copies/{id}`
    pub async fn delete_copy(&self, id: SnapshotId) -> Result<(), ClientError> {
        nothing(self.request(Method::DELETE, &["v1", "copies", &id.to_string()])).await
    }

    /// `GET /v1/desktops/{id}/setup`
    pub async fn setup(&self, id: DesktopId) -> Result<Option<Setup>, ClientError> {
        let found: DesktopSetup = json(self.get(&["v1", "desktops", &id.to_string(), "setup"])).await?;
        Ok(found.setup)
    }

    /// `POST /v1/desktops/{id}/setup`
    pub async fn set_up(&self, id: DesktopId, wanted: &SetUp) -> Result<Option<Setup>, ClientError> {
        let request = self.request(Method::POST, &["v1", "desktops", &id.to_string(), "setup"]);
        let asked: DesktopSetup = json(with_body(request, wanted)).await?;
        Ok(asked.setup)
    }

    /// `DELETE /v1/desktops/{id}/setup`
    pub async fn stop_setup(&self, id: DesktopId) -> Result<Option<Setup>, ClientError> {
        let request = self.request(Method::DELETE, &["v1", "desktops", &id.to_string(), "setup"]);
        let stopped: DesktopSetup = json(request).await?;
        Ok(stopped.setup)
    }

    /// `GET /v1/saved-templates`
    pub async fn saved_templates(&self) -> Result<Vec<SavedTemplate>, ClientError> {
        let list: SavedTemplateList = json(self.get(&["v1", "saved-templates"])).await?;
        Ok(list.items)
    }

    /// `DELETE /v1/saved-templates/{id}`
    pub async fn delete_template(&self, version: &str) -> Result<(), ClientError> {
        nothing(self.request(Method::DELETE, &["v1", "saved-templates", version])).await
    }

    /// `POST /v1/snapshots/{id}/fork`
    pub async fn fork_snapshot(
        &self,
        id: SnapshotId,
        fork: &ForkDesktop,
    ) -> Result<Vec<Desktop>, ClientError> {
        Ok(self.ask::<op::ForkSnapshot>(id, &NoQuery {}, fork).await?.items)
    }
}
