//! For engines whose disks have layers.

use std::time::Duration;

use rolltop_model::{DesktopId, SnapshotId};
use tokio::time::Instant;

use super::{Contract, own_layer, power, snapshot_request};
use crate::{
    DiskLayer, Engine, EngineError, Flattening, ForkRequest, Known, Layers, Memory, OffReason, Origin, Power,
    RevertRequest, SnapshotRequest, StartRequest, SuspendRequest,
};

impl Contract {
    /// All checks of [`Layers`].
    pub async fn check_layers(&self, engine: &dyn Engine, layers: &dyn Layers) {
        self.check_snapshots(engine, layers).await;
        if let Ok(memory) = engine.memory() {
            self.check_snapshots_of_what_is_off(engine, memory, layers).await;
        }
        self.check_flatten(engine, layers).await;
    }

    /// A running machine is kept, goes on, and is the origin of others, which outlive it.
    pub async fn check_snapshots(&self, engine: &dyn Engine, layers: &dyn Layers) {
        let request = self.fork_request();
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        engine.release(desktop, 1).await.expect("a release");
        let snapshot = snapshot_request(&request.disk, desktop);
        let info = layers.snapshot(&snapshot).await.expect("a snapshot");
        let keeps_memory = engine.memory().is_ok();
        assert!(info.has_memory == keeps_memory && info.disk_bytes > 0, "{info:?}");
        assert_eq!(info.memory_bytes > 0, keeps_memory, "{info:?}");
        assert_eq!(info.layers, [request.disk.layer]);
        assert_eq!(layers.snapshot(&snapshot).await, Ok(info.clone()), "asked for again");
        assert_eq!(layers.snapshots().await, Ok(vec![info]));
        let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
        assert_eq!((machine.power, machine.boot), (Power::On { quarantined: false }, 1), "it goes on");
        assert_eq!(machine.layer, snapshot.next.layer, "on the next layer");
        self.banner(engine, desktop).await;
        let half = SnapshotRequest { snapshot: SnapshotId::generate(), ..snapshot.clone() };
        assert_eq!(layers.snapshot(&half).await, Err(EngineError::CutShort), "it writes there already");

        let origin = Origin { snapshot: snapshot.snapshot, disk: vec![request.disk.clone()] };
        let child = ForkRequest { from: Some(origin.clone()), ..self.fork_request() };
        for _ in 0..2 {
            assert_eq!(engine.fork(&child).await, Ok(()));
            let quarantined = Ok(Some((Power::On { quarantined: true }, 1)));
            assert_eq!(power(engine, child.desktop).await, quarantined);
        }
        self.banner(engine, child.desktop).await;

        // The origin goes; what was made from it does not notice.
        engine.destroy(desktop, 1).await.expect("destroying");
        assert!(layers.remove_snapshot(snapshot.snapshot).await.expect("removing") > 0, "it frees something");
        assert_eq!(layers.remove_snapshot(snapshot.snapshot).await, Ok(0), "and nothing the second time");
        assert_eq!(layers.snapshots().await, Ok(Vec::new()));
        let late = ForkRequest { from: Some(origin), ..self.fork_request() };
        assert_eq!(engine.fork(&late).await, Err(EngineError::UnknownSnapshot));
        assert_eq!(engine.observe_one(late.desktop).await, Ok(None));
        engine.stop(child.desktop, 1, self.grace).await.expect("a stop");
        let disk = vec![child.disk.clone(), request.disk.clone()];
        let start = StartRequest { desktop: child.desktop, fence: 1, boot: 2, disk };
        let other = StartRequest { disk: vec![child.disk.clone()], ..start.clone() };
        assert!(matches!(engine.start(&other).await, Err(EngineError::Host(_))), "not with half a disk");
        assert_eq!(engine.start(&start).await, Ok(()));
        self.banner(engine, child.desktop).await;
        engine.destroy(child.desktop, 1).await.expect("destroying");
        assert_eq!(
            engine.leftovers(&Known::default()).await,
            Ok(Vec::new()),
            "its layers went with the last"
        );
    }

    /// What is suspended or off is kept as that, and put back to it.
    async fn check_snapshots_of_what_is_off(
        &self,
        engine: &dyn Engine,
        memory: &dyn Memory,
        layers: &dyn Layers,
    ) {
        let request = self.fork_request();
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        let suspend = SuspendRequest { desktop, fence: 1, key: request.disk.key.clone() };
        memory.suspend(&suspend).await.expect("a suspension");
        let suspended = snapshot_request(&request.disk, desktop);
        let info = layers.snapshot(&suspended).await.expect("a snapshot of what is suspended");
        assert!(info.has_memory, "{info:?}");
        let disk = vec![suspended.next.clone(), request.disk.clone()];
        let resume = StartRequest { desktop, fence: 1, boot: 2, disk };
        assert_eq!(memory.resume(&resume).await, Ok(()), "it is still suspended, on one more layer");
        self.banner(engine, desktop).await;
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let off = snapshot_request(&suspended.next, desktop);
        let info = layers.snapshot(&off).await.expect("a snapshot of what is off");
        assert!(!info.has_memory && info.memory_bytes == 0, "{info:?}");
        assert_eq!(info.layers, [suspended.next.layer, request.disk.layer]);

        let origin = Origin { snapshot: suspended.snapshot, disk: vec![request.disk.clone()] };
        let back = RevertRequest { desktop, fence: 1, from: origin.clone(), next: own_layer() };
        for _ in 0..2 {
            assert_eq!(layers.revert(&back).await, Ok(()));
            let again = Ok(Some((Power::Off { why: OffReason::Suspended }, 2)));
            assert_eq!(power(engine, desktop).await, again, "back to when it was suspended");
        }
        let disk = vec![back.next.clone(), request.disk.clone()];
        memory.resume(&StartRequest { desktop, fence: 1, boot: 3, disk }).await.expect("a resume");
        self.banner(engine, desktop).await;
        let running = layers.revert(&RevertRequest { next: own_layer(), ..back }).await;
        assert!(matches!(running, Err(EngineError::Host(_))), "not while it runs: {running:?}");

        // The later one has a disk of its own, and no memory.
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let disk = vec![suspended.next.clone(), request.disk.clone()];
        let origin = Origin { snapshot: off.snapshot, disk };
        let back = RevertRequest { desktop, fence: 1, from: origin, next: own_layer() };
        layers.revert(&back).await.expect("a way back");
        assert_eq!(power(engine, desktop).await, Ok(Some((Power::Off { why: OffReason::Asked }, 3))));
        for snapshot in [suspended.snapshot, off.snapshot] {
            layers.remove_snapshot(snapshot).await.expect("removing");
        }
        engine.destroy(desktop, 1).await.expect("destroying");
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// A disk of three layers becomes one of one layer; the snapshots that have the others stay whole.
    pub async fn check_flatten(&self, engine: &dyn Engine, layers: &dyn Layers) {
        let request = self.fork_request();
        let desktop = request.desktop;
        assert_eq!(layers.flatten(desktop, 1).await, Err(EngineError::UnknownDesktop));
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        assert_eq!(layers.flatten(desktop, 1).await, Ok(Flattening::Flat), "one layer is flat");
        let first = snapshot_request(&request.disk, desktop);
        layers.snapshot(&first).await.expect("a snapshot");
        let second = snapshot_request(&first.next, desktop);
        layers.snapshot(&second).await.expect("a snapshot");
        // What is asked meanwhile ends it, and it is begun again.
        assert_eq!(layers.flatten(desktop, 1).await, Ok(Flattening::Copying));
        let third = snapshot_request(&second.next, desktop);
        let info = layers.snapshot(&third).await.expect("a snapshot in the middle");
        assert_eq!(info.layers.first(), Some(&second.next.layer));
        layers.remove_snapshot(second.snapshot).await.expect("removing");
        self.flat(layers, desktop).await;
        let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
        assert_eq!((machine.layer, machine.boot), (third.next.layer, 1), "it goes on, on the layer it has");
        self.banner(engine, desktop).await;

        engine.stop(desktop, 1, self.grace).await.expect("a stop");
        assert_eq!(layers.flatten(desktop, 1).await, Err(EngineError::NotRunning));
        let start = |boot, disk: &[&DiskLayer]| StartRequest {
            desktop,
            fence: 1,
            boot,
            disk: disk.iter().copied().cloned().collect(),
        };
        assert_eq!(engine.start(&start(2, &[&third.next])).await, Ok(()), "that layer is all of its disk");
        self.banner(engine, desktop).await;
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let before = start(3, &[&third.next, &second.next, &first.next, &request.disk]);
        assert_eq!(engine.start(&before).await, Ok(()), "whoever has not heard of it yet may start it too");
        self.banner(engine, desktop).await;

        let origin = Origin { snapshot: first.snapshot, disk: vec![request.disk.clone()] };
        let child = ForkRequest { from: Some(origin), ..self.fork_request() };
        engine.fork(&child).await.expect("a fork from a snapshot that has a layer of before");
        self.banner(engine, child.desktop).await;
        for desktop in [desktop, child.desktop] {
            engine.destroy(desktop, 1).await.expect("destroying");
        }
        for snapshot in [first.snapshot, third.snapshot] {
            assert!(layers.remove_snapshot(snapshot).await.expect("removing") > 0);
        }
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// Waits until a disk has one layer.
    async fn flat(&self, layers: &dyn Layers, desktop: DesktopId) {
        let deadline = Instant::now() + self.boot_limit;
        while layers.flatten(desktop, 1).await.expect("flattening") == Flattening::Copying {
            assert!(Instant::now() < deadline, "the layers are not copied");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
