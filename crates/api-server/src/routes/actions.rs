//! What is done with a desktop as a whole.

use rolltop_api_types::{Desktop, op};
use rolltop_control::purpose;

use crate::call::Call;
use crate::convert;
use crate::problems::ApiError;

pub(crate) async fn start(call: Call<op::StartDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    Ok(convert::desktop(call.control.start(&access).await?, true))
}

pub(crate) async fn stop(call: Call<op::StopDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    Ok(convert::desktop(call.control.stop(&access).await?, true))
}

pub(crate) async fn suspend(call: Call<op::SuspendDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    Ok(convert::desktop(call.control.suspend(&access).await?, true))
}

pub(crate) async fn resume(call: Call<op::ResumeDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    Ok(convert::desktop(call.control.start(&access).await?, true))
}

pub(crate) async fn restart(call: Call<op::RestartDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    Ok(convert::desktop(call.control.restart(&access).await?, true))
}

pub(crate) async fn retry(call: Call<op::RetryDesktop>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    Ok(convert::desktop(call.control.retry(&access).await?, true))
}

pub(crate) async fn end_processes(call: Call<op::EndProcesses>) -> Result<Desktop, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    Ok(convert::desktop(call.control.end_processes(&access).await?, true))
}
