//! For engines that keep memories.

use std::time::Duration;

use rolltop_model::DesktopId;

use super::{Contract, key, own_layer, power};
use crate::{
    DiskLayer, Engine, EngineError, LayerKey, Memory, OffReason, Power, StartRequest, SuspendRequest,
};

impl Contract {
    /// All checks of [`Memory`].
    pub async fn check_memory(&self, engine: &dyn Engine, memory: &dyn Memory) {
        let desktop = DesktopId::generate();
        let unknown = Err(EngineError::UnknownDesktop);
        let resume = StartRequest { desktop, fence: 1, boot: 1, disk: vec![own_layer()] };
        assert_eq!(memory.resume(&resume).await, unknown);
        assert_eq!(memory.suspend(&SuspendRequest { desktop, fence: 1, key: key() }).await, unknown);
        self.check_suspend(engine, memory).await;
        self.check_memory_given_up(engine, memory).await;
    }

    /// Suspended and brought back, each of them twice, and then once more: a memory is used once.
    pub async fn check_suspend(&self, engine: &dyn Engine, memory: &dyn Memory) {
        let request = self.fork_request();
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        let suspend = SuspendRequest { desktop, fence: 1, key: request.disk.key.clone() };
        engine.release(desktop, 1).await.expect("a release");
        for boot in 1..3 {
            let suspended = Ok(Some((Power::Off { why: OffReason::Suspended }, boot)));
            for _ in 0..2 {
                assert_eq!(memory.suspend(&suspend).await, Ok(()));
                assert_eq!(power(engine, desktop).await, suspended, "it is off when suspend returns");
            }
            let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
            assert!(machine.memory_bytes == 0 && machine.disk_bytes > 0, "on disk only: {machine:?}");
            assert_eq!(engine.connect(desktop).await.map(|_| ()), Err(EngineError::NotRunning));
            assert_eq!(engine.release(desktop, 1).await, Err(EngineError::NotRunning));
            assert_eq!(engine.fork(&request).await, Ok(()), "a fork that was carried out long ago");
            assert_eq!(power(engine, desktop).await, suspended);

            let resume = StartRequest { desktop, fence: 1, boot: boot + 1, disk: vec![request.disk.clone()] };
            for _ in 0..2 {
                assert_eq!(memory.resume(&resume).await, Ok(()));
                let again = Ok(Some((Power::On { quarantined: true }, boot + 1)));
                assert_eq!(power(engine, desktop).await, again, "a resume begins in quarantine too");
            }
            self.banner(engine, desktop).await;
        }
        let late = StartRequest { desktop, fence: 1, boot: 3, disk: vec![request.disk.clone()] };
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        assert_eq!(memory.resume(&late).await, Ok(()), "a resume that was carried out long ago");
        let off = Ok(Some((Power::Off { why: OffReason::Asked }, 3)));
        assert_eq!(power(engine, desktop).await, off, "is not carried out again");
        let none = memory.resume(&StartRequest { boot: 4, ..late }).await;
        assert!(matches!(none, Err(EngineError::MemoryUnusable(_))), "nothing is kept: {none:?}");
        assert_eq!(power(engine, desktop).await, off);
        assert_eq!(memory.suspend(&suspend).await, Err(EngineError::NotRunning));
        engine.destroy(desktop, 1).await.expect("destroying");
    }

    /// With another key nothing comes back; a start boots the disk, a stop and a destroy give the memory up.
    pub async fn check_memory_given_up(&self, engine: &dyn Engine, memory: &dyn Memory) {
        let request = self.fork_request();
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        let suspend = SuspendRequest { desktop, fence: 1, key: request.disk.key.clone() };
        let start = StartRequest { desktop, fence: 1, boot: 2, disk: vec![request.disk.clone()] };
        memory.suspend(&suspend).await.expect("a suspension");
        let suspended = Ok(Some((Power::Off { why: OffReason::Suspended }, 1)));
        let foreign = DiskLayer { key: LayerKey::new([0xa5; 32]), ..request.disk.clone() };
        let foreign = StartRequest { disk: vec![foreign], ..start.clone() };
        let refused = memory.resume(&foreign).await;
        assert!(matches!(refused, Err(EngineError::MemoryUnusable(_))), "another key: {refused:?}");
        assert_eq!(power(engine, desktop).await, suspended, "and it is still there");

        assert_eq!(engine.stop(desktop, 1, self.grace).await, Ok(()));
        let off = Ok(Some((Power::Off { why: OffReason::Asked }, 1)));
        assert_eq!(power(engine, desktop).await, off, "a stop gives the memory up");

        assert_eq!(engine.start(&start).await, Ok(()));
        self.banner(engine, desktop).await;
        memory.suspend(&suspend).await.expect("a suspension of what was booted from its disk");
        let again = StartRequest { boot: 3, ..start };
        assert_eq!(engine.start(&again).await, Ok(()), "a start boots the disk");
        let booted = Ok(Some((Power::On { quarantined: true }, 3)));
        assert_eq!(power(engine, desktop).await, booted);
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let none = memory.resume(&StartRequest { boot: 4, ..again }).await;
        assert!(matches!(none, Err(EngineError::MemoryUnusable(_))), "the memory is given up: {none:?}");
        engine.destroy(desktop, 1).await.expect("destroying");
        assert_eq!(engine.observe_one(desktop).await, Ok(None));
    }
}
