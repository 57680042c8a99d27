//! A host directory for tests, with a baked template and an engine on it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use rolltop_engine::{DiskLayer, Engine, ForkRequest, Known, LayerKey, OffReason, Power};
use rolltop_engine_qemu::{NetworkConfig, QemuConfig, QemuEngine};
use rolltop_model::{DesktopId, LayerId, Size, TemplateVersion};
use rolltop_template::{BOOTSTRAP_KEY, installed};
use tokio::sync::{Mutex, MutexGuard};
use tokio::time::Instant;

/// First letters of the namespaces and interfaces of these tests.
pub const PREFIX: &str = "rtt";
/// Boot and shutdown, emulated on a busy machine.
pub const PATIENCE: Duration = Duration::from_secs(300);

static TURN: Mutex<()> = Mutex::const_new(());

/// The engine, for the test whose turn it is.
pub struct Host {
    pub engine: Option<Arc<QemuEngine>>,
    pub config: QemuConfig,
    pub template: TemplateVersion,
    _turn: MutexGuard<'static, ()>,
}

/// `target/vm-tests`, which becomes the working directory: paths below it are relative, so
/// that machines' users need not be able to traverse what is above.
fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/vm-tests")
}

fn config() -> QemuConfig {
    let network = NetworkConfig {
        prefix: PREFIX.into(),
        range: Some("100.67.0.0/16".parse().unwrap()),
        egress_allow: vec!["10.99.0.0/24".parse().unwrap()],
        resolver: Some("203.0.113.2".parse().unwrap()),
        ..NetworkConfig::default()
    };
    // However little room there is for the tests.
    let reserve_disk = 0;
    QemuConfig {
        directory: "host".into(),
        network,
        first_uid: Some(340_000),
        reserve_disk,
        ..QemuConfig::default()
    }
}

/// What runs in the machines: the folder of its built templates is in this variable.
const SMALL: &str = "ROLLTOP_SMALL_TEMPLATES";
const DESK: &str = "ROLLTOP_TEST_TEMPLATES";

impl Host {
    /// Waits for its turn, and begins with a host that has a baked template and nothing else: a small guest, which boots in
    /// a few seconds where a whole desktop takes twenty.
    pub async fn open() -> Self {
        Self::with(SMALL).await
    }

    /// The same with a whole desktop, for what only that one has: programs to try the network with, a size to bake.
    pub async fn open_desk() -> Self {
        Self::with(DESK).await
    }

    async fn with(variable: &str) -> Self {
        let turn = TURN.lock().await;
        assert!(rustix::process::geteuid().is_root(), "these tests need root");
        fs::create_dir_all(directory()).unwrap();
        std::env::set_current_dir(directory()).unwrap();
        let template = bring_template(variable);
        let config = config();
        let engine = QemuEngine::open(config.clone()).await.unwrap();
        engine.sweep(&Known::default()).await.unwrap();
        engine.bake(&template, Size::S, |step| println!("{step}")).await.unwrap();
        Self { engine: Some(engine), config, template, _turn: turn }
    }

    pub fn engine(&self) -> &QemuEngine {
        self.engine.as_deref().unwrap()
    }

    /// What happens when the host process dies: the engine is gone, and no machine with it.
    pub fn die(&mut self) {
        self.engine = None;
    }

    pub async fn open_again(&mut self) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            match QemuEngine::open(self.config.clone()).await {
                Ok(engine) => break self.engine = Some(engine),
                // Tasks of the old one let go of the directory a moment later.
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub fn request(&self) -> ForkRequest {
        ForkRequest {
            desktop: DesktopId::generate(),
            fence: 1,
            boot: 1,
            template: self.template.clone(),
            size: Size::S,
            disk: DiskLayer { layer: LayerId::generate(), key: LayerKey::new(rand::random()) },
            from: None,
        }
    }

    /// A running fork.
    pub async fn fork(&self) -> ForkRequest {
        let request = self.request();
        self.engine().fork(&request).await.unwrap();
        request
    }

    pub async fn power(&self, desktop: DesktopId) -> Power {
        self.engine().observe_one(desktop).await.unwrap().expect("a machine").power
    }

    /// Waits until the machine is off.
    pub async fn off(&self, desktop: DesktopId) -> OffReason {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Power::Off { why } = self.power(desktop).await {
                return why;
            }
            assert!(Instant::now() < deadline, "the machine stays on");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Destroys all there is and makes sure that nothing is left.
    pub async fn finish(self) {
        self.engine().sweep(&Known::default()).await.unwrap();
        assert_eq!(self.engine().leftovers(&Known::default()).await.unwrap(), []);
        for place in ["host/desktops", "host/snapshots", "host/layers", "host/transfers"] {
            assert_eq!(fs::read_dir(place).unwrap().count(), 0, "{place}");
        }
    }
}

/// Links the newest template into our directory, unless it is there, in place of earlier ones.
fn bring_template(variable: &str) -> TemplateVersion {
    let source = std::env::var_os(variable);
    let source = source.unwrap_or_else(|| panic!("{variable} has to name a directory of built templates"));
    let source = PathBuf::from(source);
    let (path, manifest) = installed(&source).into_iter().next().expect("there is a template in it");
    let templates = Path::new("host/templates");
    for (earlier, _) in installed(templates).into_iter().filter(|(_, m)| m.version != manifest.version) {
        fs::remove_dir_all(earlier).unwrap();
    }
    let target = templates.join(manifest.version.to_string());
    if !target.join(rolltop_template::MANIFEST).exists() {
        // The manifest last: with it the version is whole.
        let bake = Size::S.as_str();
        if path.join(bake).is_dir() {
            link(&path.join(bake), &target.join(bake));
        }
        link(&path, &target);
    }
    manifest.version
}

/// Links a directory's files into another, or copies them where that can't be. Its bake, too: baking takes minutes.
fn link(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    let mut files: Vec<PathBuf> = fs::read_dir(from).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.is_file());
    files.sort_by_key(|path| path.ends_with(rolltop_template::MANIFEST));
    for file in files {
        let to = to.join(file.file_name().unwrap());
        if fs::hard_link(&file, &to).is_err() {
            fs::copy(&file, &to).unwrap();
        }
    }
}

/// What the engine wrote down about a desktop.
pub fn record(desktop: DesktopId) -> serde_json::Value {
    serde_json::from_slice(&fs::read(format!("host/desktops/{desktop}/desktop.json")).unwrap()).unwrap()
}

pub fn namespace(desktop: DesktopId) -> String {
    format!("{PREFIX}{}", record(desktop)["index"])
}

pub fn pid(desktop: DesktopId) -> i32 {
    let file = fs::read(format!("host/desktops/{desktop}/pid")).unwrap();
    let value: serde_json::Value = serde_json::from_slice(&file).unwrap();
    i32::try_from(value["pid"].as_i64().unwrap()).unwrap()
}

/// Runs a script in the guest as user `rolltop`; its output if it succeeds.
pub async fn in_guest(
    template: &TemplateVersion,
    desktop: DesktopId,
    script: &str,
) -> Result<String, String> {
    let mut command = Command::new("ip");
    command
        .args(["netns", "exec", &namespace(desktop), "timeout", "120", "ssh", "-F", "none", "-q", "-T"])
        .args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"])
        .args(["-o", "IdentitiesOnly=yes", "-i"])
        .arg(format!("host/templates/{template}/{BOOTSTRAP_KEY}"))
        .args(["rolltop@10.77.0.2", script]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() { Ok(text) } else { Err(format!("{}: {text}", output.status)) }
}

/// Asks until the guest answers.
pub async fn patiently(host: &Host, desktop: DesktopId, script: &str) -> String {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match in_guest(&host.template, desktop, script).await {
            Ok(text) => return text,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}
