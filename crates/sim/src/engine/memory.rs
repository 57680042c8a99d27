//! Suspending and resuming.

use async_trait::async_trait;
use rolltop_engine::{EngineError, Memory, StartRequest, SuspendRequest};

use super::SimEngine;
use crate::faults::Operation;

#[async_trait]
impl Memory for SimEngine {
    async fn suspend(&self, request: &SuspendRequest) -> Result<(), EngineError> {
        self.shared.enter(Operation::Suspend, self.shared.config.fork_time).await?;
        if self.shared.faults.is_cut_short(Operation::Suspend) {
            return Err(EngineError::Host("cut short".into()));
        }
        let outcome = {
            let mut state = self.shared.state();
            let change = state.world.suspend(request)?;
            state.carry_out(request.desktop, change);
            self.shared.save(&state);
            Ok(())
        };
        self.shared.leave(Operation::Suspend, outcome).await
    }

    async fn resume(&self, request: &StartRequest) -> Result<(), EngineError> {
        self.shared.enter(Operation::Resume, self.shared.config.fork_time).await?;
        if self.shared.faults.is_cut_short(Operation::Resume) {
            return Err(EngineError::Host("cut short".into()));
        }
        let outcome = {
            let mut state = self.shared.state();
            let change = state.world.resume(request)?;
            state.carry_out(request.desktop, change);
            self.shared.save(&state);
            Ok(())
        };
        self.shared.leave(Operation::Resume, outcome).await
    }
}
