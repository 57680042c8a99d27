//! A control plane to try things on.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rolltop_api_types::{CreateDesktop, Desktop, DesktopState, Step};
use rolltop_control::{Caller, Control, ControlConfig, DesktopAccess, Parts, Purpose};
use rolltop_model::{DesktopId, Limits};
use rolltop_sim::{SimConfig, SimEngine};
use secrecy::SecretString;
use tokio::time::timeout;

/// For whatever a test waits for; generous, because many run on few processors.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub struct Platform {
    pub directory: tempfile::TempDir,
    pub engine: Arc<SimEngine>,
    pub control: Control,
    pub owner: Caller,
}

pub fn quick() -> ControlConfig {
    ControlConfig {
        limits: Limits {
            backoff: Duration::from_millis(10),
            longest_backoff: Duration::from_millis(50),
            first_boot: PATIENCE,
            later_boot: PATIENCE,
            ..Limits::default()
        },
        interval: Duration::from_millis(100),
        stop_grace: Duration::from_millis(10),
        ..ControlConfig::default()
    }
}

pub async fn open(directory: &Path, engine: Arc<SimEngine>, config: ControlConfig) -> Control {
    let database = rolltop_store::testing::postgres(directory).await;
    let config = ControlConfig { database, ..config };
    Control::open(Parts { directory: directory.to_owned(), engine, config }).await.unwrap()
}

pub async fn platform() -> Platform {
    platform_with(quick()).await
}

pub async fn platform_with(config: ControlConfig) -> Platform {
    platform_on(SimConfig::instant(), config).await
}

pub async fn platform_on(sim: SimConfig, config: ControlConfig) -> Platform {
    let directory = tempfile::tempdir().unwrap();
    let engine = Arc::new(SimEngine::new(sim).unwrap());
    let control = open(directory.path(), engine.clone(), config).await;
    let owner = owner_of(&control).await;
    Platform { directory, engine, control, owner }
}

pub async fn owner_of(control: &Control) -> Caller {
    let key: SecretString = control.api_key(Some("tests")).await.unwrap();
    control.authenticate(&key).await.unwrap()
}

impl Platform {
    pub async fn create(&self, name: &str) -> Desktop {
        let request = CreateDesktop { name: Some(name.to_owned()), ..CreateDesktop::default() };
        self.control.create(&self.owner, &request, None).await.unwrap()
    }

    pub async fn running(&self, name: &str) -> DesktopId {
        let id = self.create(name).await.id;
        self.wait(id, "running with its screen", has_screen).await;
        id
    }

    pub async fn access<P: Purpose>(&self, id: DesktopId) -> DesktopAccess<P> {
        self.control.authorise(&self.owner, id).await.unwrap()
    }

    pub async fn get(&self, id: DesktopId) -> Option<Desktop> {
        let access = self.control.authorise(&self.owner, id).await.ok()?;
        self.control.get(&access).await.ok()
    }

    /// Waits for a desktop to be as wanted.
    pub async fn wait(&self, id: DesktopId, what: &str, wanted: impl Fn(&Desktop) -> bool) -> Desktop {
        let mut events = self.control.subscribe();
        let waiting = async {
            loop {
                if let Some(view) = self.get(id).await.filter(&wanted) {
                    return view;
                }
                let _ = timeout(Duration::from_millis(200), events.changed()).await;
            }
        };
        match timeout(PATIENCE, waiting).await {
            Ok(view) => view,
            Err(_) => panic!("{id} is not {what}: {:#?}", self.get(id).await),
        }
    }

    pub async fn wait_gone(&self, id: DesktopId) {
        let mut events = self.control.subscribe();
        let waiting = async {
            while self.get(id).await.is_some() {
                let _ = timeout(Duration::from_millis(200), events.changed()).await;
            }
        };
        assert!(timeout(PATIENCE, waiting).await.is_ok(), "not gone: {:#?}", self.get(id).await);
    }

    /// Ends control where the engine does not answer it ([`rolltop_sim::Faults::never_answer`]), once it is there, and
    /// opens it again on what is left.
    pub async fn kill_there_and_reopen(&mut self, config: ControlConfig) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        while !self.engine.faults().waits_in_vain() {
            assert!(tokio::time::Instant::now() < deadline, "it never came there");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        self.engine.faults().answer_all();
        self.kill_and_reopen(config).await;
    }

    /// Ends control wherever it is, and opens it again on what is left.
    pub async fn kill_and_reopen(&mut self, config: ControlConfig) {
        self.control.abort().await;
        self.control = open(self.directory.path(), self.engine.clone(), config).await;
    }
}

pub fn is(state: DesktopState) -> impl Fn(&Desktop) -> bool {
    move |view| view.state == state
}

pub fn has_failed(view: &Desktop) -> bool {
    view.state == DesktopState::Failed
}

pub fn is_stopped(view: &Desktop) -> bool {
    view.state == DesktopState::Stopped
}

pub fn is_stopped_as_asked(view: &Desktop) -> bool {
    is_stopped(view) && view.reason.is_none()
}

/// What is said of a desktop, shortly.
pub trait Said {
    fn why(&self) -> Option<&str>;
    fn steps(&self) -> &[Step];
}

impl Said for Desktop {
    fn why(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    fn steps(&self) -> &[Step] {
        self.steps.as_deref().unwrap_or_default()
    }
}

pub fn has_screen(view: &Desktop) -> bool {
    view.state == DesktopState::Running
        && view.steps().iter().any(|step| step.name == "screen" && step.ended_at.is_some())
}
