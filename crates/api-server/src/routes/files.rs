//! `/v1/desktops/{id}/files`: what is in a folder, and moving it about.

mod conditions;
pub(super) mod content;
pub(super) mod save;

use rolltop_api_types::{Code, FileEntry, FileList, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListFiles>) -> Result<FileList, ApiError> {
    let access = call.desktop::<purpose::ReadFiles>().await?;
    let folder = call.control.files(&access).await?.list(&call.query.path).await?;
    let items = folder.entries.into_iter().map(convert::file_entry).collect();
    Ok(FileList { path: folder.path, items, truncated: folder.truncated })
}

pub(crate) async fn info(call: Call<op::GetFileInfo>) -> Result<FileEntry, ApiError> {
    let access = call.desktop::<purpose::ReadFiles>().await?;
    Ok(convert::file_entry(call.control.files(&access).await?.info(&call.query.path).await?))
}

pub(crate) async fn update(mut call: Call<op::UpdateFile>) -> Result<FileEntry, ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    let change = call.body().await?;
    let mode = Some(&change.mode).filter(|mode| (3..=4).contains(&mode.len()));
    let mode = mode.and_then(|mode| u32::from_str_radix(mode, 8).ok()).ok_or_else(|| {
        ApiError::new(Code::InvalidMode, "Permission bits are three or four octal digits, such as 0644.")
            .in_field("mode")
    })?;
    Ok(convert::file_entry(call.control.files(&access).await?.set_mode(&call.query.path, mode).await?))
}

pub(crate) async fn remove(call: Call<op::DeleteFile>) -> Result<(), ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    call.control.files(&access).await?.remove(&call.query.path, call.query.all).await?;
    Ok(())
}

pub(crate) async fn folder(mut call: Call<op::CreateFolder>) -> Result<FileEntry, ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    let folder = call.body().await?;
    Ok(convert::file_entry(call.control.files(&access).await?.make_folder(&folder.path).await?))
}

pub(crate) async fn rename(mut call: Call<op::MoveFile>) -> Result<FileEntry, ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    let change = call.body().await?;
    let files = call.control.files(&access).await?;
    Ok(convert::file_entry(files.rename(&change.from, &change.to, change.replace).await?))
}

pub(crate) async fn copy(mut call: Call<op::CopyFile>) -> Result<FileEntry, ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    let change = call.body().await?;
    let files = call.control.files(&access).await?;
    Ok(convert::file_entry(files.copy(&change.from, &change.to).await?))
}
