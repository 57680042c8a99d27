//! Memory: of Rolltop itself, and of idle desktops.

use std::time::Duration;

use rolltop_api_types::DesktopState;
use rolltop_vm_tests::{Platform, qemus};
use tokio::task::block_in_place;

use crate::kept::calm;
use crate::report::{against, median, value};
use crate::stock;

const MB: f64 = 1e6;
/// How many idle desktops are measured together.
const DESKTOPS: usize = 20;
/// Forks that QEMU makes by itself, of which each holds all memory that its origin has written to.
const STOCK: u8 = 5;
/// How long they are left alone after the last of them was ready.
const SETTLE: Duration = Duration::from_secs(60);

/// Resident memory of all four roles, idle, and of each. Pages of the program's file, which is one, count for each of them.
pub fn control_plane_memory(platform: &Platform) -> anyhow::Result<()> {
    let mut total = 0.0;
    for (role, name) in [
        ("web", "control_plane_memory_web"),
        ("api", "control_plane_memory_api"),
        ("host", "control_plane_memory_host"),
        ("ssh", "control_plane_memory_ssh"),
    ] {
        let resident = kib(&format!("/proc/{}/status", platform.role(role)?), "VmRSS:")? * 1024.0 / MB;
        value(name, "MB", &[resident])?;
        total += resident;
    }
    value("control_plane_memory", "MB", &[total])
}

/// Private guest memory of each, and host memory of all by number.
pub async fn twenty_idle_desktops(platform: &Platform) -> anyhow::Result<()> {
    let mut ids = Vec::new();
    for number in 0..DESKTOPS {
        ids.push(platform.create(&format!("idle-{number}")).await?.id);
    }
    for id in &ids {
        platform.wait_for(*id, DesktopState::Running).await?;
    }
    eprintln!("{DESKTOPS} desktops run; left alone for {} s", SETTLE.as_secs());
    tokio::time::sleep(SETTLE).await; // the figure is defined at this time
    let (mut private, mut whole) = (Vec::new(), 0.0);
    for id in &ids {
        for pid in qemus(&id.to_string()) {
            private.push(private_guest_memory(pid)? / MB);
            whole += kib(&format!("/proc/{pid}/smaps_rollup"), "Pss:")? * 1024.0 / MB;
        }
    }
    eprintln!("private guest memory: median {:.1} MB of {}", median(&private), private.len());
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    value("host_memory_per_desktop", "MB", &[whole / DESKTOPS as f64])?;
    for id in &ids {
        platform.client.destroy_desktop(*id).await?;
    }
    for id in &ids {
        platform.wait_gone(*id).await?;
    }

    let templates = platform.data().join("host/templates");
    let mut origin = block_in_place(|| stock::Origin::boot(&templates, "true"))?;
    calm(platform).await?;
    let (_, forks) = block_in_place(|| origin.fork(STOCK))?;
    tokio::time::sleep(SETTLE).await; // the same
    let stock: anyhow::Result<Vec<f64>> = forks.iter().map(|fork| Ok(fork.private_memory()? / MB)).collect();
    against("idle_fork_private_memory", "MB", &private, stock::WAY, &stock?)
}

pub(crate) fn kib(path: &str, key: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(path)?;
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse()?)
}

/// Bytes of the guest's RAM that this process alone holds: the anonymous part of the mapping
/// of the baked memory file.
pub(crate) fn private_guest_memory(pid: u32) -> anyhow::Result<f64> {
    held(pid, "Anonymous:", |mapping| mapping.trim_end().ends_with("/ram"))
}

/// Bytes that `smaps` counts as `key` in those of a process's mappings whose first line is one of these.
pub(crate) fn held(pid: u32, key: &str, is_one: impl Fn(&str) -> bool) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let mut inside = false;
    let mut total = 0.0;
    for line in text.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if first.contains('-') {
            inside = is_one(line);
        } else if inside && first == key {
            total += line.split_whitespace().nth(1).unwrap_or("0").parse::<f64>()? * 1024.0;
        }
    }
    Ok(total)
}
