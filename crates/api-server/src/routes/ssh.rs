//! `GET /v1/desktops/{id}/ssh`

use rolltop_api_types::{DesktopSsh, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn get(call: Call<op::GetDesktopSsh>) -> Result<DesktopSsh, ApiError> {
    let access = call.desktop::<purpose::Read>().await?;
    Ok(convert::desktop_ssh(call.control.desktop_ssh(&access).await?))
}
