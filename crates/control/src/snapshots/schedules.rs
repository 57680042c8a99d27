//! Snapshots that are taken without anybody asking: saying when, and how many stay.

use rolltop_api_types as api;
use rolltop_boxed::boxed;
use rolltop_model::SnapshotSchedule;

use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{AccessError, NoSuchDesktop};
use crate::sleep::ask::SettingError;

#[boxed]
impl Control {
    pub async fn snapshot_schedule(
        &self,
        access: &DesktopAccess<purpose::Read>,
    ) -> Result<api::DesktopSnapshotSchedule, AccessError> {
        let known = self.kernel.store.snapshot_schedule(access.desktop).await?;
        let hour = self.kernel.config.hour;
        Ok(api::DesktopSnapshotSchedule {
            schedule: known.map(|known| api::SnapshotSchedule {
                every_hours: known.schedule.every_hours(),
                keep_last: known.schedule.keep_last(),
                keep_days: known.schedule.keep_days(),
                copies: known.schedule.copies(),
            }),
            next_at: known.map(|known| clock::later(known.asked_at, known.schedule.period(hour))),
        })
    }

    /// From now on snapshots are taken by this, or with `None` not any more. What was taken so far stays, or goes as
    /// the new schedule says.
    pub async fn set_snapshot_schedule(
        &self,
        access: &DesktopAccess<purpose::Write>,
        schedule: Option<SnapshotSchedule>,
    ) -> Result<(), SettingError> {
        if schedule.is_some() {
            self.kernel.engine.layers()?;
        }
        let known = self.kernel.store.set_snapshot_schedule(access.desktop, schedule, clock::now()).await?;
        if known { Ok(()) } else { Err(NoSuchDesktop.into()) }
    }
}
