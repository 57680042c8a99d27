//! What every engine has to do, as checks that run against any of them: the simulation, so
//! that tests may believe it, and the real one.
//!
//! Each check panics with a sentence if the engine breaks its word. They expect an engine that
//! holds nothing, and leave it so.

use std::time::Duration;

use rolltop_model::{DesktopId, LayerId, Size, SnapshotId, TemplateVersion};
use secrecy::ExposeSecret;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::image::{ExportRequest, Frame, ImportRequest};
use crate::{
    DiskLayer, Engine, EngineError, Flattening, ForkRequest, Known, LayerKey, OffReason, Origin, Power,
    ResizeRequest, RevertRequest, SaveTemplateRequest, SnapshotRequest, StartRequest, SuspendRequest, Work,
};

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
    /// All checks.
    pub async fn check(&self, engine: &dyn Engine) {
        self.check_templates(engine).await;
        self.check_unknown_desktops(engine).await;
        self.check_life(engine).await;
        self.check_suspend(engine).await;
        self.check_memory_given_up(engine).await;
        self.check_snapshots(engine).await;
        self.check_snapshots_of_what_is_off(engine).await;
        self.check_flatten(engine).await;
        self.check_resize(engine).await;
        self.check_saved_templates(engine).await;
        self.check_images(engine).await;
        self.check_fences(engine).await;
        self.check_leftovers(engine).await;
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
        assert_eq!(engine.resume(&start).await, unknown);
        assert_eq!(engine.suspend(&SuspendRequest { desktop, fence: 1, key: key() }).await, unknown);
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

    /// Suspended and brought back, each of them twice, and then once more: a memory is used once.
    pub async fn check_suspend(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        let suspend = SuspendRequest { desktop, fence: 1, key: request.disk.key.clone() };
        engine.release(desktop, 1).await.expect("a release");
        for boot in 1..3 {
            let suspended = Ok(Some((Power::Off { why: OffReason::Suspended }, boot)));
            for _ in 0..2 {
                assert_eq!(engine.suspend(&suspend).await, Ok(()));
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
                assert_eq!(engine.resume(&resume).await, Ok(()));
                let again = Ok(Some((Power::On { quarantined: true }, boot + 1)));
                assert_eq!(power(engine, desktop).await, again, "a resume begins in quarantine too");
            }
            self.banner(engine, desktop).await;
        }
        let late = StartRequest { desktop, fence: 1, boot: 3, disk: vec![request.disk.clone()] };
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        assert_eq!(engine.resume(&late).await, Ok(()), "a resume that was carried out long ago");
        let off = Ok(Some((Power::Off { why: OffReason::Asked }, 3)));
        assert_eq!(power(engine, desktop).await, off, "is not carried out again");
        let none = engine.resume(&StartRequest { boot: 4, ..late }).await;
        assert!(matches!(none, Err(EngineError::MemoryUnusable(_))), "nothing is kept: {none:?}");
        assert_eq!(power(engine, desktop).await, off);
        assert_eq!(engine.suspend(&suspend).await, Err(EngineError::NotRunning));
        engine.destroy(desktop, 1).await.expect("destroying");
    }

    /// With another key nothing comes back; a start boots the disk, a stop and a destroy give the memory up.
    pub async fn check_memory_given_up(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        let suspend = SuspendRequest { desktop, fence: 1, key: request.disk.key.clone() };
        let start = StartRequest { desktop, fence: 1, boot: 2, disk: vec![request.disk.clone()] };
        engine.suspend(&suspend).await.expect("a suspension");
        let suspended = Ok(Some((Power::Off { why: OffReason::Suspended }, 1)));
        let foreign = DiskLayer { key: LayerKey::new([0xa5; 32]), ..request.disk.clone() };
        let foreign = StartRequest { disk: vec![foreign], ..start.clone() };
        let refused = engine.resume(&foreign).await;
        assert!(matches!(refused, Err(EngineError::MemoryUnusable(_))), "another key: {refused:?}");
        assert_eq!(power(engine, desktop).await, suspended, "and it is still there");

        assert_eq!(engine.stop(desktop, 1, self.grace).await, Ok(()));
        let off = Ok(Some((Power::Off { why: OffReason::Asked }, 1)));
        assert_eq!(power(engine, desktop).await, off, "a stop gives the memory up");

        assert_eq!(engine.start(&start).await, Ok(()));
        self.banner(engine, desktop).await;
        engine.suspend(&suspend).await.expect("a suspension of what was booted from its disk");
        let again = StartRequest { boot: 3, ..start };
        assert_eq!(engine.start(&again).await, Ok(()), "a start boots the disk");
        let booted = Ok(Some((Power::On { quarantined: true }, 3)));
        assert_eq!(power(engine, desktop).await, booted);
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let none = engine.resume(&StartRequest { boot: 4, ..again }).await;
        assert!(matches!(none, Err(EngineError::MemoryUnusable(_))), "the memory is given up: {none:?}");
        engine.destroy(desktop, 1).await.expect("destroying");
        assert_eq!(engine.observe_one(desktop).await, Ok(None));
    }

    /// A running machine is kept, goes on, and is the origin of others, which outlive it.
    pub async fn check_snapshots(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        engine.release(desktop, 1).await.expect("a release");
        let snapshot = snapshot_request(&request.disk, desktop);
        let info = engine.snapshot(&snapshot).await.expect("a snapshot");
        assert!(info.has_memory && info.memory_bytes > 0 && info.disk_bytes > 0, "{info:?}");
        assert_eq!(info.layers, [request.disk.layer]);
        assert_eq!(engine.snapshot(&snapshot).await, Ok(info.clone()), "asked for again");
        assert_eq!(engine.snapshots().await, Ok(vec![info]));
        let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
        assert_eq!((machine.power, machine.boot), (Power::On { quarantined: false }, 1), "it goes on");
        assert_eq!(machine.layer, snapshot.next.layer, "on the next layer");
        self.banner(engine, desktop).await;
        let half = SnapshotRequest { snapshot: SnapshotId::generate(), ..snapshot.clone() };
        assert_eq!(engine.snapshot(&half).await, Err(EngineError::CutShort), "it writes there already");

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
        assert!(engine.remove_snapshot(snapshot.snapshot).await.expect("removing") > 0, "it frees something");
        assert_eq!(engine.remove_snapshot(snapshot.snapshot).await, Ok(0), "and nothing the second time");
        assert_eq!(engine.snapshots().await, Ok(Vec::new()));
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
    pub async fn check_snapshots_of_what_is_off(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        let suspend = SuspendRequest { desktop, fence: 1, key: request.disk.key.clone() };
        engine.suspend(&suspend).await.expect("a suspension");
        let suspended = snapshot_request(&request.disk, desktop);
        let info = engine.snapshot(&suspended).await.expect("a snapshot of what is suspended");
        assert!(info.has_memory, "{info:?}");
        let disk = vec![suspended.next.clone(), request.disk.clone()];
        let resume = StartRequest { desktop, fence: 1, boot: 2, disk };
        assert_eq!(engine.resume(&resume).await, Ok(()), "it is still suspended, on one more layer");
        self.banner(engine, desktop).await;
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let off = snapshot_request(&suspended.next, desktop);
        let info = engine.snapshot(&off).await.expect("a snapshot of what is off");
        assert!(!info.has_memory && info.memory_bytes == 0, "{info:?}");
        assert_eq!(info.layers, [suspended.next.layer, request.disk.layer]);

        let origin = Origin { snapshot: suspended.snapshot, disk: vec![request.disk.clone()] };
        let back = RevertRequest { desktop, fence: 1, from: origin.clone(), next: own_layer() };
        for _ in 0..2 {
            assert_eq!(engine.revert(&back).await, Ok(()));
            let again = Ok(Some((Power::Off { why: OffReason::Suspended }, 2)));
            assert_eq!(power(engine, desktop).await, again, "back to when it was suspended");
        }
        let disk = vec![back.next.clone(), request.disk.clone()];
        engine.resume(&StartRequest { desktop, fence: 1, boot: 3, disk }).await.expect("a resume");
        self.banner(engine, desktop).await;
        let running = engine.revert(&RevertRequest { next: own_layer(), ..back }).await;
        assert!(matches!(running, Err(EngineError::Host(_))), "not while it runs: {running:?}");

        // The later one has a disk of its own, and no memory.
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let disk = vec![suspended.next.clone(), request.disk.clone()];
        let origin = Origin { snapshot: off.snapshot, disk };
        let back = RevertRequest { desktop, fence: 1, from: origin, next: own_layer() };
        engine.revert(&back).await.expect("a way back");
        assert_eq!(power(engine, desktop).await, Ok(Some((Power::Off { why: OffReason::Asked }, 3))));
        for snapshot in [suspended.snapshot, off.snapshot] {
            engine.remove_snapshot(snapshot).await.expect("removing");
        }
        engine.destroy(desktop, 1).await.expect("destroying");
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// A disk of three layers becomes one of one layer; the snapshots that have the others stay whole.
    pub async fn check_flatten(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        let desktop = request.desktop;
        assert_eq!(engine.flatten(desktop, 1).await, Err(EngineError::UnknownDesktop));
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        assert_eq!(engine.flatten(desktop, 1).await, Ok(Flattening::Flat), "one layer is flat");
        let first = snapshot_request(&request.disk, desktop);
        engine.snapshot(&first).await.expect("a snapshot");
        let second = snapshot_request(&first.next, desktop);
        engine.snapshot(&second).await.expect("a snapshot");
        // What is asked meanwhile ends it, and it is begun again.
        assert_eq!(engine.flatten(desktop, 1).await, Ok(Flattening::Copying));
        let third = snapshot_request(&second.next, desktop);
        let info = engine.snapshot(&third).await.expect("a snapshot in the middle");
        assert_eq!(info.layers.first(), Some(&second.next.layer));
        engine.remove_snapshot(second.snapshot).await.expect("removing");
        self.flat(engine, desktop).await;
        let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
        assert_eq!((machine.layer, machine.boot), (third.next.layer, 1), "it goes on, on the layer it has");
        self.banner(engine, desktop).await;

        engine.stop(desktop, 1, self.grace).await.expect("a stop");
        assert_eq!(engine.flatten(desktop, 1).await, Err(EngineError::NotRunning));
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
            assert!(engine.remove_snapshot(snapshot).await.expect("removing") > 0);
        }
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// A disk grows at once; processors and memory change at the next boot, and a snapshot brings back those of its time.
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
        let info = engine.snapshot(&kept).await.expect("a snapshot");
        assert_eq!((info.size, info.disk_gib), (self.size, larger));

        engine.stop(desktop, 1, self.grace).await.expect("a stop");
        let disk = vec![kept.next.clone(), request.disk.clone()];
        let start = StartRequest { desktop, fence: 1, boot: 2, disk };
        assert_eq!(engine.start(&start).await, Ok(()));
        assert_eq!(sizes().await, (other, larger), "now it has all of it");
        self.banner(engine, desktop).await;
        let suspend = SuspendRequest { desktop, fence: 1, key: kept.next.key.clone() };
        engine.suspend(&suspend).await.expect("a suspension");
        assert_eq!(engine.resize(&resize(other, larger + 10)).await, Ok(()), "also while it is suspended");
        assert_eq!(engine.resume(&StartRequest { boot: 3, ..start }).await, Ok(()));
        assert_eq!(sizes().await, (other, larger + 10));
        self.banner(engine, desktop).await;

        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let from = Origin { snapshot: kept.snapshot, disk: vec![request.disk.clone()] };
        let back = RevertRequest { desktop, fence: 1, from, next: own_layer() };
        engine.revert(&back).await.expect("a way back");
        assert_eq!(sizes().await, (self.size, larger + 10), "its memory is of that size");
        let resume =
            StartRequest { desktop, fence: 1, boot: 4, disk: vec![back.next.clone(), request.disk.clone()] };
        assert_eq!(engine.resume(&resume).await, Ok(()));
        self.banner(engine, desktop).await;
        engine.destroy(desktop, 1).await.expect("destroying");
        engine.remove_snapshot(kept.snapshot).await.expect("removing");
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// A running machine becomes a template, which desktops are made of as of any.
    pub async fn check_saved_templates(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        let desktop = request.desktop;
        let version = TemplateVersion::new("saved", "0123456789ab").expect("a version");
        let bootstrap = engine.bootstrap(&self.template).await.expect("a way in");
        let (title, description) = ("Saved".to_owned(), "Made of a desktop.".to_owned());
        let save = SaveTemplateRequest {
            desktop,
            fence: 1,
            version: version.clone(),
            title,
            description,
            bootstrap,
        };
        assert_eq!(engine.save_template(&save).await, Err(EngineError::UnknownDesktop));
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        for _ in 0..2 {
            assert_eq!(engine.save_template(&save).await, Ok(()));
        }
        self.banner(engine, desktop).await;
        let templates = engine.templates().await.expect("templates");
        let info = templates.iter().find(|template| template.version == version).expect("it is listed");
        assert_eq!((info.title.as_str(), info.disk_gib), ("Saved", self.size.disk_gib()));
        let way_in = engine.bootstrap(&version).await.expect("a way in");
        assert_eq!(way_in.host_key, save.bootstrap.host_key);
        engine.stop(desktop, 1, Duration::ZERO).await.expect("a stop");
        let other = SaveTemplateRequest {
            version: TemplateVersion::new("other", "0123456789ab").expect("one"),
            ..save
        };
        assert_eq!(engine.save_template(&other).await, Err(EngineError::NotRunning));
        engine.destroy(desktop, 1).await.expect("destroying");

        let request = ForkRequest { template: version.clone(), ..self.fork_request() };
        engine.fork(&request).await.expect("a fork of what was saved");
        self.banner(engine, request.desktop).await;
        let needed = engine.remove_template(&version).await;
        assert!(matches!(needed, Err(EngineError::Host(_))), "it is needed: {needed:?}");
        engine.destroy(request.desktop, 1).await.expect("destroying");
        for _ in 0..2 {
            assert_eq!(engine.remove_template(&version).await, Ok(()));
        }
        let templates = engine.templates().await.expect("templates");
        assert!(templates.iter().all(|template| template.version != version), "it is gone");
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// A snapshot's disk goes out as a stream, and comes back under other keys and boots. What breaks off leaves nothing.
    pub async fn check_images(&self, engine: &dyn Engine) {
        let request = self.fork_request();
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, request.desktop).await;
        let snapshot = snapshot_request(&request.disk, request.desktop);
        engine.snapshot(&snapshot).await.expect("a snapshot");
        let from = Origin { snapshot: snapshot.snapshot, disk: vec![request.disk.clone()] };
        let mut stream =
            engine.export(&ExportRequest { template: self.template.clone(), from }).await.expect("an export");
        let mut frames = Vec::new();
        loop {
            match Frame::read(&mut stream).await.expect("a frame") {
                Frame::End => break,
                frame => frames.push(frame),
            }
        }
        let about = match frames.first() {
            Some(Frame::About(about)) => Some(about.clone()),
            _ => None,
        };
        let about = about.expect("what it is comes first");
        assert_eq!(about.disk_gib, self.size.disk_gib());
        assert!(frames.iter().any(|frame| matches!(frame, Frame::Disk(..))));
        engine.destroy(request.desktop, 1).await.expect("destroying");
        engine.remove_snapshot(snapshot.snapshot).await.expect("removing");
        let unknown = Origin { snapshot: snapshot.snapshot, disk: vec![request.disk] };
        let unknown = ExportRequest { template: self.template.clone(), from: unknown };
        assert!(engine.export(&unknown).await.is_err(), "what is gone can't be read");

        let import = ImportRequest {
            snapshot: SnapshotId::generate(),
            disk: own_layer(),
            size: self.size,
            disk_gib: about.disk_gib,
        };
        let mut broken = engine.import(&import).await.expect("an import");
        for frame in frames.iter().take(4) {
            frame.clone().write(&mut broken).await.expect("a frame is taken");
        }
        drop(broken);
        let deadline = Instant::now() + self.boot_limit;
        while engine.leftovers(&Known::default()).await != Ok(Vec::new()) {
            assert!(Instant::now() < deadline, "something of it is left");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(engine.snapshots().await, Ok(Vec::new()), "what breaks off is nothing");

        let import = ImportRequest { snapshot: SnapshotId::generate(), disk: own_layer(), ..import };
        let mut stream = engine.import(&import).await.expect("an import");
        for frame in frames {
            frame.write(&mut stream).await.expect("a frame is taken");
        }
        Frame::End.write(&mut stream).await.expect("the end is taken");
        let answer = Frame::read(&mut stream).await.expect("an answer");
        let template = match answer {
            Frame::Taken(template) => Ok(template),
            other => Err(other),
        };
        let template = template.expect("it is taken in");
        let kept = engine.snapshots().await.expect("snapshots");
        assert_eq!(
            kept.iter().map(|kept| (kept.snapshot, kept.has_memory)).collect::<Vec<_>>(),
            [(import.snapshot, false)]
        );
        let offered = engine.templates().await.expect("templates");
        assert!(offered.iter().all(|info| info.version != template), "what only boots it is not offered");
        let from = Origin { snapshot: import.snapshot, disk: vec![import.disk] };
        let again = ForkRequest { template, from: Some(from), ..self.fork_request() };
        engine.fork(&again).await.expect("a fork of what came back");
        self.banner(engine, again.desktop).await;
        engine.destroy(again.desktop, 1).await.expect("destroying");
        engine.remove_snapshot(import.snapshot).await.expect("removing");
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// Waits until a disk has one layer.
    async fn flat(&self, engine: &dyn Engine, desktop: DesktopId) {
        let deadline = Instant::now() + self.boot_limit;
        while engine.flatten(desktop, 1).await.expect("flattening") == Flattening::Copying {
            assert!(Instant::now() < deadline, "the layers are not copied");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
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
        assert_eq!(engine.resume(&start).await, refused);
        let suspend = SuspendRequest { desktop, fence: 4, key: request.disk.key.clone() };
        assert_eq!(engine.suspend(&suspend).await, refused);
        let larger = ResizeRequest { desktop, fence: 4, size: self.size, disk_gib: 999 };
        assert_eq!(engine.resize(&larger).await, refused);
        assert_eq!(engine.flatten(desktop, 4).await, Err(EngineError::Fenced));
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
        let snapshot = snapshot_request(&request.disk, request.desktop);
        engine.snapshot(&snapshot).await.expect("a snapshot");
        let all = Known { desktops: vec![request.desktop], snapshots: vec![snapshot.snapshot] };
        assert_eq!(engine.leftovers(&all).await, Ok(Vec::new()), "all of it is known");
        assert_eq!(engine.sweep(&all).await, Ok(Vec::new()));
        assert!(matches!(power(engine, request.desktop).await, Ok(Some((Power::On { .. }, _)))));

        let found = engine.leftovers(&Known::default()).await.expect("leftovers");
        let names: Vec<&str> = found.iter().map(|leftover| leftover.name.as_str()).collect();
        for name in [request.desktop.to_string(), snapshot.snapshot.to_string()] {
            assert!(names.contains(&name.as_str()), "{name} is among {found:?}");
        }
        assert_eq!(engine.sweep(&Known::default()).await, Ok(found));
        assert_eq!(engine.observe_one(request.desktop).await, Ok(None));
        assert_eq!(engine.snapshots().await, Ok(Vec::new()));
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
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
