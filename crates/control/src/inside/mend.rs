//! Putting the guest program back into a desktop that has lost it.

use rolltop_boxed::boxed;
use rolltop_door::Door;
use rolltop_model::DesktopId;

use crate::kernel::control::Kernel;

#[boxed]
impl Kernel {
    /// True where the desktop's guest program was missing or another, and is right again: what failed may be tried again.
    pub(crate) async fn mended(&self, desktop: DesktopId, door: &Door) -> bool {
        let Some(program) = &self.config.guest_program else { return false };
        match door.mend(program).await {
            Ok(mended) => {
                if mended {
                    tracing::warn!(%desktop, "its guest program was missing or damaged, and was put back");
                }
                mended
            }
            Err(error) => {
                tracing::warn!(%desktop, %error, "its guest program could not be put back");
                false
            }
        }
    }
}
