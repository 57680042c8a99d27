//! The health of the machine that runs the desktops.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

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
