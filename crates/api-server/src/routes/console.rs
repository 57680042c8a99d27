//! `GET /v1/desktops/{id}/console`

use rolltop_api_types::op;
use rolltop_control::purpose;

use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn get(call: Call<op::GetConsole>) -> Result<String, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    Ok(call.control.console(&access).await?)
}
