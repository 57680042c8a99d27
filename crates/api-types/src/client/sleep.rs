//! When a desktop sleeps by itself.

use http::Method;
use rolltop_model::{DesktopId, HoldId};

use super::{Client, ClientError, json, nothing, with_body};
use crate::{CreateHold, Hold, Sleep, SleepPolicy};

impl Client {
    /// `GET /v1/desktops/{id}/sleep`
    pub async fn sleep(&self, id: DesktopId) -> Result<Sleep, ClientError> {
        json(self.get(&["v1", "desktops", &id.to_string(), "sleep"])).await
    }

    /// `PUT /v1/desktops/{id}/sleep`
    pub async fn set_sleep(&self, id: DesktopId, policy: &SleepPolicy) -> Result<Sleep, ClientError> {
        let request = self.request(Method::PUT, &["v1", "desktops", &id.to_string(), "sleep"]);
        json(with_body(request, policy)).await
    }

    /// `POST /v1/desktops/{id}/holds`
    pub async fn hold(&self, id: DesktopId, hold: &CreateHold) -> Result<Hold, ClientError> {
        let request = self.request(Method::POST, &["v1", "desktops", &id.to_string(), "holds"]);
        json(with_body(request, hold)).await
    }

    /// `DELETE /v1/desktops/{id}/holds/{hold}`
    pub async fn release_hold(&self, id: DesktopId, hold: HoldId) -> Result<(), ClientError> {
        let path = ["v1", "desktops", &id.to_string(), "holds", &hold.to_string()];
        nothing(self.request(Method::DELETE, &path)).await
    }
}
