//! TCP ports of a desktop: what listens, and connections to it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rolltop_door::{ListeningPort, TunnelError as DoorError};
use rolltop_engine::DoorStream;
use rolltop_model::DesktopId;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{Reason, kept_out, unavailable};
use crate::caller::{DesktopAccess, purpose};
use crate::control::Control;
use crate::error::{EnterError, InternalError};

/// Connections to ports of one desktop at the same time. Each may hold about 1 MiB.
const MOST_CONNECTIONS: usize = 96;

#[derive(Debug, thiserror::Error)]
pub enum PortError {
    #[error("Nothing listens on port {0} of this desktop.")]
    Closed(u16),
    #[error("This desktop has {MOST_CONNECTIONS} connections to its ports already; close some first.")]
    TooMany,
    #[error(transparent)]
    Enter(#[from] EnterError),
}

impl From<InternalError> for PortError {
    fn from(error: InternalError) -> Self {
        EnterError::Internal(error).into()
    }
}

/// Bytes to and from a port of a desktop. Shutting it down ends only this direction.
pub struct PortConnection {
    pub stream: DoorStream,
    pub place: ConnectionPlace,
}

/// Counts towards the desktop's connections as long as it lives.
pub struct ConnectionPlace(#[expect(dead_code, reason = "held, never looked at")] OwnedSemaphorePermit);

/// How many more connections each desktop may have.
#[derive(Default)]
pub(crate) struct PortPlaces(Mutex<HashMap<DesktopId, Arc<Semaphore>>>);

impl PortPlaces {
    fn take(&self, desktop: DesktopId) -> Option<ConnectionPlace> {
        let mut desktops = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Nobody has a connection where nobody has a share.
        desktops.retain(|id, places| *id == desktop || Arc::strong_count(places) > 1);
        let places = desktops.entry(desktop).or_insert_with(|| Arc::new(Semaphore::new(MOST_CONNECTIONS)));
        places.clone().try_acquire_owned().ok().map(ConnectionPlace)
    }
}

impl Control {
    /// A TCP connection to what listens on the desktop's loopback. Noted once an hour.
    pub async fn connect_port(
        &self,
        access: &DesktopAccess<purpose::Control>,
        port: u16,
    ) -> Result<PortConnection, PortError> {
        self.may_enter(access, Reason::Ports).await?;
        let place = self.inner.port_places.take(access.desktop).ok_or(PortError::TooMany)?;
        match self.inner.lanes.tcp(access.desktop, port).await {
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
    ) -> Result<Vec<ListeningPort>, EnterError> {
        self.enter(access, Reason::Ports).await?.listening_ports().await.map_err(unavailable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_counted_by_desktop_and_given_back() {
        let places = PortPlaces::default();
        let (one, other) = (DesktopId::from_u128(1), DesktopId::from_u128(2));
        let mut held: Vec<_> = (0..MOST_CONNECTIONS).map(|_| places.take(one).unwrap()).collect();
        assert!(places.take(one).is_none());
        drop(places.take(other).unwrap());
        assert!(places.take(one).is_none(), "another's coming and going changes nothing");
        held.pop();
        let again = places.take(one);
        assert!(again.is_some() && places.take(one).is_none());
        drop((held, again));
        assert!(places.take(other).is_some());
        assert_eq!(places.0.lock().unwrap().len(), 1);
    }
}
