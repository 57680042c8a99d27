//! Share links, and what the web tier asks for previews.

use http::Method;
use rolltop_model::{DesktopId, ShareId};

use super::{Client, ClientError, json, nothing, with_body};
use crate::{
    CreateShare, OpenPreview, PreviewPass, PreviewTicket, RequestTicket, Share, ShareCreated, ShareList,
};

impl Client {
    /// `GET /v1/desktops/{id}/shares`
    pub async fn shares(&self, id: DesktopId) -> Result<Vec<Share>, ClientError> {
        let list: ShareList = json(self.get(&["v1", "desktops", &id.to_string(), "shares"])).await?;
        Ok(list.items)
    }

    /// `POST /v1/desktops/{id}/shares`
    pub async fn share_port(&self, id: DesktopId, share: &CreateShare) -> Result<ShareCreated, ClientError> {
        let request = self.request(Method::POST, &["v1", "desktops", &id.to_string(), "shares"]);
        json(with_body(request, share)).await
    }

    /// `DELETE /v1/desktops/{id}/shares/{share}`
    pub async fn revoke_share(&self, id: DesktopId, share: ShareId) -> Result<(), ClientError> {
        let path = ["v1", "desktops", &id.to_string(), "shares", &share.to_string()];
        nothing(self.request(Method::DELETE, &path)).await
    }

    /// `POST /preview/ticket`; on the unix socket only.
    pub async fn preview_ticket(&self, wanted: &RequestTicket) -> Result<PreviewTicket, ClientError> {
        json(with_body(self.request(Method::POST, &["preview", "ticket"]), wanted)).await
    }

    /// `POST /preview/pass`; on the unix socket only.
    pub async fn open_preview(&self, wanted: &OpenPreview) -> Result<PreviewPass, ClientError> {
        json(with_body(self.request(Method::POST, &["preview", "pass"]), wanted)).await
    }
}
