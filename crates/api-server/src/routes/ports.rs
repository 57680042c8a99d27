//! `GET /v1/desktops/{id}/ports`

use rolltop_api_types::{PortList, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn list(call: Call<op::ListPorts>) -> Result<PortList, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let ports = call.control.ports(&access).await?;
    Ok(PortList { items: ports.into_iter().map(convert::port).collect() })
}
