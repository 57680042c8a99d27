//! Log-ins of tools in a desktop's home folders.

use rolltop_api_types::Logins;
use rolltop_boxed::boxed;

use crate::inside::enter::EnterError;
use crate::inside::enter::unavailable;
use crate::inside::notes::Reason;
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::control::Control;

#[boxed]
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
