//! One simulated machine: its disk, its screen, and the sshd that answers at its door.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rolltop_model::DesktopId;
use russh::keys::PrivateKey;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;
use tokio_util::sync::CancellationToken;

use crate::faults::{DoorFault, Faults};
use crate::screen::Screen;

mod attendant;
mod command;
mod eager;
mod exec;
mod files;
mod init;
mod keys;
mod ports;
mod rfb;
mod rfb_message;
mod setup;
mod sftp;
mod shell;
mod sshd;
mod terminals;

pub use ports::Ports;

/// What every fresh fork has in common.
pub struct Template {
    pub bootstrap_key: PrivateKey,
    pub host_key: PrivateKey,
}

/// What stays when a machine goes off.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disk {
    pub identity: Option<Identity>,
}

/// Made by the first `init`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Identity {
    pub desktop: String,
    pub hostname: String,
    /// OpenSSH private key.
    pub host_key: String,
    /// OpenSSH public lines.
    pub door_key: String,
    pub authorized_keys: Vec<String>,
}

pub struct Guest {
    desktop: DesktopId,
    template: Arc<Template>,
    faults: Arc<Faults>,
    disk: Mutex<Disk>,
    screen: Arc<Screen>,
    files: files::Files,
    terminals: terminals::Terminals,
    ports: Ports,
    commands: exec::Commands,
    setups: setup::Setups,
    console: Mutex<String>,
    power: Mutex<Power>,
    changed: Box<dyn Fn() + Send + Sync>,
}

/// Cancelled tokens end what depends on them.
struct Power {
    on: CancellationToken,
    connections: CancellationToken,
}

impl Guest {
    /// A machine that is off. `changed` is called after its disk has changed.
    pub fn new(
        desktop: DesktopId,
        disk: Disk,
        template: Arc<Template>,
        faults: Arc<Faults>,
        ports: Ports,
        changed: Box<dyn Fn() + Send + Sync>,
    ) -> Arc<Self> {
        let name = disk.identity.as_ref().map_or("template", |identity| &identity.hostname).to_owned();
        let off = CancellationToken::new();
        off.cancel();
        Arc::new(Self {
            desktop,
            template,
            faults,
            disk: Mutex::new(disk),
            screen: Arc::new(Screen::new(&name, &desktop.to_string())),
            files: files::Files::new(&desktop.to_string()),
            terminals: terminals::Terminals::default(),
            ports,
            commands: exec::Commands::default(),
            setups: setup::Setups::default(),
            console: Mutex::default(),
            power: Mutex::new(Power { connections: off.child_token(), on: off }),
            changed,
        })
    }

    pub fn boot(&self) {
        let on = CancellationToken::new();
        *locked(&self.power) = Power { connections: on.child_token(), on };
        self.screen.clear();
        self.log("Linux version 6.12-simulated");
        self.log("systemd[1]: Reached target graphical.target");
    }

    pub fn power_off(&self) {
        locked(&self.power).on.cancel();
        self.terminals.clear();
        self.setups.power_off();
        self.ports.end_web();
        self.log("reboot: Power down");
    }

    /// Everyone connected is cut off; terminals, screen and commands stay as they are.
    pub fn suspend(&self) {
        locked(&self.power).connections.cancel();
    }

    /// New connections are taken again.
    pub fn resume(&self) {
        let mut power = locked(&self.power);
        if power.on.is_cancelled() {
            // It was suspended in an earlier life of the simulation, which kept its disk only.
            drop(power);
            return self.boot();
        }
        power.connections = power.on.child_token();
    }

    /// Everyone connected is cut off; new connections are taken.
    pub fn cut_connections(&self) {
        let mut power = locked(&self.power);
        power.connections.cancel();
        power.connections = power.on.child_token();
    }

    /// Answers one connection as sshd does, until either side or the power ends it.
    pub fn serve(self: Arc<Self>, stream: UnixStream) {
        let ended = locked(&self.power).connections.clone();
        tokio::spawn(sshd::serve(self, stream, ended));
    }

    /// Holds a connection open and says nothing.
    pub fn keep_silent(&self, stream: UnixStream) {
        let ended = locked(&self.power).connections.clone();
        tokio::spawn(async move {
            ended.cancelled().await;
            drop(stream);
        });
    }

    pub fn disk(&self) -> Disk {
        locked(&self.disk).clone()
    }

    pub fn screen(&self) -> &Arc<Screen> {
        &self.screen
    }

    /// Bytes of terminals that their viewers took.
    pub fn terminal_bytes(&self) -> u64 {
        self.terminals.taken()
    }

    /// How many commands run that were started through `exec`.
    pub fn running_commands(&self) -> usize {
        self.commands.running()
    }

    pub fn add_files(&self, folder: &str, count: usize) {
        self.files.add_many(folder, count);
    }

    pub fn lock_folder(&self, folder: &str) -> Option<()> {
        self.files.change(folder, None, Some(0o555)).ok()
    }

    /// Ends what people run.
    pub fn end_all(&self) {
        self.commands.end();
        self.terminals.clear();
        self.ports.end_web();
        self.faults.door_is_free(self.desktop);
    }

    /// Bytes that such commands have written.
    pub fn command_bytes(&self) -> u64 {
        self.commands.written()
    }

    /// Nothing more is let in or started.
    pub fn is_full(&self) -> bool {
        self.faults.door_fault(self.desktop) == DoorFault::Full
    }

    pub fn console(&self) -> String {
        locked(&self.console).clone()
    }

    fn set_disk(&self, disk: Disk) {
        *locked(&self.disk) = disk;
        (self.changed)();
    }

    fn log(&self, line: &str) {
        let mut console = locked(&self.console);
        console.push_str(line);
        console.push('\n');
    }
}

/// Nothing here is left half changed by a panic.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
