//! `/v1/desktops/{id}/setup`

use rolltop_api_types::{DesktopSetup, op};
use rolltop_control::{AskSetupError, purpose};

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn get(call: Call<op::GetSetup>) -> Result<DesktopSetup, ApiError> {
    let access = call.desktop::<purpose::Exec>().await?;
    match call.control.setup(&access).await {
        Ok(setup) => Ok(DesktopSetup { setup: Some(convert::setup(setup)) }),
        Err(AskSetupError::NoSetup) => Ok(DesktopSetup { setup: None }),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn stop(call: Call<op::StopSetup>) -> Result<DesktopSetup, ApiError> {
    let access = call.desktop::<purpose::Exec>().await?;
    match call.control.stop_setup(&access).await {
        Ok(setup) => Ok(DesktopSetup { setup: Some(convert::setup(setup)) }),
        Err(AskSetupError::NoSetup) => Ok(DesktopSetup { setup: None }),
        Err(error) => Err(error.into()),
    }
}

pub(crate) async fn set(mut call: Call<op::SetUpDesktop>) -> Result<DesktopSetup, ApiError> {
    let access = call.desktop::<purpose::Exec>().await?;
    let wanted = call.body().await?;
    let setup = call.control.set_up(&access, &convert::set_up(wanted)).await?;
    Ok(DesktopSetup { setup: Some(convert::setup(setup)) })
}
