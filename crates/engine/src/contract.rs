//! What every engine has to do, as checks that run against any of them: the simulation, so
//! that tests may believe it, and the real one.
//!
//! One part is of what every engine can; each capability has another, which is run for an engine that has it. Each check
//! panics with a sentence if the engine breaks its word. They expect an engine that holds nothing, and leave it so.

use std::time::Duration;

use rolltop_model::{DesktopId, LayerId, Size, SnapshotId, TemplateVersion};
use secrecy::ExposeSecret;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::{
    DiskLayer, Engine, EngineError, ForkRequest, Known, Lacks, LayerKey, OffReason, Origin, Power,
    ResizeRequest, RevertRequest, SnapshotRequest, StartRequest, SuspendRequest, Work,
};

mod images;
mod layers;
mod memory;

/// What the checks are run with.
#[derive(Debug, Clone)]
pub struct Contract {
    /// A template the engine has.
    pub template: TemplateVersion,
    pub size: Size,
    /// How long a desktop may take until its sshd greets.
    pub boot_limit: Duration,
    /// How long a guest is given to shut down.
    pub grace: Duration,
}

impl Contract {
    /// All checks of what every engine can, and those of what this one has besides.
    pub async fn check(&self, engine: &dyn Engine) {
        self.check_templates(engine).await;
        self.check_unknown_desktops(engine).await;
        self.check_life(engine).await;
        self.check_resize(engine).await;
        self.check_fences(engine).await;
        self.check_leftovers(engine).await;
        if let Ok(memory) = engine.memory() {
            self.check_memory(engine, memory).await;
        }
        match engine.layers() {
            Ok(layers) => self.check_layers(engine, layers).await,
            Err(lacks) => self.check_no_snapshots(engine, lacks).await,
        }
        if let Ok(images) = engine.images() {
            self.check_images(engine, images).await;
        }
        assert_eq!(engine.observe().await, Ok(Vec::new()), "nothing is left at the end");
    }

    /// What is listed can be entered; what is not is unknown.
    pub async fn check_templates(&self, engine: &dyn Engine) {
        let templates = engine.templates().await.expect("templates are listed");
        assert!(templates.iter().any(|template| template.version == self.template), "the template is listed");
        let bootstrap = engine.bootstrap(&self.template).await.expect("a template can be entered");
        assert!(bootstrap.private_key.expose_secret().contains("OPENSSH PRIVATE KEY"), "an OpenSSH key");
        assert!(bootstrap.host_key.starts_with("ssh-ed25519 "), "the template's host key");
        let unknown = TemplateVersion::new("absent", "000000000000").expect("a version");
        let absent = Err(EngineError::UnknownTemplate(unknown.to_string()));
        assert_eq!(engine.bootstrap(&unknown).await.map(|_| ()), absent);
        let request = ForkRequest { template: unknown, ..self.fork_request() };
        assert_eq!(engine.fork(&request).await, absent, "nothing is forked from nothing");
        assert_eq!(engine.observe_one(request.desktop).await, Ok(None), "and nothing remains of it");
    }

    /// Asking about what does not exist says so; removing it succeeds.
    pub async fn check_unknown_desktops(&self, engine: &dyn Engine) {
        let desktop = DesktopId::generate();
        let unknown = Err(EngineError::UnknownDesktop);
        assert_eq!(engine.observe_one(desktop).await, Ok(None));
        assert_eq!(engine.connect(desktop).await.map(|_| ()), unknown);
        assert_eq!(engine.console_tail(desktop, 100).await.map(|_| ()), unknown);
        assert_eq!(engine.release(desktop, 1).await, unknown);
        assert_eq!(engine.stop(desktop, 1, Duration::ZERO).await, unknown);
        let start = StartRequest { desktop, fence: 1, boot: 1, disk: vec![own_layer()] };
        assert_eq!(engine.start(&start).await, unknown);
        let receipt = engine.destroy(desktop, 1).await.expect("what is not there is already removed");
        assert!(receipt.removed.is_empty() && receipt.bytes == 0, "and nothing was: {receipt:?}");
        assert_eq!(engine.observe().await, Ok(Vec::new()), "asking makes nothing");
    }

    /// Fork, release, stop, start, destroy, each of them twice.
    pub async fn check_life(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        let desktop = request.desktop;
        let quarantined = Ok(Some((Power::On { quarantined: true }, 1)));
        engine.fork(&request).await.expect("a fork");
        assert_eq!(power(engine, desktop).await, quarantined, "a fork runs in quarantine");
        self.banner(engine, desktop).await;
        engine.fork(&request).await.expect("a fork, asked for again");
        assert_eq!(power(engine, desktop).await, quarantined);
        let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
        assert!(machine.memory_bytes > 0 && machine.disk_bytes > 0, "it takes something: {machine:?}");
        assert!(machine.work.cpu_ms > 0, "and has worked: {machine:?}");
        assert_eq!(engine.observe().await.expect("observing").len(), 1);

        for _ in 0..2 {
            assert_eq!(engine.release(desktop, 1).await, Ok(()));
            assert_eq!(power(engine, desktop).await, Ok(Some((Power::On { quarantined: false }, 1))));
        }
        let off = Ok(Some((Power::Off { why: OffReason::Asked }, 1)));
        for _ in 0..2 {
            assert_eq!(engine.stop(desktop, 1, self.grace).await, Ok(()));
            assert_eq!(power(engine, desktop).await, off, "it is off when stop returns");
        }
        assert_eq!(engine.connect(desktop).await.map(|_| ()), Err(EngineError::NotRunning));
        assert_eq!(engine.release(desktop, 1).await, Err(EngineError::NotRunning));
        assert_eq!(engine.fork(&request).await, Ok(()), "a fork that was carried out long ago");
        assert_eq!(power(engine, desktop).await, off, "is not carried out again");
        let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
        assert_eq!(machine.memory_bytes, 0, "what is off takes no memory");
        assert_eq!(machine.work, Work::default(), "and does nothing");
        assert!(engine.console_tail(desktop, 4000).await.is_ok_and(|text| text.len() <= 4000));

        let start = StartRequest { desktop, fence: 1, boot: 2, disk: vec![request.disk.clone()] };
        for _ in 0..2 {
            assert_eq!(engine.start(&start).await, Ok(()));
            let again = Ok(Some((Power::On { quarantined: true }, 2)));
            assert_eq!(power(engine, desktop).await, again, "a start begins in quarantine too");
        }
        self.banner(engine, desktop).await;
        let receipt = engine.destroy(desktop, 1).await.expect("destroying");
        assert!(!receipt.removed.is_empty(), "a receipt says what was removed");
        assert_eq!(engine.observe_one(desktop).await, Ok(None));
        let receipt = engine.destroy(desktop, 1).await.expect("destroying again");
        assert!(receipt.removed.is_empty(), "nothing was left for the second time: {receipt:?}");
    }

    /// A disk grows at once; processors and memory change at the next boot, not by a resume, and a snapshot brings back
    /// those of its time.
    pub async fn check_resize(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        let desktop = request.desktop;
        let other = if self.size == Size::M { Size::S } else { Size::M };
        let larger = self.size.disk_gib() + 30;
        let resize = |size, disk_gib| ResizeRequest { desktop, fence: 1, size, disk_gib };
        assert_eq!(engine.resize(&resize(other, larger)).await, Err(EngineError::UnknownDesktop));
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        let sizes = async || {
            let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
            (machine.size, machine.disk_gib)
        };
        assert_eq!(sizes().await, (self.size, self.size.disk_gib()));
        for _ in 0..2 {
            assert_eq!(engine.resize(&resize(other, larger)).await, Ok(()));
            assert_eq!(sizes().await, (self.size, larger), "its disk at once, the rest later");
        }
        let shrunk = engine.resize(&resize(other, larger - 1)).await;
        assert!(matches!(shrunk, Err(EngineError::Host(_))), "disks do not shrink: {shrunk:?}");
        let kept = snapshot_request(&request.disk, desktop);
        let mut disk = vec![request.disk.clone()];
        if let Ok(layers) = engine.layers() {
            let info = layers.snapshot(&kept).await.expect("a snapshot");
            assert_eq!((info.size, info.disk_gib), (self.size, larger));
            disk.insert(0, kept.next.clone());
        }

        engine.stop(desktop, 1, self.grace).await.expect("a stop");
        let start = StartRequest { desktop, fence: 1, boot: 2, disk };
        assert_eq!(engine.start(&start).await, Ok(()));
        assert_eq!(sizes().await, (other, larger), "now it has all of it");
        self.banner(engine, desktop).await;
        let larger = larger + 10;
        if let Ok(memory) = engine.memory() {
            let key = start.disk.first().map(|layer| layer.key.clone()).expect("a layer");
            memory.suspend(&SuspendRequest { desktop, fence: 1, key }).await.expect("a suspension");
            assert_eq!(engine.resize(&resize(other, larger)).await, Ok(()), "also while it is suspended");
            assert_eq!(memory.resume(&StartRequest { boot: 3, ..start }).await, Ok(()));
            assert_eq!(sizes().await, (other, larger));
            self.banner(engine, desktop).await;
            engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        } else {
            engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
            assert_eq!(engine.resize(&resize(other, larger)).await, Ok(()), "also while it is off");
        }

        if let Ok(layers) = engine.layers() {
            let from = Origin { snapshot: kept.snapshot, disk: vec![request.disk.clone()] };
            let back = RevertRequest { desktop, fence: 1, from, next: own_layer() };
            layers.revert(&back).await.expect("a way back");
            assert_eq!(sizes().await, (self.size, larger), "its memory is of that size");
            let disk = vec![back.next.clone(), request.disk.clone()];
            let again = StartRequest { desktop, fence: 1, boot: 4, disk };
            let runs = match engine.memory() {
                Ok(memory) => memory.resume(&again).await,
                Err(_) => engine.start(&again).await,
            };
            assert_eq!(runs, Ok(()));
            self.banner(engine, desktop).await;
        }
        engine.destroy(desktop, 1).await.expect("destroying");
        if let Ok(layers) = engine.layers() {
            layers.remove_snapshot(kept.snapshot).await.expect("removing");
        }
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// A lower fence is refused, a machine's end notwithstanding.
    pub async fn check_fences(&self, engine: &dyn Engine) {
        let request = ForkRequest { fence: 5, ..self.fork_request() };
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        let late = ForkRequest { fence: 4, ..request.clone() };
        let refused = Err(EngineError::Fenced);
        assert_eq!(engine.fork(&late).await, refused);
        assert_eq!(engine.release(desktop, 4).await, refused);
        assert_eq!(engine.stop(desktop, 4, Duration::ZERO).await, refused);
        assert_eq!(engine.destroy(desktop, 4).await.map(|_| ()), refused);
        let start = StartRequest { desktop, fence: 4, boot: 2, disk: vec![request.disk.clone()] };
        assert_eq!(engine.start(&start).await, refused);
        if let Ok(memory) = engine.memory() {
            assert_eq!(memory.resume(&start).await, refused);
            let suspend = SuspendRequest { desktop, fence: 4, key: request.disk.key.clone() };
            assert_eq!(memory.suspend(&suspend).await, refused);
        }
        let larger = ResizeRequest { desktop, fence: 4, size: self.size, disk_gib: 999 };
        assert_eq!(engine.resize(&larger).await, refused);
        if let Ok(layers) = engine.layers() {
            assert_eq!(layers.flatten(desktop, 4).await, Err(EngineError::Fenced));
        }
        assert_eq!(power(engine, desktop).await, Ok(Some((Power::On { quarantined: true }, 1))));
        assert_eq!(engine.release(desktop, 7).await, Ok(()), "a higher one is taken");
        assert_eq!(engine.release(desktop, 5).await, refused, "and remembered");
        engine.destroy(desktop, 8).await.expect("destroying");
        assert_eq!(engine.fork(&request).await, refused, "what was destroyed is not brought back");
        assert_eq!(engine.observe_one(desktop).await, Ok(None));
    }

    /// What is unknown to the caller is a leftover, and sweeping takes it away.
    pub async fn check_leftovers(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        engine.fork(&request).await.expect("a fork");
        let mut all = Known { desktops: vec![request.desktop], snapshots: Vec::new() };
        if let Ok(layers) = engine.layers() {
            let snapshot = snapshot_request(&request.disk, request.desktop);
            layers.snapshot(&snapshot).await.expect("a snapshot");
            all.snapshots.push(snapshot.snapshot);
        }
        assert_eq!(engine.leftovers(&all).await, Ok(Vec::new()), "all of it is known");
        assert_eq!(engine.sweep(&all).await, Ok(Vec::new()));
        assert!(matches!(power(engine, request.desktop).await, Ok(Some((Power::On { .. }, _)))));

        let found = engine.leftovers(&Known::default()).await.expect("leftovers");
        let names: Vec<&str> = found.iter().map(|leftover| leftover.name.as_str()).collect();
        let snapshots = all.snapshots.iter().map(ToString::to_string);
        for name in snapshots.chain([request.desktop.to_string()]) {
            assert!(names.contains(&name.as_str()), "{name} is among {found:?}");
        }
        assert_eq!(engine.sweep(&Known::default()).await, Ok(found));
        assert_eq!(engine.observe_one(request.desktop).await, Ok(None));
        if let Ok(layers) = engine.layers() {
            assert_eq!(layers.snapshots().await, Ok(Vec::new()));
        }
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// An engine without layers forks no snapshots, and says so.
    async fn check_no_snapshots(&self, engine: &dyn Engine, lacks: Lacks) {
        let origin = Origin { snapshot: SnapshotId::generate(), disk: vec![own_layer()] };
        let request = ForkRequest { from: Some(origin), ..self.fork_request() };
        assert_eq!(engine.fork(&request).await, Err(EngineError::Lacks(lacks)));
        assert_eq!(engine.observe_one(request.desktop).await, Ok(None), "and nothing remains of it");
    }

    fn fork_request(&self) -> ForkRequest {
        ForkRequest {
            desktop: DesktopId::generate(),
            fence: 1,
            boot: 1,
            template: self.template.clone(),
            size: self.size,
            disk: own_layer(),
            from: None,
        }
    }

    /// Waits until the desktop's sshd has greeted.
    async fn banner(&self, engine: &dyn Engine, desktop: DesktopId) {
        let deadline = Instant::now() + self.boot_limit;
        let mut greeting = [0; 8];
        loop {
            if let Ok(mut stream) = engine.connect(desktop).await {
                let reading = tokio::time::timeout(Duration::from_secs(20), stream.read_exact(&mut greeting));
                if matches!(reading.await, Ok(Ok(_))) {
                    break;
                }
            }
            assert!(Instant::now() < deadline, "the door did not open");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(&greeting, b"SSH-2.0-", "behind the door is an sshd");
    }
}

fn own_layer() -> DiskLayer {
    DiskLayer { layer: LayerId::generate(), key: key() }
}

fn snapshot_request(disk: &DiskLayer, desktop: DesktopId) -> SnapshotRequest {
    let (snapshot, next) = (SnapshotId::generate(), own_layer());
    SnapshotRequest { desktop, fence: 1, snapshot, key: disk.key.clone(), next }
}

/// A key like any other; its value does not matter, only that it stays the same.
fn key() -> LayerKey {
    LayerKey::new([0x5a; 32])
}

/// Power and boot count, as an observer sees them.
async fn power(engine: &dyn Engine, desktop: DesktopId) -> Result<Option<(Power, u32)>, EngineError> {
    Ok(engine.observe_one(desktop).await?.map(|machine| (machine.power, machine.boot)))
}
