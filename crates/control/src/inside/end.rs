//! Ending what people run in a desktop: the way out of one that is too full to let anybody in, without a restart.

use std::time::Duration;

use rolltop_api_types as api;
use rolltop_boxed::boxed;
use rolltop_model::{DesktopState, FailReason};
use rolltop_store::{By, happening};
use tokio::time::timeout;

use crate::inside::enter::stands_still;
use crate::inside::notes::Reason;
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::{NoSuchDesktop, explained};
use crate::kernel::fault::chain;
use crate::kernel::ongoing::Ongoing;
use crate::reconcile::stillness::answered;

/// For the door to open and the guest to have ended it all. A kept door takes a second or two.
const DEADLINE: Duration = Duration::from_secs(60);

/// Desktops in which what runs is being ended.
enum End {}
type Ending = Ongoing<End>;

explained! {
    pub enum EndProcessesError: NotFound(NoSuchDesktop) or Internal {
        NotRunning => NotRunning, "This desktop is not running, so nothing runs in it.";
        NotAnswering => DesktopUnreachable, "This desktop does not answer, so what runs in it can't be ended; restart it to boot from its disk.";
        /// The engine has it stand still, for want of room on the disk.
        #[error(fmt = stands_still)]
        StandsStill(FailReason) => DesktopUnreachable;
        UnderWay => WrongState after 1, "What runs in this desktop is being ended already.";
    }
}

#[boxed]
impl Control {
    /// Ends all commands, terminals and sessions and every program of the session's user. The session on the screen begins anew.
    pub async fn end_processes(
        &self,
        access: &DesktopAccess<purpose::Control>,
    ) -> Result<api::Desktop, EndProcessesError> {
        let id = access.desktop;
        let store = &self.kernel.store;
        let row = store.desktop(id).await?.ok_or(NoSuchDesktop)?;
        if row.record.state != DesktopState::Running {
            return Err(EndProcessesError::NotRunning);
        }
        if let Some(why) = self.kernel.stands_still(id) {
            return Err(EndProcessesError::StandsStill(why));
        }
        let _alone = self.kernel.state::<Ending>().alone(id).ok_or(EndProcessesError::UnderWay)?;
        self.kernel.note_access(id, row.workspace, Reason::EndProcesses, access.caller()).await?;
        let began_at = clock::now();
        let coming = self.kernel.coming(id);
        let ended = timeout(DEADLINE, self.kernel.end_all(access)).await.unwrap_or(false);
        let error = (!ended).then(|| EndProcessesError::NotAnswering.to_string());
        let what = (happening::PROCESSES_ENDED, By::somebody(access.caller().actor()));
        store.tell_happening(id, what, (began_at, clock::now()), error.as_deref()).await?;
        if !ended {
            return Err(EndProcessesError::NotAnswering);
        }
        coming.let_in();
        answered(&self.kernel, id).await;
        // Where it could not be entered before, it can be now.
        self.kernel.nudge(id);
        let row = store.desktop(id).await?.ok_or(NoSuchDesktop)?;
        Ok(self.with_steps(row).await?)
    }
}

impl Kernel {
    async fn end_all(&self, access: &DesktopAccess<purpose::Control>) -> bool {
        let id = access.desktop;
        let door = match self.doors.door(id).await {
            Ok(door) => door,
            Err(error) => {
                tracing::warn!(desktop = %id, error = chain(&error), "there is no way in to end what runs");
                return false;
            }
        };
        let mut ended = door.end_all().await;
        // Its program may be an older one, which can't.
        if ended.is_err() && self.mended(id, &door).await {
            ended = door.end_all().await;
        }
        if let Err(error) = &ended {
            tracing::warn!(desktop = %id, error = chain(error), "what runs was not ended");
        }
        ended.is_ok()
    }
}
