//! Files inside a desktop.

use std::ops::RangeInclusive;

use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::header::{CONTENT_LENGTH, CONTENT_RANGE, ETAG, IF_MATCH, IF_NONE_MATCH, RANGE};
use reqwest::RequestBuilder;
use rolltop_model::DesktopId;

use super::{Client, ClientError, json, send, whole};
use crate::operation::NoQuery;
use crate::{
    CreateFolder, FileAt, FileEntry, FileList, RemoveFile, SaveAt, UpdateFile, Upload, UploadAt, op,
};

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
    /// `GET /v1/desktops/{id}/files`
    pub async fn list_files(&self, id: DesktopId, path: &str) -> Result<FileList, ClientError> {
        self.ask::<op::ListFiles>(id, &at(path), &()).await
    }

    /// `GET /v1/desktops/{id}/files/info`
    pub async fn file_info(&self, id: DesktopId, path: &str) -> Result<FileEntry, ClientError> {
        self.ask::<op::GetFileInfo>(id, &at(path), &()).await
    }

    /// `GET /v1/desktops/{id}/files/content`: an absolute path, whole or in part.
    pub async fn file(
        &self,
        id: DesktopId,
        path: &str,
        range: Option<RangeInclusive<u64>>,
    ) -> Result<FileBody, ClientError> {
        let mut request = self.asking::<op::GetFileContent>(id, &at(path), &());
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
        let to = SaveAt { path: path.to_owned(), upload: None };
        json(conditional(self.asking::<op::SaveFile>(id, &to, &()).body(body), condition)).await
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
        let to = SaveAt { path: path.to_owned(), upload: Some(part.upload.clone()) };
        let last = part.first.saturating_add(part.length).saturating_sub(1);
        let request = self
            .asking::<op::SaveFile>(id, &to, &())
            .header(CONTENT_RANGE, format!("bytes {}-{last}/{}", part.first, part.total))
            .body(body);
        json(conditional(request, condition)).await
    }

    /// `GET /v1/desktops/{id}/files/upload`: how far an upload is.
    pub async fn upload(&self, id: DesktopId, path: &str, upload: &str) -> Result<Upload, ClientError> {
        self.ask::<op::GetUpload>(id, &UploadAt { path: path.to_owned(), upload: upload.to_owned() }, &())
            .await
    }

    /// `GET /v1/desktops/{id}/files/archive`: a folder as a zip file.
    pub async fn archive(&self, id: DesktopId, path: &str) -> Result<FileBody, ClientError> {
        Ok(FileBody { response: send(self.asking::<op::GetFolderArchive>(id, &at(path), &())).await? })
    }

    /// `POST /v1/desktops/{id}/files/folder`
    pub async fn create_folder(&self, id: DesktopId, path: &str) -> Result<FileEntry, ClientError> {
        self.ask::<op::CreateFolder>(id, &NoQuery {}, &CreateFolder { path: path.to_owned() }).await
    }

    /// `PATCH /v1/desktops/{id}/files`
    pub async fn update_file(
        &self,
        id: DesktopId,
        path: &str,
        change: &UpdateFile,
    ) -> Result<FileEntry, ClientError> {
        self.ask::<op::UpdateFile>(id, &at(path), change).await
    }

    /// `DELETE /v1/desktops/{id}/files`; `all` takes a folder with what is in it.
    pub async fn delete_file(&self, id: DesktopId, path: &str, all: bool) -> Result<(), ClientError> {
        self.ask::<op::DeleteFile>(id, &RemoveFile { path: path.to_owned(), all }, &()).await
    }
}

fn at(path: &str) -> FileAt {
    FileAt { path: path.to_owned() }
}

fn conditional(request: RequestBuilder, condition: &SaveCondition) -> RequestBuilder {
    match condition {
        SaveCondition::Any => request,
        SaveCondition::New => request.header(IF_NONE_MATCH, "*"),
        SaveCondition::Unchanged(tag) => request.header(IF_MATCH, tag),
    }
}
