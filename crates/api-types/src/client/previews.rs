//! What the web tier asks for previews.

use http::Method;

use super::{Client, ClientError, json, with_body};
use crate::{OpenPreview, PreviewPass, PreviewTicket, RequestTicket};

impl Client {
    /// `POST /preview/ticket`; on the unix socket only.
    pub async fn preview_ticket(&self, wanted: &RequestTicket) -> Result<PreviewTicket, ClientError> {
        json(with_body(self.request(Method::POST, &["preview", "ticket"]), wanted)).await
    }

    /// `POST /preview/pass`; on the unix socket only.
    pub async fn open_preview(&self, wanted: &OpenPreview) -> Result<PreviewPass, ClientError> {
        json(with_body(self.request(Method::POST, &["preview", "pass"]), wanted)).await
    }
}
