//! Giving a desktop another size.

use rolltop_api_types as api;
use rolltop_boxed::boxed;
use rolltop_model::{MOST_DISK_GIB, Size, UnknownSize};

use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{NoSuchDesktop, explained};

/// What is to change; what is absent stays.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resize {
    /// `s`, `m` or `l`: processors and memory, from the next boot on.
    pub size: Option<String>,
    /// Its disk, which grows at once.
    pub disk_gib: Option<u64>,
}

explained! {
    pub enum ResizeError: NotFound(NoSuchDesktop), Size(UnknownSize) or Internal {
        Shrinks(u64) => InvalidDisk in "disk_gib", "Its disk has {0} GiB, and disks do not shrink: the files on it would be cut off.";
        TooLarge => InvalidDisk in "disk_gib", "A disk has at most {MOST_DISK_GIB} GiB.";
    }
}

#[boxed]
impl Control {
    /// Gives it another size. A disk is at least as large as the size has it; it grows while the desktop runs. Processors
    /// and memory change when it is restarted: see [`api::Desktop::restart_needed`].
    pub async fn resize(
        &self,
        access: &DesktopAccess<purpose::Write>,
        wanted: &Resize,
    ) -> Result<api::Desktop, ResizeError> {
        let store = &self.kernel.store;
        let row = store.desktop(access.desktop).await?.ok_or(NoSuchDesktop)?;
        let size = wanted.size.as_deref().map(str::parse::<Size>).transpose()?.unwrap_or(row.size);
        let disk_gib = match wanted.disk_gib {
            Some(gib) if gib < row.disk_gib => return Err(ResizeError::Shrinks(row.disk_gib)),
            Some(gib) if gib > MOST_DISK_GIB => return Err(ResizeError::TooLarge),
            Some(gib) => gib,
            None => row.disk_gib,
        };
        let disk_gib = disk_gib.max(size.disk_gib());
        let row = if (size, disk_gib) == (row.size, row.disk_gib) {
            row
        } else {
            let actor = access.caller().actor();
            let row = store.resize_desktop(access.desktop, size, disk_gib, actor, clock::now()).await?;
            row.ok_or(NoSuchDesktop)?
        };
        tracing::info!(desktop = %row.id, %size, disk_gib, "to have another size");
        self.kernel.nudge(row.id);
        Ok(self.with_steps(row).await?)
    }
}
