//! Log-ins of tools in a desktop's home folders.

use rolltop_api_types::Logins;

use super::{Reason, unavailable};
use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::EnterError;

impl Control {
    /// Which tools' log-ins lie in a running desktop: what a template of it does not have unless it is kept.
    pub async fn logins(
        &self,
        access: &DesktopAccess<purpose::ReadFiles>,
    ) -> Result<Vec<Logins>, EnterError> {
        let door = self.look_in(access, Reason::Files).await?;
        let found = door.logins().await.map_err(unavailable)?.into_iter();
        let shown = found.map(|found| Logins {
            id: found.tool.id.to_owned(),
            title: found.tool.title.to_owned(),
            paths: found.paths,
        });
        Ok(shown.collect())
    }
}
