//! Snapshots that are taken without anybody asking: saying when, and how many stay.

use jiff::Timestamp;
use rolltop_model::SnapshotSchedule;

use crate::caller::{DesktopAccess, purpose};
use crate::clock;
use crate::control::Control;
use crate::desktops::SettingError;
use crate::error::{AccessError, NoSuchDesktop};

/// A desktop's schedule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SnapshotScheduleView {
    /// `None`: none are taken but those that somebody asks for.
    pub schedule: Option<SnapshotSchedule>,
    /// From when on the next is due. It is taken once the desktop runs.
    pub next_at: Option<Timestamp>,
}

impl Control {
    pub async fn snapshot_schedule(
        &self,
        access: &DesktopAccess<purpose::Read>,
    ) -> Result<SnapshotScheduleView, AccessError> {
        let known = self.inner.store.snapshot_schedule(access.desktop).await?;
        let hour = self.inner.config.hour;
        Ok(SnapshotScheduleView {
            schedule: known.map(|known| known.schedule),
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
            self.inner.engine.layers()?;
        }
        let known = self.inner.store.set_snapshot_schedule(access.desktop, schedule, clock::now()).await?;
        self.inner.look_around.notify_one();
        if known { Ok(()) } else { Err(NoSuchDesktop.into()) }
    }
}
