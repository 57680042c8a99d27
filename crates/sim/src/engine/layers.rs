//! Snapshots, and disks of several layers.

use std::time::Duration;

use async_trait::async_trait;
use rolltop_engine::{
    Capable, EngineError, Flattening, LayerUse, Layers, RevertRequest, SnapshotInfo, SnapshotRequest,
};
use rolltop_model::{DesktopId, SnapshotId};

use super::SimEngine;
use crate::faults::{Moment, Operation};
use crate::world::DISK_BYTES;

#[async_trait]
impl Layers for SimEngine {
    async fn snapshot(&self, request: &SnapshotRequest) -> Result<SnapshotInfo, EngineError> {
        self.shared.enter(Operation::Snapshot, self.shared.config.fork_time).await?;
        let faults = &self.shared.faults;
        let cut_short =
            faults.is_cut_short(Operation::Snapshot) || faults.is_met(Operation::Snapshot, Moment::Within);
        let outcome = {
            let mut state = self.shared.state();
            let info = state.world.snapshot(request, cut_short, self.memory().is_ok())?;
            if info.is_some()
                && let Some(disk) = state.guests.get(&request.desktop).map(|guest| guest.disk())
            {
                state.kept.entry(request.snapshot).or_insert(disk);
            }
            self.shared.save(&state);
            info.ok_or_else(|| EngineError::Host("cut short".into()))
        };
        faults.answer(Operation::Snapshot, Moment::Within).await;
        self.shared.leave(Operation::Snapshot, outcome).await
    }

    async fn revert(&self, request: &RevertRequest) -> Result<(), EngineError> {
        self.shared.enter(Operation::Revert, Duration::ZERO).await?;
        let outcome = {
            let mut state = self.shared.state();
            if state.world.revert(request)?
                && let Some(disk) = state.kept.get(&request.from.snapshot).cloned()
            {
                let guest = self.shared.guest(request.desktop, disk);
                state.guests.insert(request.desktop, guest);
            }
            self.shared.save(&state);
            Ok(())
        };
        self.shared.leave(Operation::Revert, outcome).await
    }

    async fn snapshots(&self) -> Result<Vec<SnapshotInfo>, EngineError> {
        self.shared.enter(Operation::Observe, Duration::ZERO).await?;
        Ok(self.shared.state().world.snapshots())
    }

    async fn remove_snapshot(&self, snapshot: SnapshotId) -> Result<u64, EngineError> {
        self.shared.enter(Operation::RemoveSnapshot, Duration::ZERO).await?;
        let outcome = {
            let mut state = self.shared.state();
            state.kept.remove(&snapshot);
            let freed = state.world.remove_snapshot(snapshot);
            self.shared.save(&state);
            Ok(freed)
        };
        self.shared.leave(Operation::RemoveSnapshot, outcome).await
    }

    async fn layer_uses(&self) -> Result<Vec<LayerUse>, EngineError> {
        self.shared.enter(Operation::Observe, Duration::ZERO).await?;
        let state = self.shared.state();
        let layers = state.world.layers().into_iter();
        Ok(layers.map(|layer| LayerUse { layer, bytes: DISK_BYTES + state.written(layer) }).collect())
    }

    async fn flatten(&self, desktop: DesktopId, fence: u64) -> Result<Flattening, EngineError> {
        self.shared.enter(Operation::Flatten, Duration::ZERO).await?;
        let outcome = {
            let mut state = self.shared.state();
            let flattening = state.world.flatten(desktop, fence)?;
            self.shared.save(&state);
            Ok(flattening)
        };
        self.shared.leave(Operation::Flatten, outcome).await
    }
}
