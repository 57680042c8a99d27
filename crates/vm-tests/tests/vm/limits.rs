//! Control groups: that a machine's limits are those of its size, hold, and end with it, in either version.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use rolltop_engine::{Engine, OffReason};
use rolltop_model::Size;

use crate::host::{Host, pid};

const ROOT: &str = "/sys/fs/cgroup";

/// Where a process is: with version 2 one place for all controllers.
struct Groups {
    memory: PathBuf,
    cpu: PathBuf,
    pids: PathBuf,
    unified: bool,
}

impl Groups {
    fn of(process: i32) -> Self {
        let told = fs::read_to_string(format!("/proc/{process}/cgroup")).unwrap();
        let available = fs::read_to_string(Path::new(ROOT).join("cgroup.controllers")).unwrap_or_default();
        let unified = ["memory", "cpu", "pids"].iter().all(|name| available.contains(name));
        let place = |controller: &str| {
            let line = told.lines().find(|line| {
                let names = line.split(':').nth(1).unwrap();
                if unified { names.is_empty() } else { names.split(',').any(|name| name == controller) }
            });
            let path = line.unwrap().split(':').nth(2).unwrap().trim_start_matches('/');
            let root = if unified { PathBuf::from(ROOT) } else { Path::new(ROOT).join(controller) };
            root.join(path)
        };
        Self { memory: place("memory"), cpu: place("cpu"), pids: place("pids"), unified }
    }
}

fn read(group: &Path, name: &str) -> String {
    fs::read_to_string(group.join(name)).unwrap().trim().to_owned()
}

#[tokio::test]
async fn a_machine_is_held_to_its_limits_and_ends_with_its_control_group() {
    let host = Host::open().await;
    let desktop = host.fork().await.desktop;
    let Groups { memory, cpu, pids, unified } = Groups::of(pid(desktop));
    println!("version {} of control groups: {}", if unified { 2 } else { 1 }, pids.display());
    assert!(pids.ends_with(format!("rolltop_rtt/{desktop}")), "{}", pids.display());
    let most = ((Size::S.memory_mib() + 1024) << 20).to_string();
    if unified {
        assert_eq!(read(&memory, "memory.max"), most);
        assert_eq!(read(&cpu, "cpu.max"), "250000 100000");
        assert_eq!(read(&cpu, "cpu.weight"), "100");
        assert!(read(&cpu, "io.max").contains("wbps="), "{}", read(&cpu, "io.max"));
        assert!(
            read(&memory, "memory.current").parse::<u64>().unwrap() > 1 << 20,
            "what it takes is counted"
        );
    } else {
        assert_eq!(read(&memory, "memory.limit_in_bytes"), most);
        assert_eq!(read(&cpu, "cpu.cfs_quota_us"), "250000");
        assert_eq!(read(&cpu, "cpu.shares"), "1024");
    }
    assert_eq!(read(&pids, "pids.max"), "192");

    // Whoever takes the machine's process over gets no more processes than it may have.
    // `sh` gives up at the first one refused, where `bash` waits and tries again.
    let script = format!(
        "echo $$ > {}/cgroup.procs; for n in $(seq 300); do sleep 600 & done 2> /dev/null",
        pids.display()
    );
    let bomb = Command::new("sh").args(["-c", &script]).status().unwrap();
    assert!(!bomb.success(), "it was refused nothing");
    let inside = read(&pids, "pids.current").parse::<u32>().unwrap();
    assert!((100..=192).contains(&inside), "{inside} processes");
    assert_ne!(read(&pids, "pids.events"), "max 0", "the kernel has refused more");

    // What was started in it goes with the machine.
    host.engine().destroy(desktop, 1).await.unwrap();
    assert!(!pids.exists() && !memory.exists(), "{} stays", pids.display());

    if unified {
        // Ended by its group, as an operator would, it is a machine that died.
        let killed = host.fork().await.desktop;
        fs::write(Groups::of(pid(killed)).pids.join("cgroup.kill"), "1").unwrap();
        assert_eq!(host.off(killed).await, OffReason::Died);
    }
    host.finish().await;
}
