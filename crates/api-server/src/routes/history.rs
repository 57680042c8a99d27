//! What became of a desktop.

use rolltop_api_types::{History, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListHistory>) -> Result<History, ApiError> {
    let entries = call.control.history(&call.desktop::<purpose::Read>().await?).await?;
    Ok(History { items: entries.into_iter().map(convert::history_entry).collect() })
}
