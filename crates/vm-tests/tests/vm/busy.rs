//! A bake beside desktops that work as hard as they can: nobody is starved. What a bake makes of little time is tested in
//! `host/settle.rs` and `process/given.rs`; a whole one would take many minutes here.

use std::fs;
use std::process::{Child, Command};
use std::time::Duration;

use rolltop_model::{DesktopId, Size};
use tokio::time::Instant;

use crate::host::{Host, in_guest, patiently, pid};

/// How long to look at how they share the processors, and how often at most: a kernel shares out by weight over many seconds,
/// and one look of 15 s has once seen a tenth of what was due.
const LOOK: Duration = Duration::from_secs(15);
const LOOKS: u32 = 4;

/// Processor time that a process has used, seconds.
fn used(pid: i32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

/// Work that never waits for anything, in the control group of a process. A guest that boots waits for its disk and in short
/// turns for its own threads, so what it gets says little of what it could have.
struct Spinner(Child);

impl Spinner {
    fn beside(pid: i32) -> Self {
        let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap();
        // `4:cpu,cpuacct:/a/b`, and `0::/a/b` in version 2.
        let of_processors = groups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            match controllers {
                "" if !fs::exists("/sys/fs/cgroup/cpu").unwrap() => Some(format!("/sys/fs/cgroup{path}")),
                _ if controllers.split(',').any(|one| one == "cpu") => {
                    Some(format!("/sys/fs/cgroup/cpu{path}"))
                }
                _ => None,
            }
        });
        let spinner = Self(Command::new("sh").args(["-c", "while :; do :; done"]).spawn().unwrap());
        fs::write(format!("{}/cgroup.procs", of_processors.unwrap()), spinner.0.id().to_string()).unwrap();
        spinner
    }

    fn pid(&self) -> i32 {
        self.0.id().try_into().unwrap()
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// The machine that is being baked.
fn baking() -> Option<i32> {
    let processes = fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid: i32 = entry.file_name().to_str()?.parse().ok()?;
        let place = fs::read_link(entry.path().join("cwd")).ok()?;
        place.file_name()?.to_str()?.starts_with(".bake-").then_some((pid, place))
    });
    let ours = fs::canonicalize("host/templates").unwrap();
    processes.into_iter().find(|(_, place)| place.starts_with(&ours)).map(|(pid, _)| pid)
}

#[tokio::test]
async fn a_bake_gets_its_share_beside_busy_desktops_and_leaves_them_theirs() {
    let mut host = Host::open_desk().await;
    host.die();
    host.config.bake = vec![Size::M];
    let baked = format!("host/templates/{}/{}", host.template, Size::M);
    assert!(!fs::exists(&baked).unwrap(), "{baked} has to go: this test needs something to bake");
    host.open_again().await;
    let spin = "for n in 1 2; do setsid sh -c 'while :; do :; done' </dev/null >/dev/null 2>&1 & done";
    let processors = std::thread::available_parallelism().unwrap().get();
    let mut desktops: Vec<DesktopId> = Vec::new();
    for _ in 0..processors.max(2) {
        let desktop = host.fork().await.desktop;
        in_guest(&host.template, desktop, spin).await.unwrap();
        desktops.push(desktop);
    }
    let engine = host.engine.clone().unwrap();
    let keeping = tokio::spawn(async move { engine.keep_baked().await });
    let deadline = Instant::now() + Duration::from_secs(60);
    let bake = loop {
        if let Some(pid) = baking().filter(|pid| used(*pid) > 0.1) {
            break pid;
        }
        assert!(Instant::now() < deadline, "no machine is being baked");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let spinners: Vec<Spinner> = (0..processors).map(|_| Spinner::beside(bake)).collect();
    let all = || {
        let of_desktops: f64 = desktops.iter().map(|desktop| used(pid(*desktop))).sum();
        (used(bake) + spinners.iter().map(|spinner| used(spinner.pid())).sum::<f64>(), of_desktops)
    };
    // By their weights it is 40 of 240 beside two, and less beside more.
    let fair = 40.0 / (40.0 + 100.0 * desktops.len() as f64);
    // 0.09 to 0.15 were seen. By the weight of 5 to 100 it would be 0.024.
    let shared_out = fair / 3.0..fair * 1.7;
    let mut looks = Vec::new();
    while looks.len() < LOOKS as usize && !looks.last().is_some_and(|share| shared_out.contains(share)) {
        let (bake_before, desktops_before) = all();
        tokio::time::sleep(LOOK).await;
        let (bake_after, desktops_after) = all();
        let (bake_used, desktops_used) = (bake_after - bake_before, desktops_after - desktops_before);
        let share = bake_used / (bake_used + desktops_used);
        println!(
            "{bake_used:.1} s for the bake, {desktops_used:.1} s for desktops: {share:.3}, {fair:.3} due"
        );
        looks.push(share);
    }
    drop(spinners);
    assert!(shared_out.contains(looks.last().unwrap()), "the bake's share, each time: {looks:.3?}");
    let asked = Instant::now();
    patiently(&host, desktops[0], "true").await;
    assert!(asked.elapsed() < Duration::from_secs(60), "{:?} for an answer", asked.elapsed());

    keeping.abort();
    assert!(keeping.await.unwrap_err().is_cancelled());
    host.engine().end_bakes().await.unwrap();
    host.finish().await;
}
