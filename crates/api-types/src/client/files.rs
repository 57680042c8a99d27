//! Files inside a desktop.

use std::ops::RangeInclusive;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH, RANGE};
use reqwest::RequestBuilder;
use rolltop_model::DesktopId;

use super::{Client, ClientError, json, nothing, send, whole, with_body};
use crate::{CopyFile, CreateFolder, FileEntry, FileList, MoveFile, UpdateFile, Upload};

/// A file, or a folder as a zip file, on its way out of a desktop.
pub struct FileBody {
    pub(super) response: reqwest::Response,
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

    /// Changes when the file does; for [`SaveCondition::Unchanged`].
    pub fn tag(&self) -> Option<String> {
        self.header(ETAG).map(str::to_owned)
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

/// What must hold for a file to be saved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SaveCondition {
    /// Nothing: what is there is replaced.
    Any,
    /// There is nothing yet.
    New,
    /// What is there still has this tag.
    Unchanged(String),
}

/// A part of an upload that can go on later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadPart {
    /// 8 to 64 letters and digits, made up for this upload.
    pub upload: String,
    pub first: u64,
    pub length: u64,
    /// Bytes of the whole file.
    pub total: u64,
}

impl Client {
    fn files(&self, method: Method, id: DesktopId, what: &[&str]) -> RequestBuilder {
        let id = id.to_string();
        let path = [&["v1", "desktops", id.as_str(), "files"], what].concat();
        if method == Method::PUT { self.sending(method, &path) } else { self.request(method, &path) }
    }

    /// `GET /v1/desktops/{id}/files`
    pub async fn list_files(&self, id: DesktopId, path: &str) -> Result<FileList, ClientError> {
        json(self.files(Method::GET, id, &[]).query(&[("path", path)])).await
    }

    /// `GET /v1/desktops/{id}/files/info`
    pub async fn file_info(&self, id: DesktopId, path: &str) -> Result<FileEntry, ClientError> {
        json(self.files(Method::GET, id, &["info"]).query(&[("path", path)])).await
    }

    /// `GET /v1/desktops/{id}/files/content`: an absolute path, whole or in part.
    pub async fn file(
        &self,
        id: DesktopId,
        path: &str,
        range: Option<RangeInclusive<u64>>,
    ) -> Result<FileBody, ClientError> {
        let mut request = self.files(Method::GET, id, &["content"]).query(&[("path", path)]);
        if let Some(range) = range {
            request = request.header(RANGE, format!("bytes={}-{}", range.start(), range.end()));
        }
        Ok(FileBody { response: send(request).await? })
    }

    /// `PUT /v1/desktops/{id}/files/content`
    pub async fn save_file(
        &self,
        id: DesktopId,
        path: &str,
        condition: &SaveCondition,
        body: impl Into<reqwest::Body>,
    ) -> Result<Upload, ClientError> {
        let request = self.files(Method::PUT, id, &["content"]).query(&[("path", path)]).body(body);
        json(conditional(request, condition)).await
    }

    /// `PUT /v1/desktops/{id}/files/content` with `Content-Range`: one part, in order.
    pub async fn upload_file(
        &self,
        id: DesktopId,
        path: &str,
        condition: &SaveCondition,
        part: &UploadPart,
        body: impl Into<reqwest::Body>,
    ) -> Result<Upload, ClientError> {
        let query = [("path", path), ("upload", &part.upload)];
        let last = part.first.saturating_add(part.length).saturating_sub(1);
        let request = self
            .files(Method::PUT, id, &["content"])
            .query(&query)
            .header(CONTENT_RANGE, format!("bytes {}-{last}/{}", part.first, part.total))
            .body(body);
        json(conditional(request, condition)).await
    }

    /// `GET /v1/desktops/{id}/files/upload`: how far an upload is.
    pub async fn upload(&self, id: DesktopId, path: &str, upload: &str) -> Result<Upload, ClientError> {
        json(self.files(Method::GET, id, &["upload"]).query(&[("path", path), ("upload", upload)])).await
    }

    /// `DELETE /v1/desktops/{id}/files/upload`: takes away what has arrived.
    pub async fn cancel_upload(&self, id: DesktopId, path: &str, upload: &str) -> Result<(), ClientError> {
        nothing(self.files(Method::DELETE, id, &["upload"]).query(&[("path", path), ("upload", upload)]))
            .await
    }

    /// `GET /v1/desktops/{id}/files/archive`: a folder as a zip file.
    pub async fn archive(&self, id: DesktopId, path: &str) -> Result<FileBody, ClientError> {
        let request = self.files(Method::GET, id, &["archive"]).query(&[("path", path)]);
        Ok(FileBody { response: send(request).await? })
    }

    /// `POST /v1/desktops/{id}/files/folder`
    pub async fn create_folder(&self, id: DesktopId, path: &str) -> Result<FileEntry, ClientError> {
        let folder = CreateFolder { path: path.to_owned() };
        json(with_body(self.files(Method::POST, id, &["folder"]), &folder)).await
    }

    /// `POST /v1/desktops/{id}/files/move`
    pub async fn move_file(&self, id: DesktopId, change: &MoveFile) -> Result<FileEntry, ClientError> {
        json(with_body(self.files(Method::POST, id, &["move"]), change)).await
    }

    /// `POST /v1/desktops/{id}/files/copy`
    pub async fn copy_file(&self, id: DesktopId, change: &CopyFile) -> Result<FileEntry, ClientError> {
        json(with_body(self.files(Method::POST, id, &["copy"]), change)).await
    }

    /// `PATCH /v1/desktops/{id}/files`
    pub async fn update_file(
        &self,
        id: DesktopId,
        path: &str,
        change: &UpdateFile,
    ) -> Result<FileEntry, ClientError> {
        json(with_body(self.files(Method::PATCH, id, &[]).query(&[("path", path)]), change)).await
    }

    /// `DELETE /v1/desktops/{id}/files`; `all` takes a folder with what is in it.
    pub async fn delete_file(&self, id: DesktopId, path: &str, all: bool) -> Result<(), ClientError> {
        let all = if all { "true" } else { "false" };
        nothing(self.files(Method::DELETE, id, &[]).query(&[("path", path), ("all", all)])).await
    }
}

fn conditional(request: RequestBuilder, condition: &SaveCondition) -> RequestBuilder {
    match condition {
        SaveCondition::Any => request,
        SaveCondition::New => request.header(IF_NONE_MATCH, "*"),
        SaveCondition::Unchanged(tag) => request.header(IF_MATCH, tag),
    }
}
