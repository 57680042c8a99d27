//! Changing what the owner of a desktop chose for it.

use rolltop_api_types::{self as api, ChoiceError, UpdateDesktop};
use rolltop_boxed::boxed;
use rolltop_model::DesktopState;

use crate::inside::viewers::Viewers;
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{NoSuchDesktop, explained};
use crate::reconcile::vitals::Vitals;

explained! {
    pub enum ChooseError: NotFound(NoSuchDesktop), Choice(ChoiceError) or Internal {
    }
}

#[boxed]
impl Control {
    /// Changes what was chosen, as far as something is said of it, and has a running desktop follow.
    pub async fn choose(
        &self,
        access: &DesktopAccess<purpose::Write>,
        change: &UpdateDesktop,
    ) -> Result<api::Desktop, ChooseError> {
        let store = &self.kernel.store;
        let row = store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        // The memory that it has, or will have after a restart: the smaller one counts.
        let now = self.kernel.state::<Vitals>().of(row.id).map_or(row.size, |vitals| vitals.size);
        let least = if now.memory_mib() < row.size.memory_mib() { now } else { row.size };
        let (by, now) = (access.caller().actor(), clock::now());
        let row = store.choose(row.id, by, now, |before| change.choose(before, least)).await?;
        let row = row.ok_or(NoSuchDesktop)??;
        if change.screen.is_some() {
            self.kernel.state::<Viewers>().fix(row.id, row.choices.screen.is_some());
            if row.record.state == DesktopState::Running {
                self.kernel.apply_screen(row.id).await;
            }
        }
        Ok(self.with_steps(row).await?)
    }
}
