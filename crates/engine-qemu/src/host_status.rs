//! The host's health, read from `/proc`.

use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rolltop_engine::EngineError;

/// Room on the host's disk, bytes.
pub(crate) struct Space {
    pub total: u64,
    pub available: u64,
}

pub(crate) fn disk(path: &Path) -> Space {
    rustix::fs::statvfs(path).map_or(Space { total: 0, available: 0 }, |status| Space {
        total: status.f_blocks.saturating_mul(status.f_frsize),
        available: status.f_bavail.saturating_mul(status.f_frsize),
    })
}

/// The host's memory, bytes.
pub(crate) fn memory() -> Space {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    Space { total: meminfo(&text, "MemTotal:"), available: meminfo(&text, "MemAvailable:") }
}

fn meminfo(text: &str, name: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok()).unwrap_or(0) << 10
}

/// Refuses to begin something where there is too little room for it.
pub(crate) fn room(path: &Path, min_disk: u64, min_memory: u64) -> Result<(), EngineError> {
    if disk(path).available < min_disk {
        return Err(EngineError::DiskFull);
    }
    if memory().available < min_memory {
        return Err(EngineError::NoMemory);
    }
    Ok(())
}

pub(crate) fn uptime_seconds() -> u64 {
    let text = std::fs::read_to_string("/proc/uptime").unwrap_or_default();
    text.split('.').next().and_then(|seconds| seconds.parse().ok()).unwrap_or(0)
}

/// How busy the processors were since it was last asked.
#[derive(Debug, Default)]
pub(crate) struct CpuMeter {
    last: Mutex<(u64, u64)>,
}

impl CpuMeter {
    pub(crate) fn busy(&self) -> f64 {
        let now = busy_and_total(&std::fs::read_to_string("/proc/stat").unwrap_or_default());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (busy, total) = (now.0.saturating_sub(last.0), now.1.saturating_sub(last.1));
        *last = now;
        if total == 0 { 0.0 } else { (busy as f64 / total as f64).clamp(0.0, 1.0) }
    }
}

fn busy_and_total(stat: &str) -> (u64, u64) {
    let line = stat.lines().next().unwrap_or_default();
    // Guest time, in the ninth and tenth fields, is already in the first two.
    let fields: Vec<u64> =
        line.split_whitespace().skip(1).take(8).filter_map(|field| field.parse().ok()).collect();
    let total: u64 = fields.iter().sum();
    let idle: u64 = fields.iter().skip(3).take(2).sum();
    (total - idle, total)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_for_a_disk_is_not_being_busy() {
        assert_eq!(busy_and_total("cpu  10 0 5 100 20 0 1 0 7 0\ncpu0 1"), (16, 136));
        assert_eq!(busy_and_total(""), (0, 0));
    }

    #[test]
    fn memory_is_read_in_bytes() {
        assert_eq!(meminfo("MemTotal:       1024 kB\nMemFree: 1 kB\n", "MemTotal:"), 1 << 20);
        assert!(memory().available > 0 && disk(Path::new("/")).total > 0);
    }

    #[test]
    fn too_little_room_is_refused() {
        assert_eq!(room(Path::new("/"), u64::MAX, 0), Err(EngineError::DiskFull));
        assert_eq!(room(Path::new("/"), 0, u64::MAX), Err(EngineError::NoMemory));
        assert_eq!(room(Path::new("/"), 0, 0), Ok(()));
    }
}
