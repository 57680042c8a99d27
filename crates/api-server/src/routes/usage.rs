//! What a desktop uses.

use rolltop_api_types::{Usage, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn get(call: Call<op::GetUsage>) -> Result<Usage, ApiError> {
    let access = call.desktop::<purpose::Read>().await?;
    let span = convert::usage_span(call.query.span);
    Ok(convert::usage(call.control.usage(&access, span).await?))
}
