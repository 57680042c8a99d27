//! Desktops: the resource and what is done with it.

use rolltop_model::DesktopId;

use super::{Client, ClientError, json};
use crate::operation::NoQuery;
use crate::{CreateDesktop, Desktop, DestroyDesktop, ListDesktops, op};

impl Client {
    /// `POST /v1/desktops`. With `idempotency_key`, the same call may be repeated and makes one desktop.
    pub async fn create_desktop(
        &self,
        desktop: &CreateDesktop,
        idempotency_key: Option<&str>,
    ) -> Result<Desktop, ClientError> {
        let mut request = self.asking::<op::CreateDesktop>((), &NoQuery {}, desktop);
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        json(request).await
    }

    /// Every desktop, page after page.
    pub async fn all_desktops(&self) -> Result<Vec<Desktop>, ClientError> {
        self.all_desktops_of(ListDesktops::default()).await
    }

    /// The same of those that are looked for.
    pub async fn all_desktops_of(&self, which: ListDesktops) -> Result<Vec<Desktop>, ClientError> {
        let mut which = ListDesktops { limit: Some(200), cursor: None, ..which };
        let mut all = Vec::new();
        loop {
            let page = self.desktops(&which).await?;
            all.extend(page.items);
            which.cursor = page.next_cursor;
            if which.cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// `DELETE /v1/desktops/{id}`, and what it was is kept for a day.
    pub async fn delete_desktop(&self, id: DesktopId) -> Result<Desktop, ClientError> {
        self.ask::<op::DestroyDesktop>(id, &DestroyDesktop { for_good: false }, &()).await
    }

    /// `DELETE /v1/desktops/{id}?for_good=true`
    pub async fn destroy_desktop(&self, id: DesktopId) -> Result<Desktop, ClientError> {
        self.ask::<op::DestroyDesktop>(id, &DestroyDesktop { for_good: true }, &()).await
    }
}
