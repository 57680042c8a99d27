//! One running QEMU: starting it, hearing from it, ending it.
//!
//! Deliberately absent: records, networks, fences. This knows a directory, a process and a
//! monitor.

use std::fs::{File, Permissions};
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rolltop_engine::DiskLayer;
use rolltop_model::{MOST_DISK_GIB, Size, TemplateVersion};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use uuid::Uuid;

use crate::command_line::{
    Accel, CONSOLE, DISK, Disk, LayerFile, MachineSpec, Ram, SHUTDOWN_TRACE, Wires, arguments,
};
use crate::durable;
use crate::fault::{Doing, Fault, blocking, told};
use crate::identity::BakeIdentity;
use crate::layout::layer_name;
use crate::memory::{self, Kept};
use crate::process::{
    Launch, Launched, Process, View, devices_file, launch, may_raise_limits, sealed_file, secret_file, within,
};
use crate::qmp::{Event, Monitor};

const MONITOR: &str = "monitor";
const SPARE_MONITOR: &str = "monitor2";
pub(crate) const LOG: &str = "qemu.log";
const PID: &str = "pid";
/// Of the log, what is looked at.
const LOG_TAIL: usize = 16 << 10;
/// Stands in the log where a QEMU begins, so that what an earlier one wrote is not taken for its.
const BEGINNING: &str = "rolltop: started";
/// How long devices' state may take to load.
const INCOMING_LIMIT: Duration = Duration::from_secs(30);
/// How long QEMU may take to end itself before it is killed.
const QUIT_LIMIT: Duration = Duration::from_secs(5);

/// Everything a machine is started with.
pub(crate) struct Boot {
    pub name: String,
    pub directory: PathBuf,
    pub program: PathBuf,
    pub accel: Accel,
    /// Its board and processor.
    pub machine: BakeIdentity,
    pub size: Size,
    pub disk_gib: u64,
    /// The template version's directory as seen from the machine's.
    pub template: String,
    pub kernel_arguments: String,
    pub memory: Memory,
    /// Its layers, the one it writes to first; empty for a plain disk in its directory.
    pub disk: Vec<DiskLayer>,
    /// The bake they lie over; `None` for the plain image.
    pub base: Option<String>,
    /// Where the layers are.
    pub layers: PathBuf,
    /// What it sees of the host's files.
    pub view: View,
    pub uid: u32,
    pub groups: Vec<u32>,
    pub cgroups: Vec<OwnedFd>,
    pub tap: OwnedFd,
}

/// What its memory begins as; paths as seen from the machine's directory.
pub(crate) enum Memory {
    /// Empty, and written to the file: for a bake.
    Shared { ram: String },
    /// Empty: a cold boot.
    Blank { ram: String },
    /// A booted machine's, and which machine that is.
    Baked { ram: String, devices: String, machine: BakeIdentity },
    /// What the machine's directory keeps of it, over that file. It is used up by this.
    Resumed { ram: String, kept: Kept, machine: BakeIdentity },
}

/// What a machine that has just been started waits for.
enum Incoming {
    Nothing,
    /// The state of devices, in a file.
    Devices(String),
    /// Memory, and the state of devices in an inherited descriptor.
    Memory {
        base: PathBuf,
        kept: Kept,
        devices: RawFd,
    },
}

impl Memory {
    /// The file it is a view of, as seen from the engine's directory.
    pub(crate) fn base(&self) -> String {
        match self {
            Memory::Shared { ram } | Memory::Blank { ram } => ram,
            Memory::Baked { ram, .. } | Memory::Resumed { ram, .. } => ram,
        }
        .trim_start_matches("../")
        .to_owned()
    }

    /// The memory kept in a directory of a template's.
    pub(crate) fn baked(template: &TemplateVersion, bake: &str, machine: BakeIdentity) -> Self {
        let bake = format!("../../templates/{template}/{bake}");
        Memory::Baked { ram: format!("{bake}/ram"), devices: format!("{bake}/devices"), machine }
    }

    /// The machine that it fits into; `None`: any.
    pub(crate) fn machine(&self) -> Option<&BakeIdentity> {
        match self {
            Memory::Shared { .. } | Memory::Blank { .. } => None,
            Memory::Baked { machine, .. } | Memory::Resumed { machine, .. } => Some(machine),
        }
    }
}

/// What became of a machine by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Life {
    Up,
    /// The guest has shut down; QEMU waits.
    ShutDown,
    /// The guest wants its machine to begin anew; QEMU waits.
    Reset,
    /// The process is gone.
    Ended,
}

/// A running machine. Dropping this neither ends nor harms it.
#[derive(Debug)]
pub(crate) struct Running {
    pub process: Process,
    /// `None` if QEMU runs but could not be talked to.
    pub monitor: Option<Arc<Monitor>>,
    pub life: watch::Receiver<Life>,
}

/// What the task that watches a machine works with.
pub(crate) struct Watched {
    pub process: Process,
    pub monitor: Option<Arc<Monitor>>,
    pub events: Option<mpsc::Receiver<Event>>,
    pub life: watch::Sender<Life>,
}

impl Running {
    fn new(process: Process, monitor: Option<(Monitor, mpsc::Receiver<Event>)>) -> (Self, Watched) {
        let (monitor, events) = monitor.map(|(monitor, events)| (Arc::new(monitor), events)).unzip();
        let (sender, life) = watch::channel(Life::Up);
        let watched = Watched { process, monitor: monitor.clone(), events, life: sender };
        (Self { process, monitor, life }, watched)
    }

    pub(crate) fn monitor(&self) -> Result<&Monitor, Fault> {
        self.monitor.as_deref().ok_or(Fault::MonitorClosed)
    }

    /// Has it go on if it stands still, and presses the power button, until the guest has shut down or `grace` is over.
    pub(crate) async fn power_down(&mut self, grace: Duration) {
        let deadline = tokio::time::Instant::now() + grace;
        while *self.life.borrow_and_update() == Life::Up && tokio::time::Instant::now() < deadline {
            if let Ok(monitor) = self.monitor()
                && let Err(error) = press_power_button(monitor).await
            {
                tracing::warn!(error = told(&error), "a desktop can't be asked to shut down");
                return;
            }
            // A guest that is just booting misses the button, so it is pressed again.
            let again = deadline.min(tokio::time::Instant::now() + Duration::from_secs(5));
            if let Ok(Err(_)) = tokio::time::timeout_at(again, self.life.changed()).await {
                return;
            }
        }
    }

    /// Ends QEMU, kindly if it listens, and waits until it is gone.
    pub(crate) async fn end(&self) -> Result<(), Fault> {
        if let Ok(monitor) = self.monitor() {
            let quit = async {
                // Its answer may be cut short by its end.
                let _ = monitor.run("quit", json!({})).await;
                self.process.ended().await;
            };
            if tokio::time::timeout(QUIT_LIMIT, quit).await.is_ok() {
                return Ok(());
            }
        }
        self.process.kill().await
    }
}

async fn press_power_button(monitor: &Monitor) -> Result<(), Fault> {
    // It stood still for want of room on the disk.
    if monitor.status().await? == "paused" {
        monitor.run("cont", json!({})).await?;
    }
    monitor.run("system_powerdown", json!({})).await?;
    Ok(())
}

/// Starts a machine and returns once its guest runs.
pub(crate) async fn boot(boot: Boot) -> Result<(Running, Watched), Fault> {
    let (directory, size) = (boot.directory.clone(), boot.size);
    let since = Instant::now();
    let (process, incoming) = tokio::task::spawn_blocking(move || start(boot))
        .await
        .unwrap_or_else(|_| Err(Fault::Other("starting QEMU broke off".into())))?;
    let started = since.elapsed();
    let running = connect_and_load(&directory, process, incoming).await;
    tracing::debug!(pid = process.pid, ?started, loaded = ?since.elapsed(), "QEMU was started");
    if running.is_err() {
        // Nothing of it is worth keeping; that it may be gone already is what we are told of.
        process.kill().await?;
    }
    running.map_err(|fault| explained(fault, &directory, size))
}

async fn connect_and_load(
    directory: &Path,
    process: Process,
    incoming: Incoming,
) -> Result<(Running, Watched), Fault> {
    let (monitor, events) = Monitor::connect(&directory.join(MONITOR), process).await?;
    match incoming {
        Incoming::Nothing => {}
        Incoming::Devices(path) => {
            load_devices(&monitor, process, &format!("file:{path}")).await?;
            monitor.run("cont", json!({})).await?;
        }
        Incoming::Memory { base, kept, devices } => {
            blocking(move || kept.load(process, &base)).await?;
            // By a path: later versions of QEMU take a descriptor for a pipe or socket only.
            load_devices(&monitor, process, &format!("file:/proc/self/fd/{devices}"))
                .await
                .map_err(unusable)?;
            // From here on the machine is what was kept: it must never be loaded a second time.
            let directory = directory.to_owned();
            blocking(move || memory::discard(&directory)).await?;
            monitor.run("cont", json!({})).await?;
        }
    }
    let status = monitor.status().await?;
    if status != "running" {
        return Err(Fault::Ended(format!("the machine is {status} instead of running")));
    }
    Ok(Running::new(process, Some((monitor, events))))
}

async fn load_devices(monitor: &Monitor, process: Process, uri: &str) -> Result<(), Fault> {
    let load = async {
        monitor.run("migrate-incoming", json!({ "uri": uri })).await?;
        while monitor.status().await? == "inmigrate" {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        Ok(())
    };
    let loaded = within(INCOMING_LIMIT, [process], load).await;
    loaded.unwrap_or_else(|| Err(Fault::Slow("loading a machine's devices".into())))
}

/// That QEMU did not take a machine's devices says that they are not for it.
fn unusable(fault: Fault) -> Fault {
    match fault {
        Fault::Refused { description, .. } => Fault::Memory(description),
        Fault::MonitorClosed => Fault::Memory("QEMU did not take the state of its devices".into()),
        other => other,
    }
}

/// What QEMU wrote in its log says more than that its monitor closed.
fn explained(fault: Fault, directory: &Path, size: Size) -> Fault {
    match fault {
        Fault::MonitorClosed => {
            let log = crate::console::tail(&directory.join(LOG), 2000).unwrap_or_default();
            Fault::Ended(format!("size {size}; its log ends with: {}", log.trim()))
        }
        other => other,
    }
}

/// Finds a machine of an earlier life of ours again.
pub(crate) async fn adopt(directory: &Path, process: Process) -> (Running, Watched) {
    let connecting = async {
        match Monitor::connect(&directory.join(MONITOR), process).await {
            Ok(monitor) => Ok(monitor),
            // Somebody may hold the first one by hand.
            Err(_) => Monitor::connect(&directory.join(SPARE_MONITOR), process).await,
        }
    };
    let monitor = match within(Duration::from_secs(10), [process], connecting).await {
        Some(Ok(monitor)) => {
            leave_resets_to_us(&monitor.0, process).await;
            Some(monitor)
        }
        Some(Err(fault)) => {
            tracing::warn!(
                pid = process.pid,
                error = told(&fault),
                "a running desktop's monitor can't be reached"
            );
            None
        }
        None => {
            tracing::warn!(pid = process.pid, "a running desktop's monitor does not answer");
            None
        }
    };
    Running::new(process, monitor)
}

/// A machine of an earlier version of ours was started to reset itself.
async fn leave_resets_to_us(monitor: &Monitor, process: Process) {
    if let Err(fault) = monitor.run("set-action", json!({ "reboot": "shutdown" })).await {
        tracing::warn!(
            pid = process.pid,
            error = told(&fault),
            "a running desktop may hang when it is restarted from inside"
        );
    }
}

/// Why a machine stands still, paused: QEMU logs a guest's shutdown, and nothing of a reset.
pub(crate) fn why_shut_down(directory: &Path) -> Life {
    let log = crate::console::tail(&directory.join(LOG), LOG_TAIL).unwrap_or_default();
    match log.rsplit_once(BEGINNING) {
        Some((_, since)) if !since.contains(SHUTDOWN_TRACE) => Life::Reset,
        Some(_) | None => Life::ShutDown,
    }
}

/// The process that a machine's `pid` file names, whether or not it still runs.
pub(crate) fn recorded_process(directory: &Path) -> Option<Process> {
    Process::load(&directory.join(PID))
}

/// Removes what only a running machine has in its directory.
pub(crate) fn remove_sockets(directory: &Path) -> Result<(), Fault> {
    for name in [MONITOR, SPARE_MONITOR, PID] {
        durable::remove(&directory.join(name))?;
    }
    Ok(())
}

fn start(boot: Boot) -> Result<(Process, Incoming), Fault> {
    let Boot { directory, uid, .. } = &boot;
    remove_sockets(directory)?;
    let monitor = listen(&directory.join(MONITOR))?;
    let spare_monitor = listen(&directory.join(SPARE_MONITOR))?;
    own_file(&directory.join(CONSOLE), *uid, 0)?;
    match boot.disk.split_first() {
        None => hand_over(&directory.join(DISK), *uid)?,
        Some((top, below)) => {
            hand_over(&boot.layers.join(layer_name(top.layer)), *uid)?;
            for layer in below {
                freeze(&boot.layers.join(layer_name(layer.layer)))?;
            }
        }
    }
    let log = log_file(&directory.join(LOG))?;
    let mut keys = Vec::new();
    let mut layers = Vec::new();
    for DiskLayer { layer, key } in &boot.disk {
        let key = secret_file(key, *uid)?;
        layers.push(LayerFile { layer: *layer, key: key.as_raw_fd() });
        keys.push(key);
    }
    let saved = devices_file(*uid)?;
    let mut kept_devices = None;
    let ram = match &boot.memory {
        Memory::Shared { ram } => {
            own_file(&directory.join(ram), *uid, boot.size.memory_mib() << 20)?;
            Ram::Shared(ram)
        }
        Memory::Blank { ram } | Memory::Baked { ram, .. } => Ram::Private(ram),
        Memory::Resumed { ram, kept, .. } => {
            kept_devices = Some(sealed_file("kept-devices", &kept.devices, *uid)?);
            Ram::Private(ram)
        }
    };
    let incoming = matches!(boot.memory, Memory::Baked { .. } | Memory::Resumed { .. });
    let devices_number = kept_devices.as_ref().map_or(-1, AsRawFd::as_raw_fd);
    let cpu = boot.machine.cpu_argument();
    let line = arguments(&MachineSpec {
        name: &boot.name,
        model: boot.machine.model(boot.accel, &cpu),
        size: boot.size,
        template: &boot.template,
        kernel_arguments: &boot.kernel_arguments,
        ram,
        disk: match layers.as_slice() {
            [] => Disk::Plain,
            layers => Disk::Layers { layers, base: boot.base.as_deref() },
        },
        generation: Uuid::new_v4(),
        wires: Wires {
            monitor: monitor.as_raw_fd(),
            spare_monitor: spare_monitor.as_raw_fd(),
            tap: boot.tap.as_raw_fd(),
        },
        incoming,
    });
    let Launched { process, .. } = launch(Launch {
        program: boot.program.clone(),
        arguments: line,
        view: boot.view.clone(),
        network: None,
        uid: *uid,
        groups: boot.groups,
        // Where a limit can't be raised later, it is what any disk may grow to.
        file_bytes: file_limit(boot.size, if may_raise_limits() { boot.disk_gib } else { MOST_DISK_GIB }),
        cgroups: boot.cgroups,
        keep: [monitor.into(), spare_monitor.into(), boot.tap, saved]
            .into_iter()
            .chain(keys)
            .chain(kept_devices)
            .collect(),
        log,
    })?;
    let process = process.ok_or(Fault::MonitorClosed)?;
    process.save(&boot.directory.join(PID))?;
    let incoming = match boot.memory {
        Memory::Shared { .. } | Memory::Blank { .. } => Incoming::Nothing,
        Memory::Baked { devices, .. } => Incoming::Devices(devices),
        Memory::Resumed { ram, kept, .. } => {
            Incoming::Memory { base: boot.directory.join(ram), kept, devices: devices_number }
        }
    };
    Ok((process, incoming))
}

/// A disk that is written full, encrypted, with qcow2's tables; memory, for a bake.
pub(crate) fn file_limit(size: Size, disk_gib: u64) -> u64 {
    let gib = (disk_gib + disk_gib / 16 + 1).max(size.memory_mib() / 1024 + 1);
    gib << 30
}

fn listen(path: &Path) -> Result<UnixListener, Fault> {
    let listener = UnixListener::bind(path).doing_with("listening at", path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).doing_with("listening at", path)?;
    Ok(listener)
}

/// An empty file, or one of `length` bytes, that the machine's user may write to.
fn own_file(path: &Path, uid: u32, length: u64) -> Result<(), Fault> {
    let file = File::options().write(true).create(true).truncate(true).mode(0o600).open(path);
    let file = file.doing_with("making", path)?;
    file.set_len(length).doing_with("making", path)?;
    std::os::unix::fs::fchown(&file, Some(uid), Some(uid)).doing_with("giving away", path)
}

pub(crate) fn hand_over(path: &Path, uid: u32) -> Result<(), Fault> {
    std::fs::set_permissions(path, Permissions::from_mode(0o600)).doing_with("giving away", path)?;
    std::os::unix::fs::chown(path, Some(uid), Some(uid)).doing_with("giving away", path)
}

/// Makes a layer everybody's to read, which is noise without its key, and nobody's to change.
pub(crate) fn freeze(path: &Path) -> Result<(), Fault> {
    std::os::unix::fs::chown(path, Some(0), Some(0)).doing_with("freezing", path)?;
    std::fs::set_permissions(path, Permissions::from_mode(0o444)).doing_with("freezing", path)
}

fn log_file(path: &Path) -> Result<File, Fault> {
    let mut log =
        File::options().create(true).append(true).mode(0o600).open(path).doing_with("opening", path)?;
    // Without it a reset that nobody heard of counts as a shutdown, which is no reason not to start.
    let _ = writeln!(log, "{BEGINNING}");
    Ok(log)
}
