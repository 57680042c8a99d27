//! Processor time of whole processes, as the kernel counts it.

use std::collections::BTreeMap;

/// Processor time in seconds that these processes and their descendants have used until now, with
/// those that have ended and been waited for.
pub fn seconds(roots: &[i32]) -> anyhow::Result<f64> {
    let all = processes()?;
    let mut total = 0.0;
    for (pid, process) in &all {
        if roots.contains(pid) || descends(&all, *pid, roots) {
            total += process.ticks;
        }
    }
    #[expect(clippy::cast_precision_loss, reason = "a hundred")]
    Ok(total / rustix::param::clock_ticks_per_second() as f64)
}

struct Process {
    parent: i32,
    ticks: f64,
}

fn processes() -> anyhow::Result<BTreeMap<i32, Process>> {
    let mut all = BTreeMap::new();
    for entry in std::fs::read_dir("/proc")? {
        let Some(pid) = entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        // It may have ended meanwhile.
        let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        if let Some(process) = process(&stat) {
            all.insert(pid, process);
        }
    }
    Ok(all)
}

/// A line of `/proc/PID/stat`; the name in brackets may hold anything.
fn process(stat: &str) -> Option<Process> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<f64>().ok();
    // utime, stime, cutime, cstime
    let ticks = number(11)? + number(12)? + number(13)? + number(14)?;
    Some(Process { parent: fields.get(1)?.parse().ok()?, ticks })
}

fn descends(all: &BTreeMap<i32, Process>, mut pid: i32, roots: &[i32]) -> bool {
    while let Some(process) = all.get(&pid) {
        if roots.contains(&process.parent) {
            return true;
        }
        pid = process.parent;
    }
    false
}

#[cfg(test)]
mod tests {
    use super::process;

    #[test]
    fn a_line_is_read_whatever_the_name_is() {
        let line = "7 (a) b) S 3 7 7 0 -1 4194560 1 2 3 4 100 20 5 1 20 0 1 0 9 10 11 18446744073709551615";
        let process = process(line).unwrap();
        assert_eq!((process.parent, process.ticks as u64), (3, 126));
    }
}
