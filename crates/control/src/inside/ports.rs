//! TCP ports of a desktop: what listens, and connections to it.

use rolltop_api_types::PortEntry;
use rolltop_boxed::boxed;
use rolltop_door::TunnelError as DoorError;
use rolltop_engine::DoorStream;
use rolltop_model::Use;

use crate::inside::enter::EnterError;
use crate::inside::enter::{Waking, kept_out, unavailable};
use crate::inside::notes::Reason;
use crate::inside::uses::{Comes, MOST_CONNECTIONS, UseGuard};
use crate::kernel::caller::{DesktopAccess, purpose};
use crate::kernel::control::Control;
use crate::kernel::error::{InternalError, explained};

explained! {
    pub enum PortError: Enter(EnterError) {
        Closed(u16) => PortClosed, "Nothing listens on port {0} of this desktop.";
        TooMany => TooManyConnections after 1, "This desktop has {MOST_CONNECTIONS} connections to its ports already; close some first.";
    }
}

impl From<InternalError> for PortError {
    fn from(error: InternalError) -> Self {
        EnterError::Internal(error).into()
    }
}

/// Bytes to and from a port of a desktop. Shutting it down ends only this direction.
pub struct PortConnection {
    pub stream: DoorStream,
    pub place: UseGuard,
}

#[boxed]
impl Control {
    /// A TCP connection to what listens on the desktop's loopback. Noted once an hour.
    pub async fn connect_port(
        &self,
        access: &DesktopAccess<purpose::Control>,
        port: u16,
    ) -> Result<PortConnection, PortError> {
        self.connect_port_for(access, port, Waking::Wake).await
    }

    /// The same for somebody who comes, or for a program that goes on by itself.
    pub(crate) async fn connect_port_for(
        &self,
        access: &DesktopAccess<purpose::Control>,
        port: u16,
        waking: Waking,
    ) -> Result<PortConnection, PortError> {
        let comes = match waking {
            Waking::Wake => Comes::Person,
            Waking::LetSleep => Comes::ByItself,
        };
        let place = self.kernel.place(access, Use::Port, comes).await.map_err(EnterError::from)?;
        let place = place.ok_or(PortError::TooMany)?;
        self.may_enter(access, Reason::Ports, waking).await?;
        let coming = self.kernel.coming(access.desktop);
        let connected = self.kernel.lanes.tcp(access.desktop, port).await;
        if matches!(connected, Ok(_) | Err(DoorError::PortClosed)) {
            coming.let_in();
        }
        match connected {
            Ok(channel) => Ok(PortConnection { stream: Box::new(channel), place }),
            Err(DoorError::PortClosed) => Err(PortError::Closed(port)),
            Err(DoorError::Door(error)) => Err(kept_out(error).into()),
            Err(error @ DoorError::Channel(_)) => Err(unavailable(error).into()),
        }
    }

    /// The ports in which something listens that a connection would reach, by number.
    pub async fn ports(
        &self,
        access: &DesktopAccess<purpose::Control>,
    ) -> Result<Vec<PortEntry>, EnterError> {
        let door = self.look_in(access, Reason::Ports).await?;
        let coming = self.kernel.coming(access.desktop);
        let ports = coming.with(door.listening_ports().await).map_err(unavailable)?;
        Ok(ports.into_iter().map(|found| PortEntry { port: found.port, program: found.program }).collect())
    }
}
