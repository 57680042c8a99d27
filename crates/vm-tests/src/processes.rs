//! QEMU processes as the kernel shows them.

use std::fs;

use anyhow::Context as _;

/// Process ids of the QEMUs that run this desktop, by the name on their command line.
pub fn qemus(desktop: &str) -> Vec<u32> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<u32>().ok())
        .filter(|pid| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            line.contains("qemu-system") && line.contains(desktop)
        })
        .collect()
}

/// Whether a process exists and is no zombie.
pub fn alive(pid: u32) -> bool {
    fs::read_to_string(format!("/proc/{pid}/stat"))
        .ok()
        .and_then(|stat| stat.rsplit(')').next().map(|rest| !rest.trim_start().starts_with('Z')))
        .unwrap_or(false)
}

/// The memory of a process from some moment on.
pub struct Memory {
    pid: i32,
    before: u64,
}

impl Memory {
    /// Forgets what it held at most until now.
    pub fn watch(pid: i32) -> anyhow::Result<Self> {
        fs::write(format!("/proc/{pid}/clear_refs"), "5")?;
        Ok(Self { pid, before: resident(pid, "VmRSS:")? })
    }

    /// Bytes resident at the moment that was most, beyond what it was at the beginning.
    pub fn growth(&self) -> anyhow::Result<u64> {
        Ok(self.most()?.saturating_sub(self.before))
    }

    /// Bytes resident at the moment that was most.
    pub fn most(&self) -> anyhow::Result<u64> {
        resident(self.pid, "VmHWM:")
    }
}

fn resident(pid: i32, field: &str) -> anyhow::Result<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix(field)).context("a process's memory")?;
    Ok(line.split_whitespace().next().unwrap_or("0").parse::<u64>()? * 1024)
}
