//! `/v1/desktops/{id}/files`: permission bits, contents and saving.

mod conditions;
pub(super) mod content;
pub(super) mod save;

use rolltop_api_types::{Code, FileEntry, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn update(mut call: Call<op::UpdateFile>) -> Result<FileEntry, ApiError> {
    let access = call.desktop::<purpose::WriteFiles>().await?;
    let change = call.body().await?;
    let mode = Some(&change.mode).filter(|mode| (3..=4).contains(&mode.len()));
    let mode = mode.and_then(|mode| u32::from_str_radix(mode, 8).ok()).ok_or_else(|| {
        ApiError::new(Code::InvalidMode, "Permission bits are three or four octal digits, such as 0644.")
            .in_field("mode")
    })?;
    Ok(call.control.files(&access).await?.set_mode(&call.query.path, mode).await?)
}
