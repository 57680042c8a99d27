//! `GET /v1/host`

use rolltop_api_types::{Host, op};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn get(call: Call<op::GetHost>) -> Result<Host, ApiError> {
    Ok(convert::host(call.control.host(&call.caller).await?))
}
