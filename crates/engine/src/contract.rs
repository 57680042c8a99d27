//! What every engine has to do, as checks that run against any of them: the simulation, so
//! that tests may believe it, and the real one.
//!
//! Each check panics with a sentence if the engine breaks its word. They expect an engine that
//! holds nothing, and leave it so.

use std::time::Duration;

use rolltop_model::{DesktopId, LayerId, Size, TemplateVersion};
use secrecy::ExposeSecret;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::{
    Engine, EngineError, ForkRequest, Known, LayerKey, LayerSpec, OffReason, Power, StartRequest,
    SuspendRequest,
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
        let start = StartRequest { desktop, fence: 1, boot: 1, key: key() };
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
        self.check_layer(engine, &request).await;

        let quarantined = Ok(Some((Power::On { quarantined: true }, 1)));
        engine.fork(&request).await.expect("a fork");
        assert_eq!(power(engine, desktop).await, quarantined, "a fork runs in quarantine");
        self.banner(engine, desktop).await;
        engine.fork(&request).await.expect("a fork, asked for again");
        assert_eq!(power(engine, desktop).await, quarantined);
        assert_eq!(engine.blank_layers().await, Ok(Vec::new()), "its layer is no longer blank");
        assert_eq!(engine.prepare_layer(&layer(&request)).await, Ok(()), "a layer in use is prepared enough");
        assert_eq!(engine.blank_layers().await, Ok(Vec::new()), "and is not made again");
        let machine = engine.observe_one(desktop).await.expect("observing").expect("a machine");
        assert!(machine.memory_bytes > 0 && machine.disk_bytes > 0, "it takes something: {machine:?}");
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
        assert!(engine.console_tail(desktop, 4000).await.is_ok_and(|text| text.len() <= 4000));

        let start = StartRequest { desktop, fence: 1, boot: 2, key: request.key.clone() };
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
        let suspend = SuspendRequest { desktop, fence: 1, key: request.key.clone() };
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

            let resume = StartRequest { desktop, fence: 1, boot: boot + 1, key: request.key.clone() };
            for _ in 0..2 {
                assert_eq!(engine.resume(&resume).await, Ok(()));
                let again = Ok(Some((Power::On { quarantined: true }, boot + 1)));
                assert_eq!(power(engine, desktop).await, again, "a resume begins in quarantine too");
            }
            self.banner(engine, desktop).await;
        }
        let late = StartRequest { desktop, fence: 1, boot: 3, key: request.key.clone() };
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
        let suspend = SuspendRequest { desktop, fence: 1, key: request.key.clone() };
        let start = StartRequest { desktop, fence: 1, boot: 2, key: request.key.clone() };
        engine.suspend(&suspend).await.expect("a suspension");
        let suspended = Ok(Some((Power::Off { why: OffReason::Suspended }, 1)));
        let foreign = StartRequest { key: LayerKey::new([0xa5; 32]), ..start.clone() };
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

    async fn check_layer(&self, engine: &dyn Engine, request: &ForkRequest) {
        let layer = layer(request);
        for _ in 0..2 {
            assert_eq!(engine.prepare_layer(&layer).await, Ok(()));
            assert_eq!(engine.blank_layers().await, Ok(vec![layer.layer]));
        }
    }

    /// A lower fence is refused, a machine's end notwithstanding.
    pub async fn check_fences(&self, engine: &dyn Engine) {
        let request = ForkRequest { fence: 5, ..self.fork_request() };
        let desktop = request.desktop;
        engine.fork(&request).await.expect("a fork on a layer nobody prepared");
        let late = ForkRequest { fence: 4, ..request.clone() };
        let refused = Err(EngineError::Fenced);
        assert_eq!(engine.fork(&late).await, refused);
        assert_eq!(engine.release(desktop, 4).await, refused);
        assert_eq!(engine.stop(desktop, 4, Duration::ZERO).await, refused);
        assert_eq!(engine.destroy(desktop, 4).await.map(|_| ()), refused);
        let start = StartRequest { desktop, fence: 4, boot: 2, key: request.key.clone() };
        assert_eq!(engine.start(&start).await, refused);
        assert_eq!(engine.resume(&start).await, refused);
        let suspend = SuspendRequest { desktop, fence: 4, key: request.key.clone() };
        assert_eq!(engine.suspend(&suspend).await, refused);
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
        let blank = LayerSpec { layer: LayerId::generate(), size: self.size, key: key() };
        engine.prepare_layer(&blank).await.expect("a layer");
        engine.fork(&request).await.expect("a fork");
        let all = Known { desktops: vec![request.desktop], layers: vec![blank.layer] };
        assert_eq!(engine.leftovers(&all).await, Ok(Vec::new()), "all of it is known");
        assert_eq!(engine.sweep(&all).await, Ok(Vec::new()));
        assert!(matches!(power(engine, request.desktop).await, Ok(Some((Power::On { .. }, _)))));

        let found = engine.leftovers(&Known::default()).await.expect("leftovers");
        let names: Vec<&str> = found.iter().map(|leftover| leftover.name.as_str()).collect();
        for name in [request.desktop.to_string(), blank.layer.to_string()] {
            assert!(names.contains(&name.as_str()), "{name} is among {found:?}");
        }
        assert_eq!(engine.sweep(&Known::default()).await, Ok(found));
        assert_eq!(engine.observe_one(request.desktop).await, Ok(None));
        assert_eq!(engine.blank_layers().await, Ok(Vec::new()));
        assert_eq!(engine.leftovers(&Known::default()).await, Ok(Vec::new()));
    }

    fn fork_request(&self) -> ForkRequest {
        ForkRequest {
            desktop: DesktopId::generate(),
            fence: 1,
            boot: 1,
            template: self.template.clone(),
            size: self.size,
            layer: LayerId::generate(),
            key: key(),
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

/// A key like any other; its value does not matter, only that it stays the same.
fn key() -> LayerKey {
    LayerKey::new([0x5a; 32])
}

fn layer(request: &ForkRequest) -> LayerSpec {
    LayerSpec { layer: request.layer, size: request.size, key: request.key.clone() }
}

/// Power and boot count, as an observer sees them.
async fn power(engine: &dyn Engine, desktop: DesktopId) -> Result<Option<(Power, u32)>, EngineError> {
    Ok(engine.observe_one(desktop).await?.map(|machine| (machine.power, machine.boot)))
}
