//! What makes and runs virtual machines, as the rest of Rolltop sees it.
//!
//! [`Engine`] is what every engine can, [`Memory`], [`Layers`] and [`Images`] what one may have besides; who needs one of
//! these asks for it ([`Capable`]). `engine-qemu` is all of it on this host, `sim` in memory for tests and
//! `--engine sim`. Every request carries a fence: the engine remembers the highest it has
//! seen for a desktop and refuses a lower one, so that a control process that has lost its
//! lease can't undo what its successor did. Every operation may be repeated with the same
//! arguments and then succeeds without doing anything twice.
//!
//! Deliberately absent: users, names, databases, what a desktop is for.

use std::any::Any;

use jiff::Timestamp;
use rolltop_model::{DesktopId, LayerId, Size, SnapshotId, TemplateVersion};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncRead, AsyncWrite};

mod call;
pub mod calls;
mod capability;
#[cfg(feature = "contract")]
pub mod contract;
mod error;
pub mod image;
mod layer_key;

pub use call::{Call, Capabilities, Carry, Dispatch, Reply};
pub use calls::{AnyCall, Engine, Images, Layers, Memory};
pub use capability::{Capability, Capable, Lacks};
pub use error::EngineError;
pub use layer_key::LayerKey;

/// Bytes both ways between the api and a desktop's sshd. `Any`, so that the host can find the
/// socket inside one and pass that on instead of copying bytes.
pub trait Duplex: Any + AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: Any + AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An open connection to a desktop's door.
pub type DoorStream = Box<dyn Duplex>;

/// What a fork of a template can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TemplateInfo {
    pub version: TemplateVersion,
    /// For people, such as "Debian 13 with XFCE".
    pub title: String,
    pub description: String,
    /// Sizes whose booted memory is kept: these start in about a second. Others cold-boot.
    pub baked: Vec<Size>,
    pub built_at: Timestamp,
    /// A desktop's disk is at least as large, GiB.
    pub disk_gib: u64,
    /// Bytes on the host's disk, image and memories together.
    pub disk_bytes: u64,
}

/// The way into a fork that nobody has personalised yet. The key is worth nothing outside the
/// host: it opens only machines in quarantine, and personalising replaces it.
#[derive(Clone, Serialize, Deserialize)]
pub struct Bootstrap {
    /// OpenSSH private key, authorised in the template for user `rolltop`.
    #[serde(serialize_with = "error::expose")]
    pub private_key: SecretString,
    /// The template's own sshd host key, one line in OpenSSH public format.
    pub host_key: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ForkRequest {
    pub desktop: DesktopId,
    pub fence: u64,
    /// Counts the starts of this desktop; reported back by [`Machine`].
    pub boot: u32,
    pub template: TemplateVersion,
    pub size: Size,
    /// A new layer, which it is to write to.
    pub disk: DiskLayer,
    /// `None` for the template itself.
    pub from: Option<Origin>,
}

/// A snapshot, as the origin of a machine.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Origin {
    pub snapshot: SnapshotId,
    /// Its layers, the latest first.
    pub disk: Vec<DiskLayer>,
}

/// One layer of a disk, and its key.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct DiskLayer {
    pub layer: LayerId,
    pub key: LayerKey,
}

/// For [`Engine::start`] and [`Memory::resume`].
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct StartRequest {
    pub desktop: DesktopId,
    pub fence: u64,
    pub boot: u32,
    /// Its layers, the one it writes to first. Those that it does not need any more since
    /// [`Layers::flatten`] may be among them.
    pub disk: Vec<DiskLayer>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SuspendRequest {
    pub desktop: DesktopId,
    pub fence: u64,
    /// The key of the layer it writes to; what is kept is encrypted with one made from it.
    pub key: LayerKey,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SnapshotRequest {
    pub desktop: DesktopId,
    pub fence: u64,
    pub snapshot: SnapshotId,
    /// The key of the layer it writes to now; a memory is encrypted with one made from it.
    pub key: LayerKey,
    /// A new layer, which it writes to from now on.
    pub next: DiskLayer,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RevertRequest {
    pub desktop: DesktopId,
    pub fence: u64,
    pub from: Origin,
    /// A new layer, which it writes to from now on.
    pub next: DiskLayer,
}

/// How far a disk is from having one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Flattening {
    Copying,
    Flat,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ResizeRequest {
    pub desktop: DesktopId,
    pub fence: u64,
    /// Its processors and memory from the next boot on.
    pub size: Size,
    pub disk_gib: u64,
}

#[derive(Clone, Serialize, Deserialize)]
pub struct SaveTemplateRequest {
    pub desktop: DesktopId,
    pub fence: u64,
    pub version: TemplateVersion,
    pub title: String,
    pub description: String,
    /// The way into what is forked from it: that of the machine, which has to go afterwards.
    pub bootstrap: Bootstrap,
}

/// What an engine knows of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotInfo {
    pub snapshot: SnapshotId,
    pub taken_at: Timestamp,
    /// What the machine was then.
    pub size: Size,
    pub disk_gib: u64,
    /// Its layers, the latest first.
    pub layers: Vec<LayerId>,
    pub has_memory: bool,
    /// Bytes of its memory on the host's disk.
    pub memory_bytes: u64,
    /// Bytes of its latest layer on the host's disk.
    pub disk_bytes: u64,
    /// How long the machine stood still for it, milliseconds.
    pub pause_ms: u64,
}

/// What a layer takes of the host's disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LayerUse {
    pub layer: LayerId,
    pub bytes: u64,
}

/// How much of the host's disk a running machine may take for itself, as [`Machine::disk_bytes`] counts it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskAllowance {
    pub desktop: DesktopId,
    /// From so many bytes on it writes slowly.
    pub slow_from: u64,
    /// From so many on it stands still.
    pub stop_from: u64,
}

/// How a running machine may write to its disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Writing {
    #[default]
    Freely,
    /// A mebibyte a second, so that whoever works in it can make room.
    Slowly(Shortage),
    /// Not at all: it stands still, and goes on where it was once there is room.
    Stopped(Shortage),
}

impl Writing {
    pub fn is_stopped(self) -> bool {
        matches!(self, Writing::Stopped(_))
    }
}

/// What there is too little of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortage {
    /// Room on the host's disk.
    HostDisk,
    /// Room that it was allowed, by [`Engine::allow_disk`].
    Allowance,
}

/// What an engine knows of one machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    pub desktop: DesktopId,
    pub power: Power,
    /// Which start this is or was, from [`ForkRequest::boot`] or [`StartRequest::boot`]. A resume
    /// counts as a start.
    pub boot: u32,
    /// The layer it writes to.
    pub layer: LayerId,
    /// Of its latest start.
    pub size: Size,
    pub disk_gib: u64,
    /// Host memory that belongs to this machine alone (Pss of its process), bytes; 0 when off.
    pub memory_bytes: u64,
    /// Bytes of its own on the host's disk.
    pub disk_bytes: u64,
    /// Freely where it does not run.
    #[serde(default)]
    pub writing: Writing,
    /// What it has done since its process started.
    pub work: Work,
}

/// What a machine's process has done since it started; nothing when off.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Work {
    /// Processor time, milliseconds, its emulation's included.
    pub cpu_ms: u64,
    /// From other networks, bytes. What goes through the door is not counted.
    pub received_bytes: u64,
    /// To other networks, bytes.
    pub sent_bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Power {
    On { quarantined: bool },
    Off { why: OffReason },
}

/// Why a machine is off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OffReason {
    /// [`Engine::stop`] was called.
    Asked,
    /// The guest shut itself down.
    Guest,
    /// The guest wanted its machine to begin anew: `reboot`, a crash, a triple fault.
    Reset,
    /// The machine's process is gone and nobody asked for it.
    Died,
    /// Never came up: a start or fork was cut short.
    NeverStarted,
    /// Its memory is kept: [`Memory::resume`] brings it back.
    Suspended,
    /// It ran when the host went down.
    HostRestarted,
}

/// What destroying removed, for the owner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DestroyReceipt {
    pub removed_at: Timestamp,
    /// Bytes freed on disk.
    pub bytes: u64,
    /// What it was, such as "disk layer", "console log", "network namespace".
    pub removed: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HostStatus {
    pub engine: String,
    /// "KVM", or "TCG" with the reason why not KVM.
    pub accelerator: Accelerator,
    pub qemu_version: String,
    pub cpus: u32,
    /// Share of all processors busy since the last call, 0 to 1.
    pub cpu_busy: f64,
    pub memory_total_bytes: u64,
    pub memory_available_bytes: u64,
    pub disk_total_bytes: u64,
    pub disk_available_bytes: u64,
    pub machines_running: u32,
    pub uptime_seconds: u64,
    /// What its operator should know. At most 20 s old.
    #[serde(default)]
    pub warnings: Vec<HostWarning>,
}

/// Something on the host that will be in somebody's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum HostWarning {
    /// A kept memory that can't be brought back here: a suspended desktop's, or a snapshot's. `why` is half a sentence.
    MemoryUnusable { desktop: Option<DesktopId>, snapshot: Option<SnapshotId>, why: String },
    /// Another's table of the firewall drops what desktops send to the internet, such as `ip filter`.
    ForwardingDropped { table: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Accelerator {
    Kvm,
    /// Pure emulation: correct, several times slower. `why` is a sentence.
    Tcg {
        why: String,
    },
    Simulated,
}

/// What the caller knows to be wanted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Known {
    pub desktops: Vec<DesktopId>,
    pub snapshots: Vec<SnapshotId>,
}

/// Something that belongs to nobody, such as `{kind: "network namespace", name: "rt-7"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Leftover {
    pub kind: String,
    pub name: String,
    /// Why it could not be removed.
    #[serde(default)]
    pub stays: Option<String>,
}
