//! Terminals: shells of the session's user that go on while nobody looks.

use std::sync::Arc;

use rolltop_api_types::TerminalEntry;
use rolltop_boxed::boxed;
use rolltop_door::{Door, Terminal, TerminalError as DoorError, TerminalNumber, TerminalSize};
use rolltop_model::{DesktopId, Use};

use crate::inside::enter::EnterError;
use crate::inside::enter::{Waking, unavailable};
use crate::inside::notes::Reason;
use crate::inside::uses::{Comes, MOST_VIEWERS, UseGuard};
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::control::{Control, Kernel};
use crate::kernel::error::explained;

explained! {
    pub enum TerminalError: Enter(EnterError) {
        NoTmux => NoTerminal, "This desktop has no terminals: its template lacks tmux.";
        TooMany => TooManyViewers after 5, "This desktop's terminals are looked at {MOST_VIEWERS} times already; close one first.";
    }
}

impl From<DoorError> for TerminalError {
    fn from(error: DoorError) -> Self {
        match error {
            DoorError::NoTmux => TerminalError::NoTmux,
            DoorError::Channel(_) | DoorError::Exec(_) | DoorError::Unexpected(_) => {
                unavailable(error).into()
            }
        }
    }
}

/// The way to one terminal, for as long as one viewer looks: noted once, attached to as often as needed.
pub struct TerminalLine {
    door: Arc<Door>,
    kernel: Arc<Kernel>,
    desktop: DesktopId,
    number: TerminalNumber,
    _place: UseGuard,
}

impl TerminalLine {
    pub async fn attach(&self, size: TerminalSize) -> Result<Terminal, EnterError> {
        let coming = self.kernel.coming(self.desktop);
        coming.with(self.door.terminal(self.number, size).await).map_err(unavailable)
    }

    /// It was torn off, as where the desktop has no room for its shell, which is known only when it is read.
    pub fn torn_off(&self) {
        drop(self.kernel.coming(self.desktop));
    }

    /// Shows where a text was shown last, and says whether it was.
    pub async fn search(&self, text: &str) -> Result<bool, EnterError> {
        self.door.search_terminal(self.number, text).await.map_err(unavailable)
    }
}

#[boxed]
impl Control {
    /// The way to a terminal of a running desktop; attaching makes it if it is not there.
    pub async fn terminal(
        &self,
        access: &DesktopAccess<purpose::Control>,
        number: TerminalNumber,
        waking: Waking,
    ) -> Result<TerminalLine, TerminalError> {
        let place =
            self.kernel.place(access, Use::Terminal, Comes::Person).await.map_err(EnterError::from)?;
        let place = place.ok_or(TerminalError::TooMany)?;
        let door = self.enter(access, Reason::Terminal, &place, waking).await?;
        let (kernel, desktop) = (Arc::clone(&self.kernel), access.desktop);
        Ok(TerminalLine { door, kernel, desktop, number, _place: place })
    }

    pub async fn terminals(
        &self,
        access: &DesktopAccess<purpose::Control>,
    ) -> Result<Vec<TerminalEntry>, TerminalError> {
        let door = self.look_in(access, Reason::Terminal).await?;
        let coming = self.kernel.coming(access.desktop);
        let terminals = coming.with(door.terminals().await)?;
        let shown = terminals.into_iter().map(|terminal| TerminalEntry {
            number: terminal.number.get().into(),
            viewers: terminal.viewers,
            program: terminal.program,
        });
        Ok(shown.collect())
    }

    /// Ends a terminal and what runs in it. Fine if it is not there.
    pub async fn close_terminal(
        &self,
        access: &DesktopAccess<purpose::Control>,
        number: TerminalNumber,
    ) -> Result<(), TerminalError> {
        let door = self.look_in(access, Reason::Terminal).await?;
        let coming = self.kernel.coming(access.desktop);
        Ok(coming.with(door.close_terminal(number).await)?)
    }
}
