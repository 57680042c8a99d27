//! Each time that the platform entered a desktop.

use rolltop_api_types::{AccessLog, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::GetAccessLog>) -> Result<AccessLog, ApiError> {
    let entries = call.control.access_log(&call.desktop::<purpose::Read>().await?).await?;
    Ok(AccessLog { items: entries.into_iter().map(convert::access_entry).collect() })
}
