//! How the door pool gets to a desktop: the engine's connection and the kept, pinned keys.

use std::sync::Arc;

use async_trait::async_trait;
use rolltop_door::{DoorSource, Entrance, EntranceError, HostKeyPolicy, Login};
use rolltop_engine::Engine;
use rolltop_model::DesktopId;
use rolltop_store::Store;

pub(crate) struct Credentials {
    pub(crate) store: Store,
    pub(crate) engine: Arc<dyn Engine>,
}

#[async_trait]
impl DoorSource for Credentials {
    async fn entrance(&self, desktop: DesktopId) -> Result<Entrance, EntranceError> {
        let identity = self.store.identity(desktop).await.map_err(|error| {
            tracing::error!(%desktop, %error, "a desktop's door key can't be had");
            EntranceError::Credentials(error.to_string())
        })?;
        // Without a pinned host key only the reconciler goes in, to personalise.
        let (key, host_key) = identity
            .and_then(|identity| Some((identity.door_key, identity.host_key?)))
            .ok_or(EntranceError::NotPersonalised)?;
        let stream = self.engine.connect(desktop).await?;
        Ok(Entrance { stream, login: Login::new(key, HostKeyPolicy::Pinned(host_key)) })
    }
}
