//! Changing what the owner of a desktop says of it: its name, its size, what is chosen for it.

use rolltop_api_types::{self as api, ChoiceError, UpdateDesktop};
use rolltop_boxed::boxed;
use rolltop_model::{DesktopName, DesktopState, MOST_DISK_GIB, NameError, Size, UnknownSize};
use rolltop_store::{Desktop, DesktopChange, UpdateDesktopError};

use crate::inside::viewers::Viewers;
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::clock;
use crate::kernel::control::Control;
use crate::kernel::error::{NoSuchDesktop, explained};
use crate::reconcile::vitals::Vitals;

explained! {
    pub enum UpdateError: NotFound(NoSuchDesktop), Name(NameError), Size(UnknownSize), Choice(ChoiceError) or Internal {
        Nothing => InvalidBody, "Say what to change of the desktop.";
        NameTaken(String) => NameTaken in "name", "There is already a desktop called {0}; choose another name.";
        BeingDestroyed => WrongState, "This desktop is being destroyed.";
        Shrinks(u64) => InvalidDisk in "disk_gib", "Its disk has {0} GiB, and disks do not shrink: the files on it would be cut off.";
        TooLarge => InvalidDisk in "disk_gib", "A disk has at most {MOST_DISK_GIB} GiB.";
    }
}

#[boxed]
impl Control {
    /// Changes all that `change` names, or nothing where a part of it is refused.
    ///
    /// The guest learns a new name at its next start. A disk is at least as large as the size has it, and grows while the
    /// desktop runs; processors and memory change when it is restarted: see [`api::Desktop::restart_needed`]. A screen
    /// follows at once.
    pub async fn update(
        &self,
        access: &DesktopAccess<purpose::Write>,
        change: &UpdateDesktop,
    ) -> Result<api::Desktop, UpdateError> {
        if *change == UpdateDesktop::default() {
            return Err(UpdateError::Nothing);
        }
        let name = change.name.as_deref().map(DesktopName::chosen).transpose()?;
        let size = change.size.as_deref().map(str::parse::<Size>).transpose()?;
        let resizes = size.is_some() || change.disk_gib.is_some();
        let runs_with = self.kernel.state::<Vitals>().of(access.desktop).map(|vitals| vitals.size);
        let wanted = |before: &Desktop| {
            // The memory that it has, or will have after a restart: the smaller one counts.
            let now = runs_with.unwrap_or(before.size);
            let least = if now.memory_mib() < before.size.memory_mib() { now } else { before.size };
            Ok::<_, UpdateError>(DesktopChange {
                name: name.clone(),
                autostart: change.autostart,
                choices: Some(change.choose(before.choices.clone(), least)?),
                size: resizes.then(|| resized(before, size, change.disk_gib)).transpose()?,
            })
        };
        let by = access.caller().actor();
        let updated = self.kernel.store.update_desktop(access.desktop, by, clock::now(), wanted).await;
        let row = updated.map_err(|error| match error {
            UpdateDesktopError::Gone => NoSuchDesktop.into(),
            UpdateDesktopError::NameTaken(name) => UpdateError::NameTaken(name.to_string()),
            UpdateDesktopError::BeingDestroyed => UpdateError::BeingDestroyed,
            UpdateDesktopError::Store(error) => error.into(),
        })??;
        if name.is_some() {
            // Its previews were opened by its name.
            self.kernel.credentials_changed();
        }
        if change.screen.is_some() {
            self.kernel.state::<Viewers>().fix(row.id, row.choices.screen.is_some());
            if row.record.state == DesktopState::Running {
                self.kernel.apply_screen(row.id).await;
            }
        }
        if resizes {
            tracing::info!(desktop = %row.id, size = %row.size, disk_gib = row.disk_gib, "to have another size");
        }
        self.kernel.nudge(row.id);
        Ok(self.with_steps(row).await?)
    }
}

/// Its size and its disk's, GiB.
fn resized(before: &Desktop, size: Option<Size>, disk_gib: Option<u64>) -> Result<(Size, u64), UpdateError> {
    let size = size.unwrap_or(before.size);
    let disk_gib = match disk_gib {
        Some(gib) if gib < before.disk_gib => return Err(UpdateError::Shrinks(before.disk_gib)),
        Some(gib) if gib > MOST_DISK_GIB => return Err(UpdateError::TooLarge),
        gib => gib.unwrap_or(before.disk_gib),
    };
    Ok((size, disk_gib.max(size.disk_gib())))
}
