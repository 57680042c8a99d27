//! `/v1/desktops/{id}/shares`, `/v1/desktops/{id}/shares/{share}`

use std::time::Duration;

use rolltop_api_types::operation::PathPart as _;
use rolltop_api_types::{Port, ShareCreated, op};
use rolltop_control::purpose;
use secrecy::{ExposeSecret as _, SecretString};

use super::preview::SHARE_PATH;
use crate::call::Call;
use crate::problems::ApiError;

pub(crate) async fn create(mut call: Call<op::SharePort>) -> Result<ShareCreated, ApiError> {
    let access = call.desktop::<purpose::Control>().await?;
    let wanted = call.body().await?;
    if wanted.port == 0 {
        return Err(ApiError::new(Port::PROBLEM, Port::MISSING).in_field("port"));
    }
    let lifetime = Duration::from_secs(wanted.lasts_seconds);
    let made = call.control.share_port(&access, wanted.port, lifetime).await?;
    Ok(ShareCreated {
        share: made.share,
        address: made.address.label(),
        path: SecretString::from(format!("{SHARE_PATH}{}", made.secret.expose_secret())),
    })
}
