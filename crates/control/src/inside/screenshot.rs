//! Pictures of the screen, for thumbnails: one request to the guest serves everyone who asks
//! within a few seconds.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as SyncMutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use rolltop_boxed::boxed;
use rolltop_model::DesktopId;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::inside::enter::EnterError;
use crate::inside::enter::unavailable;
use crate::inside::notes::Reason;
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::control::Control;
use crate::kernel::in_flight::InFlight;
use crate::kernel::in_flight::SCREENSHOT_MEMORY;
use crate::kernel::state::default_state;

const WIDTHS: std::ops::RangeInclusive<u16> = 64..=1920;
/// Widths are rounded up to these steps, so that few different pictures are made.
const WIDTH_STEP: u16 = 32;
/// Pictures kept for longer than this serve nobody.
const FORGET_AFTER: Duration = Duration::from_secs(60);
/// All that are kept, bytes; a desktop's are a hundred kilobytes each, and as large as it likes.
const MOST_KEPT: usize = 64 << 20;

#[derive(Default)]
pub(crate) struct Screenshots {
    slots: SyncMutex<HashMap<(DesktopId, u16), Arc<Slot>>>,
}
default_state!(Screenshots);

/// Who holds `picture` is asking the guest; all others wait for the same picture.
struct Slot {
    used: SyncMutex<Instant>,
    picture: Mutex<Option<(Instant, Bytes)>>,
}

impl Slot {
    /// What is kept; nothing while it is being asked for.
    fn bytes(&self) -> usize {
        self.picture.try_lock().ok().and_then(|kept| Some(kept.as_ref()?.1.len())).unwrap_or_default()
    }
}

impl Screenshots {
    fn slot(&self, desktop: DesktopId, width: u16) -> Arc<Slot> {
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = slots.values().map(|slot| slot.bytes()).sum();
        slots.retain(|_, slot| {
            let is_old = slot.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() >= FORGET_AFTER;
            Arc::strong_count(slot) > 1 || !(is_old || kept > MOST_KEPT)
        });
        let slot = slots.entry((desktop, width)).or_insert_with(|| {
            Arc::new(Slot { used: SyncMutex::new(Instant::now()), picture: Mutex::default() })
        });
        *slot.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
        slot.clone()
    }
}

#[boxed]
impl Control {
    /// A JPEG at most `width` (64 to 1920) pixels wide and at most a few seconds old. The bytes are
    /// the guest's: serve them as `image/jpeg` with `nosniff`.
    pub async fn screenshot(
        &self,
        access: &DesktopAccess<purpose::Control>,
        width: u16,
    ) -> Result<Bytes, EnterError> {
        let door = self.look_in(access, Reason::Screenshot).await?;
        let width = width.clamp(*WIDTHS.start(), *WIDTHS.end()).next_multiple_of(WIDTH_STEP);
        let slot = self.kernel.state::<Screenshots>().slot(access.desktop, width);
        let mut kept = slot.picture.lock().await;
        if let Some((_, picture)) =
            kept.as_ref().filter(|(at, _)| at.elapsed() < self.kernel.config.screenshot_age)
        {
            return Ok(picture.clone());
        }
        let _share =
            self.kernel.state::<InFlight>().share(access.caller.workspace, SCREENSHOT_MEMORY).await?;
        let picture = door.screenshot(width).await.map_err(unavailable)?;
        let picture = Bytes::from(picture);
        *kept = Some((Instant::now(), picture.clone()));
        Ok(picture)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_of_many_desktops_take_no_more_than_they_may() {
        let all = Screenshots::default();
        let mut most = 0;
        for desktop in 0..200 {
            let slot = all.slot(DesktopId::from_u128(desktop), 320);
            *slot.picture.try_lock().unwrap() = Some((Instant::now(), Bytes::from(vec![0; 2 << 20])));
            most = most.max(all.slots.lock().unwrap().values().map(|slot| slot.bytes()).sum::<usize>());
        }
        assert!((MOST_KEPT..=MOST_KEPT + (2 << 20)).contains(&most), "{most}");
        let held = all.slot(DesktopId::from_u128(999), 320);
        for desktop in 0..200 {
            let slot = all.slot(DesktopId::from_u128(desktop), 320);
            *slot.picture.try_lock().unwrap() = Some((Instant::now(), Bytes::from(vec![0; 2 << 20])));
        }
        assert!(
            Arc::ptr_eq(&held, &all.slot(DesktopId::from_u128(999), 320)),
            "whoever waits has the same one"
        );
    }
}
