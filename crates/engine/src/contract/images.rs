//! For engines whose disks go out and come in.

use std::time::Duration;

use rolltop_model::{SnapshotId, TemplateVersion};
use tokio::time::Instant;

use super::{Contract, own_layer, snapshot_request};
use crate::image::{ExportRequest, Frame, ImportRequest};
use crate::{Engine, EngineError, ForkRequest, Images, Known, Origin, SaveTemplateRequest};

impl Contract {
    /// All checks of [`Images`].
    pub async fn check_images(&self, engine: &dyn Engine, images: &dyn Images) {
        self.check_saved_templates(engine, images).await;
        self.check_streams(engine, images).await;
    }

    /// A running machine becomes a template, which desktops are made of as of any.
    pub async fn check_saved_templates(&self, engine: &dyn Engine, images: &dyn Images) {
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
        assert_eq!(images.save_template(&save).await, Err(EngineError::UnknownDesktop));
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, desktop).await;
        for _ in 0..2 {
            assert_eq!(images.save_template(&save).await, Ok(()));
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
        assert_eq!(images.save_template(&other).await, Err(EngineError::NotRunning));
        engine.destroy(desktop, 1).await.expect("destroying");

        let request = ForkRequest { template: version.clone(), ..self.fork_request() };
        engine.fork(&request).await.expect("a fork of what was saved");
        self.banner(engine, request.desktop).await;
        let needed = images.remove_template(&version).await;
        assert!(matches!(needed, Err(EngineError::Host(_))), "it is needed: {needed:?}");
        engine.destroy(request.desktop, 1).await.expect("destroying");
        for _ in 0..2 {
            assert_eq!(images.remove_template(&version).await, Ok(()));
        }
        let templates = engine.templates().await.expect("templates");
        assert!(templates.iter().all(|template| template.version != version), "it is gone");
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    /// A snapshot's disk goes out as a stream, and comes back under other keys and boots. What breaks off leaves nothing.
    pub async fn check_streams(&self, engine: &dyn Engine, images: &dyn Images) {
        let layers = engine.layers().expect("who has images has layers");
        let request = self.fork_request();
        engine.fork(&request).await.expect("a fork");
        self.banner(engine, request.desktop).await;
        let snapshot = snapshot_request(&request.disk, request.desktop);
        layers.snapshot(&snapshot).await.expect("a snapshot");
        let from = Origin { snapshot: snapshot.snapshot, disk: vec![request.disk.clone()] };
        let mut stream =
            images.export(&ExportRequest { template: self.template.clone(), from }).await.expect("an export");
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
        layers.remove_snapshot(snapshot.snapshot).await.expect("removing");
        let unknown = Origin { snapshot: snapshot.snapshot, disk: vec![request.disk] };
        let unknown = ExportRequest { template: self.template.clone(), from: unknown };
        assert!(images.export(&unknown).await.is_err(), "what is gone can't be read");

        let import = ImportRequest {
            snapshot: SnapshotId::generate(),
            disk: own_layer(),
            size: self.size,
            disk_gib: about.disk_gib,
        };
        let mut broken = images.import(&import).await.expect("an import");
        for frame in frames.iter().take(4) {
            frame.clone().write(&mut broken).await.expect("a frame is taken");
        }
        drop(broken);
        let deadline = Instant::now() + self.boot_limit;
        while engine.leftovers(&Known::default()).await != Ok(Vec::new()) {
            assert!(Instant::now() < deadline, "something of it is left");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(layers.snapshots().await, Ok(Vec::new()), "what breaks off is nothing");

        let import = ImportRequest { snapshot: SnapshotId::generate(), disk: own_layer(), ..import };
        let mut stream = images.import(&import).await.expect("an import");
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
        let kept = layers.snapshots().await.expect("snapshots");
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
        layers.remove_snapshot(import.snapshot).await.expect("removing");
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }
}
