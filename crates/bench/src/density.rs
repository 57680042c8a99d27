//! Memory: of Rolltop itself, and of idle desktops.

use std::time::Duration;

use rolltop_api_types::DesktopState;
use rolltop_vm_tests::{Platform, qemus};

use crate::report::{median, value};

const MB: f64 = 1e6;
/// How many idle desktops are measured together.
const DESKTOPS: usize = 20;
/// How long they are left alone after the last of them was ready.
const SETTLE: Duration = Duration::from_secs(60);

/// Resident memory of all four roles, idle.
pub fn control_plane_memory(platform: &Platform) -> anyhow::Result<()> {
    let mut total = 0.0;
    for role in ["web", "api", "host", "ssh"] {
        total += kib(&format!("/proc/{}/status", platform.role(role)?), "VmRSS:")? * 1024.0 / MB;
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
    value("idle_fork_private_memory", "MB", &private)?;
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    value("host_memory_per_desktop", "MB", &[whole / DESKTOPS as f64])?;
    for id in &ids {
        platform.client.destroy_desktop(*id).await?;
    }
    for id in &ids {
        platform.wait_gone(*id).await?;
    }
    Ok(())
}

fn kib(path: &str, key: &str) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(path)?;
    let line = text.lines().find(|line| line.starts_with(key)).unwrap_or_default();
    Ok(line.split_whitespace().nth(1).unwrap_or("0").parse()?)
}

/// Bytes of the guest's RAM that this process alone holds: the anonymous part of the mapping
/// of the baked memory file.
pub(crate) fn private_guest_memory(pid: u32) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{pid}/smaps"))?;
    let mut inside = false;
    let mut total = 0.0;
    for line in text.lines() {
        let first = line.split_whitespace().next().unwrap_or_default();
        if first.contains('-') {
            inside = line.trim_end().ends_with("/ram");
        } else if inside && first == "Anonymous:" {
            total += line.split_whitespace().nth(1).unwrap_or("0").parse::<f64>()? * 1024.0;
        }
    }
    Ok(total)
}
