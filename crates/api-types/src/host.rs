//! The health of the machine that runs the desktops.

use rolltop_model::{DesktopId, SnapshotId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::NotSupported;

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct Host {
    /// What makes the machines: `qemu` or `sim`.
    #[schema(example = "qemu")]
    pub engine: String,
    pub accelerator: Accelerator,
    #[schema(example = "10.0.6")]
    pub qemu_version: String,
    pub cpus: u32,
    /// Share of all processors that was busy since this was last asked, 0 to 1.
    #[schema(example = 0.25)]
    pub cpu_busy: f64,
    pub memory_total_bytes: u64,
    pub memory_available_bytes: u64,
    pub disk_total_bytes: u64,
    pub disk_available_bytes: u64,
    pub machines_running: u32,
    pub uptime_seconds: u64,
    /// What its operator should know. Empty where there is nothing.
    pub warnings: Vec<HostWarning>,
    /// What can't be done with desktops, because of the engine. Absent where everything can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub not_supported: Vec<NotSupported>,
}

/// Something on the host that will be in somebody's way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct HostWarning {
    pub kind: HostWarningKind,
    /// A sentence.
    #[schema(
        example = "The memory of desk-1 can't be brought back: it is of QEMU 11.1.3, and this host has the older 10.0.2."
    )]
    pub message: String,
    /// Of `memory_unusable`, where it is a desktop of the caller's workspace that is suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "dsk_01k9abc2def3ghj4kmn5pqrs6t")]
    pub desktop: Option<DesktopId>,
    /// Of `memory_unusable`, where it is a snapshot of the caller's workspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "snp_01k9abc2def3ghj4kmn5pqrs6t")]
    pub snapshot: Option<SnapshotId>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum HostWarningKind {
    /// A kept memory can't be brought back by this host's QEMU on its processor.
    MemoryUnusable,
    /// The host's firewall drops what desktops send to the internet.
    ForwardingDropped,
}

/// `GET /admin/host-warnings`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct HostWarningList {
    pub items: Vec<HostWarning>,
}

/// What runs the guests' instructions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Accelerator {
    pub kind: AcceleratorKind,
    /// Why not KVM, as a sentence. Present with `tcg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AcceleratorKind {
    /// The processor itself.
    Kvm,
    /// Pure emulation: correct, several times slower.
    Tcg,
    /// No machines at all: the simulated engine.
    Simulated,
}

/// What can be asked.
pub mod op {
    use super::Host;
    use crate::operation::{Access, operations};

    operations! {
        /// The host's health
        GetHost as host: GET "/v1/host" {
            tag: "host",
            access: Access::Scopes(&[crate::Scope::HostRead]),
            reply: 200 "As it is now." Host,
            errors: [],
        }
    }
}
