//! [`SimEngine`]: the trait over [`World`], with a guest for each machine that is up.

mod images;
mod layers;
mod memory;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::Timestamp;
use rolltop_engine::{
    Accelerator, Bootstrap, Capability, Capable, DestroyReceipt, DiskAllowance, DoorStream, Engine,
    EngineError, ForkRequest, HostStatus, Images, Known, Lacks, Layers, Leftover, Machine, Memory, OffReason,
    Power, ResizeRequest, Shortage, StartRequest, TemplateInfo, Writing,
};
use rolltop_model::{DesktopId, LayerId, Size, SnapshotId, TemplateVersion};
use russh::keys::key::safe_rng;
use russh::keys::ssh_key::LineEnding;
use russh::keys::{Algorithm, PrivateKey};
use secrecy::SecretString;
use tokio::net::UnixStream;

use crate::faults::{DoorFault, Faults, Moment, Operation};
use crate::guest::{Disk, Guest, Ports, Template};
use crate::state_file::{self, Remembered, SavedTemplate, StateError};
use crate::world::{Change, LAYER_BYTES, SHUTDOWN, SimMachine, World};

/// The one template there is.
const TEMPLATE: &str = "desk@5100000000ab";
/// What holds what boots imported disks.
const IMPORTED: &str = "imported@51000000dead";
const GIB: u64 = 1 << 30;

/// How the simulation behaves when nothing is wrong.
#[derive(Debug, Clone)]
pub struct SimConfig {
    /// Where to remember everything; nothing is remembered if absent.
    pub directory: Option<PathBuf>,
    /// How long a fork takes. Default: 150 ms.
    pub fork_time: Duration,
    /// How long a cold boot takes. Default: 600 ms.
    pub start_time: Duration,
    /// Ports of every machine where a program answers that runs beside the simulation, on the same port of its
    /// loopback; for tests with real programs. Default: none.
    pub ports_beside: BTreeSet<u16>,
    /// Capabilities that it lacks; images need layers. Default: none.
    pub lacks: BTreeSet<Capability>,
}

impl Default for SimConfig {
    fn default() -> Self {
        Self {
            directory: None,
            fork_time: Duration::from_millis(150),
            start_time: Duration::from_millis(600),
            ports_beside: BTreeSet::new(),
            lacks: BTreeSet::new(),
        }
    }
}

impl SimConfig {
    /// In memory and without any waiting.
    pub fn instant() -> Self {
        Self { fork_time: Duration::ZERO, start_time: Duration::ZERO, ..Self::default() }
    }

    /// Only what every engine can.
    pub fn plain(self) -> Self {
        Self { lacks: Capability::ALL.into(), ..self }
    }

    fn has(&self, capability: Capability) -> Result<(), Lacks> {
        if self.lacks.contains(&capability) { Err(Lacks(capability)) } else { Ok(()) }
    }
}

pub struct SimEngine {
    shared: Arc<Shared>,
    since: Instant,
}

/// What guests can reach too, when their disks change.
struct Shared {
    config: SimConfig,
    faults: Arc<Faults>,
    template: Arc<Template>,
    template_version: TemplateVersion,
    state: Mutex<State>,
}

struct State {
    world: World,
    /// By machine, whether it is up or not.
    guests: BTreeMap<DesktopId, Arc<Guest>>,
    /// What was on the disks of snapshots.
    kept: BTreeMap<SnapshotId, Disk>,
    /// Those that were made of desktops, the newest first.
    templates: Vec<SavedTemplate>,
    /// What was written to layers beyond what each has, bytes.
    written: BTreeMap<LayerId, u64>,
    allowances: Vec<DiskAllowance>,
    /// Machines that may write otherwise than they are allowed.
    held_back: BTreeMap<DesktopId, Writing>,
}

impl SimEngine {
    pub fn new(config: SimConfig) -> Result<Self, StateError> {
        let loaded = match &config.directory {
            Some(directory) => state_file::load(directory)?,
            None => None,
        };
        let Remembered { bootstrap_key, template_host_key, mut world, disks, kept, templates } = match loaded
        {
            Some(remembered) => remembered,
            None => blank()?,
        };
        world.all_died();
        let template = Template {
            bootstrap_key: PrivateKey::from_openssh(&bootstrap_key).map_err(StateError::Keys)?,
            host_key: PrivateKey::from_openssh(&template_host_key).map_err(StateError::Keys)?,
        };
        let shared = Arc::new(Shared {
            config,
            faults: Arc::default(),
            template: Arc::new(template),
            template_version: TEMPLATE.parse().map_err(StateError::Template)?,
            state: Mutex::new(State {
                world,
                guests: BTreeMap::new(),
                kept,
                templates,
                written: BTreeMap::new(),
                allowances: Vec::new(),
                held_back: BTreeMap::new(),
            }),
        });
        let guests = disks.into_iter().map(|(id, disk)| (id, shared.guest(id, disk))).collect();
        shared.state().guests = guests;
        if let Some(directory) = &shared.config.directory {
            let remembered = shared.remembered(&shared.state());
            state_file::save(directory, &remembered)
                .map_err(|error| StateError::Directory(directory.clone(), error))?;
        }
        Ok(Self { shared, since: Instant::now() })
    }

    /// What can be made to go wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// A machine goes off without anybody asking: its process died, or the guest shut down.
    pub fn power_off(&self, desktop: DesktopId, why: OffReason) {
        let mut state = self.shared.state();
        let change = state.world.power_off(desktop, why);
        state.carry_out(desktop, change);
        self.shared.save(&state);
    }

    /// A machine has written so many bytes to its disk beyond what every machine has, for tests.
    pub fn write_disk(&self, desktop: DesktopId, bytes: u64) {
        let mut state = self.shared.state();
        let layer = state.world.held(desktop).map(SimMachine::layer);
        state.written.extend(layer.map(|layer| (layer, bytes)));
    }

    /// From now on this machine may write so, for tests.
    pub fn hold_back(&self, desktop: DesktopId, writing: Writing) {
        self.shared.state().held_back.insert(desktop, writing);
    }

    /// One more template, which is baked for no size, for tests.
    pub fn add_template(&self, name: &str, title: &str) -> Result<(), StateError> {
        let version = format!("{name}@5100000000cd").parse().map_err(StateError::Template)?;
        let info =
            TemplateInfo { version, title: title.to_owned(), baked: Vec::new(), ..self.shared.template() };
        let bootstrap = self.shared.bootstrap().map_err(StateError::Keys)?;
        let saved = SavedTemplate { info, bootstrap, disk: Disk::default() };
        self.shared.state().templates.push(saved);
        Ok(())
    }

    /// Ends every connection into a machine, which goes on running.
    pub fn cut_connections(&self, desktop: DesktopId) {
        if let Some(guest) = self.shared.state().guests.get(&desktop) {
            guest.cut_connections();
        }
    }

    /// What has been typed on a machine's screen since it came up, for tests.
    pub fn typed_text(&self, desktop: DesktopId) -> Option<String> {
        self.shared.state().guests.get(&desktop).map(|guest| guest.screen().typed())
    }

    /// A program in a machine puts a text on the clipboard of its screen, for tests.
    pub fn copy_text(&self, desktop: DesktopId, text: &str) {
        if let Some(guest) = self.shared.state().guests.get(&desktop) {
            guest.screen().copy(text.to_owned());
        }
    }

    /// What a viewer put on the clipboard of a machine's screen, for tests.
    pub fn clipboard(&self, desktop: DesktopId) -> Option<String> {
        self.shared.state().guests.get(&desktop).map(|guest| guest.screen().clipboard())
    }

    /// Bytes of a machine's terminals that their viewers took, for tests.
    pub fn terminal_bytes(&self, desktop: DesktopId) -> Option<u64> {
        self.shared.state().guests.get(&desktop).map(|guest| guest.terminal_bytes())
    }

    /// How many commands run in a machine that were started for somebody, for tests.
    pub fn running_commands(&self, desktop: DesktopId) -> Option<usize> {
        self.shared.state().guests.get(&desktop).map(|guest| guest.running_commands())
    }

    /// With what it has written, and what tests have it do.
    fn seen(&self, state: &State, mut machine: Machine) -> Machine {
        machine.disk_bytes += state.written(machine.layer);
        if matches!(machine.power, Power::On { .. }) {
            machine.work.cpu_ms = self.shared.faults.cpu_ms();
            machine.writing = self.shared.faults.writing().unwrap_or_else(|| state.may_write(&machine));
        }
        machine
    }

    /// Puts so many small files into a new folder of a machine, for tests.
    pub fn add_files(&self, desktop: DesktopId, folder: &str, count: usize) -> Option<()> {
        self.shared.state().guests.get(&desktop).map(|guest| guest.add_files(folder, count))
    }

    /// From now on nothing may be put into or taken out of a folder of a machine, for tests.
    pub fn lock_folder(&self, desktop: DesktopId, folder: &str) -> Option<()> {
        let guest = self.shared.state().guests.get(&desktop).cloned();
        guest.and_then(|guest| guest.lock_folder(folder))
    }

    /// Bytes that such commands have written, for tests.
    pub fn command_bytes(&self, desktop: DesktopId) -> Option<u64> {
        self.shared.state().guests.get(&desktop).map(|guest| guest.command_bytes())
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        // `World` changes by whole operations that do not panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn remembered(&self, state: &State) -> Remembered {
        let pem = |key: &PrivateKey| {
            key.to_openssh(LineEnding::LF).map(|text| text.to_string()).unwrap_or_default()
        };
        Remembered {
            bootstrap_key: pem(&self.template.bootstrap_key),
            template_host_key: pem(&self.template.host_key),
            world: state.world.clone(),
            disks: state.guests.iter().map(|(id, guest)| (*id, guest.disk())).collect(),
            kept: state.kept.clone(),
            templates: state.templates.clone(),
        }
    }

    /// The one that is always there.
    fn template(&self) -> TemplateInfo {
        TemplateInfo {
            version: self.template_version.clone(),
            title: "Simulated desktop".into(),
            description: "Not a machine: a picture of one, for trying Rolltop out and for tests.".into(),
            baked: Size::ALL.to_vec(),
            built_at: Timestamp::UNIX_EPOCH,
            disk_gib: 10,
            disk_bytes: 0,
        }
    }

    /// The way into its machines.
    fn bootstrap(&self) -> Result<Bootstrap, russh::keys::ssh_key::Error> {
        Ok(Bootstrap {
            private_key: SecretString::from(
                self.template.bootstrap_key.to_openssh(LineEnding::LF)?.to_string(),
            ),
            host_key: self.template.host_key.public_key().to_openssh()?.trim().to_owned(),
        })
    }

    /// A simulation that can't save goes on without.
    fn save(&self, state: &State) {
        if let Some(directory) = &self.config.directory
            && let Err(error) = state_file::save(directory, &self.remembered(state))
        {
            tracing::warn!(%error, "the simulation's state was not saved");
        }
    }

    /// What an operation takes and whether it fails, before it does anything.
    async fn enter(&self, operation: Operation, usual: Duration) -> Result<(), EngineError> {
        self.faults.answer(operation, Moment::Before).await;
        let time = self.faults.delay_of(operation).unwrap_or(usual);
        if !time.is_zero() {
            tokio::time::sleep(time).await;
        }
        self.faults.error_of(operation).map_or(Ok(()), Err)
    }

    /// What it has come to, if anybody is to hear of it.
    async fn leave<T>(&self, operation: Operation, came_to: T) -> T {
        self.faults.answer(operation, Moment::After).await;
        came_to
    }

    fn come_up(
        self: &Arc<Self>,
        desktop: DesktopId,
        operation: Operation,
        disk: Option<Disk>,
        change: impl FnOnce(&mut World, bool) -> Result<Change, EngineError>,
    ) -> Result<(), EngineError> {
        let cut_short = self.faults.is_cut_short(operation);
        let mut state = self.state();
        let change = change(&mut state.world, cut_short)?;
        state.guests.entry(desktop).or_insert_with(|| self.guest(desktop, disk.unwrap_or_default()));
        state.carry_out(desktop, change);
        self.save(&state);
        if cut_short { Err(EngineError::Host("cut short".into())) } else { Ok(()) }
    }

    fn guest(self: &Arc<Self>, desktop: DesktopId, disk: Disk) -> Arc<Guest> {
        let shared = Arc::downgrade(self);
        let changed = move || {
            if let Some(shared) = shared.upgrade() {
                shared.save(&shared.state());
            }
        };
        let ports = Ports::beside(self.config.ports_beside.clone());
        Guest::new(desktop, disk, self.template.clone(), self.faults.clone(), ports, Box::new(changed))
    }
}

impl State {
    fn written(&self, layer: LayerId) -> u64 {
        self.written.get(&layer).copied().unwrap_or_default()
    }

    fn may_write(&self, machine: &Machine) -> Writing {
        if let Some(writing) = self.held_back.get(&machine.desktop) {
            return *writing;
        }
        let allowance = self.allowances.iter().find(|allowance| allowance.desktop == machine.desktop);
        match allowance {
            Some(allowance) if machine.disk_bytes >= allowance.stop_from => {
                Writing::Stopped(Shortage::Allowance)
            }
            Some(allowance) if machine.disk_bytes >= allowance.slow_from => {
                Writing::Slowly(Shortage::Allowance)
            }
            Some(_) | None => Writing::Freely,
        }
    }

    fn saved(&self, version: &TemplateVersion) -> Option<&SavedTemplate> {
        self.templates.iter().find(|saved| saved.info.version == *version)
    }

    fn carry_out(&mut self, desktop: DesktopId, change: Change) {
        let Some(guest) = self.guests.get(&desktop) else { return };
        match change {
            Change::None => {}
            Change::CameUp => guest.boot(),
            Change::WentDown => guest.power_off(),
            Change::WasSuspended => guest.suspend(),
            Change::WasResumed => guest.resume(),
        }
    }
}

fn blank() -> Result<Remembered, StateError> {
    let key = || -> Result<String, StateError> {
        let key = PrivateKey::random(&mut safe_rng(), Algorithm::Ed25519).map_err(StateError::Keys)?;
        Ok(key.to_openssh(LineEnding::LF).map_err(StateError::Keys)?.to_string())
    };
    Ok(Remembered {
        bootstrap_key: key()?,
        template_host_key: key()?,
        world: World::default(),
        disks: BTreeMap::new(),
        kept: BTreeMap::new(),
        templates: Vec::new(),
    })
}

impl Capable for SimEngine {
    fn memory(&self) -> Result<&dyn Memory, Lacks> {
        self.shared.config.has(Capability::Memory).map(|()| self as _)
    }

    fn layers(&self) -> Result<&dyn Layers, Lacks> {
        self.shared.config.has(Capability::Layers).map(|()| self as _)
    }

    fn images(&self) -> Result<&dyn Images, Lacks> {
        self.shared.config.has(Capability::Images).map(|()| self as _)
    }
}

#[async_trait]
impl Engine for SimEngine {
    async fn templates(&self) -> Result<Vec<TemplateInfo>, EngineError> {
        self.shared.enter(Operation::Templates, Duration::ZERO).await?;
        let mut templates: Vec<_> =
            self.shared.state().templates.iter().map(|saved| saved.info.clone()).collect();
        templates.push(self.shared.template());
        Ok(templates)
    }

    async fn bootstrap(&self, template: &TemplateVersion) -> Result<Bootstrap, EngineError> {
        self.shared.enter(Operation::Bootstrap, Duration::ZERO).await?;
        if let Some(saved) = self.shared.state().saved(template) {
            return Ok(saved.bootstrap.clone());
        }
        if *template != self.shared.template_version {
            return Err(EngineError::UnknownTemplate(template.to_string()));
        }
        self.shared.bootstrap().map_err(|error| EngineError::Host(error.to_string()))
    }

    async fn fork(&self, request: &ForkRequest) -> Result<(), EngineError> {
        if request.from.is_some() {
            self.layers()?;
        }
        self.shared.faults.unless_stuck(Operation::Fork, request.desktop).await;
        self.shared.enter(Operation::Fork, self.shared.config.fork_time).await?;
        let disk = {
            let state = self.shared.state();
            let saved = state.saved(&request.template).map(|saved| saved.disk.clone());
            let is_imported = request.from.is_some() && request.template.to_string() == IMPORTED;
            if saved.is_none() && !is_imported && request.template != self.shared.template_version {
                return Err(EngineError::UnknownTemplate(request.template.to_string()));
            }
            match &request.from {
                Some(origin) => state.kept.get(&origin.snapshot).cloned(),
                None => saved,
            }
        };
        let forked = self
            .shared
            .come_up(request.desktop, Operation::Fork, disk, |world, cut| world.fork(request, cut));
        self.shared.leave(Operation::Fork, forked).await
    }

    async fn start(&self, request: &StartRequest) -> Result<(), EngineError> {
        self.shared.faults.unless_stuck(Operation::Start, request.desktop).await;
        self.shared.enter(Operation::Start, self.shared.config.start_time).await?;
        let started = self
            .shared
            .come_up(request.desktop, Operation::Start, None, |world, cut| world.start(request, cut));
        self.shared.leave(Operation::Start, started).await
    }

    async fn allow_disk(&self, allowances: Vec<DiskAllowance>) -> Result<(), EngineError> {
        self.shared.enter(Operation::AllowDisk, Duration::ZERO).await?;
        self.shared.state().allowances = allowances;
        Ok(())
    }

    async fn resize(&self, request: &ResizeRequest) -> Result<(), EngineError> {
        self.shared.enter(Operation::Resize, Duration::ZERO).await?;
        let outcome = {
            let mut state = self.shared.state();
            state.world.resize(request)?;
            self.shared.save(&state);
            Ok(())
        };
        self.shared.leave(Operation::Resize, outcome).await
    }

    async fn release(&self, desktop: DesktopId, fence: u64) -> Result<(), EngineError> {
        self.shared.enter(Operation::Release, Duration::ZERO).await?;
        let outcome = {
            let mut state = self.shared.state();
            state.world.release(desktop, fence)?;
            self.shared.save(&state);
            Ok(())
        };
        self.shared.leave(Operation::Release, outcome).await
    }

    async fn stop(&self, desktop: DesktopId, fence: u64, grace: Duration) -> Result<(), EngineError> {
        self.shared.faults.unless_stuck(Operation::Stop, desktop).await;
        self.shared.enter(Operation::Stop, SHUTDOWN.min(grace)).await?;
        let outcome = {
            let mut state = self.shared.state();
            let change = state.world.stop(desktop, fence)?;
            state.carry_out(desktop, change);
            self.shared.save(&state);
            Ok(())
        };
        self.shared.leave(Operation::Stop, outcome).await
    }

    async fn destroy(&self, desktop: DesktopId, fence: u64) -> Result<DestroyReceipt, EngineError> {
        self.shared.faults.unless_stuck(Operation::Destroy, desktop).await;
        self.shared.enter(Operation::Destroy, Duration::ZERO).await?;
        let outcome = {
            let mut state = self.shared.state();
            if self.shared.faults.is_cut_short(Operation::Destroy) {
                let change = state.world.power_off(desktop, OffReason::Asked);
                state.carry_out(desktop, change);
                self.shared.save(&state);
                return Err(EngineError::Host("cut short".into()));
            }
            let held = state.world.destroy(desktop, fence)?;
            state.carry_out(desktop, Change::WentDown);
            state.guests.remove(&desktop);
            self.shared.save(&state);
            Ok(DestroyReceipt {
                removed_at: Timestamp::now(),
                bytes: held.as_ref().map_or(0, |_| LAYER_BYTES),
                removed: held.map(|held| vec![format!("disk layer {}", held.layer())]).unwrap_or_default(),
            })
        };
        self.shared.leave(Operation::Destroy, outcome).await
    }

    async fn observe(&self) -> Result<Vec<Machine>, EngineError> {
        self.shared.enter(Operation::Observe, Duration::ZERO).await?;
        let state = self.shared.state();
        let seen = state.world.observe().into_iter().map(|machine| self.seen(&state, machine));
        Ok(seen.collect())
    }

    async fn observe_one(&self, desktop: DesktopId) -> Result<Option<Machine>, EngineError> {
        self.shared.enter(Operation::Observe, Duration::ZERO).await?;
        let state = self.shared.state();
        Ok(state.world.observe_one(desktop).map(|machine| self.seen(&state, machine)))
    }

    async fn connect(&self, desktop: DesktopId) -> Result<DoorStream, EngineError> {
        self.shared.enter(Operation::Connect, Duration::ZERO).await?;
        let guest = {
            let state = self.shared.state();
            let held = state.world.held(desktop).ok_or(EngineError::UnknownDesktop)?;
            match held.power {
                rolltop_engine::Power::On { .. } => state.guests.get(&desktop).cloned(),
                rolltop_engine::Power::Off { .. } => None,
            }
        };
        let guest = guest.ok_or(EngineError::NotRunning)?;
        // A socket pair rather than a pipe in memory, so that the host can pass its end on.
        let (ours, theirs) = UnixStream::pair().map_err(|error| EngineError::Host(error.to_string()))?;
        match self.shared.faults.door_fault(desktop) {
            DoorFault::None => guest.serve(theirs),
            DoorFault::NeverOpens => guest.keep_silent(theirs),
            DoorFault::Unreachable | DoorFault::Full => return Err(EngineError::Timeout("the door".into())),
        }
        Ok(Box::new(ours))
    }

    async fn console_tail(&self, desktop: DesktopId, max_bytes: usize) -> Result<String, EngineError> {
        self.shared.enter(Operation::ConsoleTail, Duration::ZERO).await?;
        let state = self.shared.state();
        let guest = state.guests.get(&desktop).ok_or(EngineError::UnknownDesktop)?;
        let text = guest.console();
        let from = text.len().saturating_sub(max_bytes);
        let tail = text.get(from..).unwrap_or_default();
        let whole_lines = if from == 0 { tail } else { tail.split_once('\n').map_or("", |(_, rest)| rest) };
        Ok(whole_lines.to_owned())
    }

    async fn host(&self) -> Result<HostStatus, EngineError> {
        self.shared.enter(Operation::Host, Duration::ZERO).await?;
        let machines = self.shared.state().world.observe();
        let running = machines.iter().filter(|machine| machine.memory_bytes > 0);
        let used: u64 = running.clone().map(|machine| machine.memory_bytes).sum();
        let disk: u64 = machines.iter().map(|machine| machine.disk_bytes).sum();
        Ok(HostStatus {
            engine: "sim".into(),
            accelerator: Accelerator::Simulated,
            qemu_version: "none".into(),
            cpus: 8,
            cpu_busy: 0.1,
            memory_total_bytes: 64 * GIB,
            memory_available_bytes: (60 * GIB).saturating_sub(used),
            disk_total_bytes: 1000 * GIB,
            disk_available_bytes: (900 * GIB).saturating_sub(disk),
            machines_running: u32::try_from(running.count()).unwrap_or(u32::MAX),
            uptime_seconds: self.since.elapsed().as_secs(),
            warnings: self.shared.faults.warnings(),
        })
    }

    async fn leftovers(&self, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        let mut found = self.shared.state().world.leftovers(known);
        found.extend(self.shared.faults.left_behind());
        Ok(found)
    }

    async fn sweep(&self, known: &Known) -> Result<Vec<Leftover>, EngineError> {
        let mut state = self.shared.state();
        let mut found = state.world.leftovers(known);
        for desktop in state.world.sweep(known) {
            state.carry_out(desktop, Change::WentDown);
            state.guests.remove(&desktop);
        }
        state.kept.retain(|id, _| known.snapshots.contains(id));
        self.shared.save(&state);
        found.extend(self.shared.faults.sweep_left_behind());
        Ok(found)
    }
}
