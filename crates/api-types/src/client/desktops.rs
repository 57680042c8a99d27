//! Desktops: the resource and what is done with it.

use rolltop_model::DesktopId;

use super::{Client, ClientError, json};
use crate::operation::{NoContent, NoQuery};
use crate::{
    AccessEntry, CreateDesktop, Desktop, DestroyDesktop, HistoryEntry, ListDesktops, Step, Usage, UsageQuery,
    UsageSpan, op,
};

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
        let mut which = ListDesktops { limit: Some(200), ..ListDesktops::default() };
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
        self.remove(id, DestroyDesktop { for_good: false }).await
    }

    /// `DELETE /v1/desktops/{id}?for_good=true`
    pub async fn destroy_desktop(&self, id: DesktopId) -> Result<Desktop, ClientError> {
        self.remove(id, DestroyDesktop { for_good: true }).await
    }

    async fn remove(&self, id: DesktopId, how: DestroyDesktop) -> Result<Desktop, ClientError> {
        self.ask::<op::DestroyDesktop>(id, &how, &NoContent {}).await
    }

    /// `GET /v1/desktops/{id}/steps`
    pub async fn steps(&self, id: DesktopId) -> Result<Vec<Step>, ClientError> {
        Ok(self.ask::<op::ListSteps>(id, &NoQuery {}, &NoContent {}).await?.items)
    }

    /// `GET /v1/desktops/{id}/history`
    pub async fn history(&self, id: DesktopId) -> Result<Vec<HistoryEntry>, ClientError> {
        Ok(self.ask::<op::ListHistory>(id, &NoQuery {}, &NoContent {}).await?.items)
    }

    /// `GET /v1/desktops/{id}/usage`
    pub async fn usage(&self, id: DesktopId, span: UsageSpan) -> Result<Usage, ClientError> {
        self.ask::<op::GetUsage>(id, &UsageQuery { span }, &NoContent {}).await
    }

    /// `GET /v1/desktops/{id}/access-log`
    pub async fn access_log(&self, id: DesktopId) -> Result<Vec<AccessEntry>, ClientError> {
        Ok(self.ask::<op::GetAccessLog>(id, &NoQuery {}, &NoContent {}).await?.items)
    }
}
