//! A bake beside desktops that work as hard as they can: nobody is starved. What a bake makes of little time is tested in
//! `host/settle.rs` and `process/given.rs`; a whole one would take many minutes here.

use std::fs;
use std::time::Duration;

use rolltop_model::{DesktopId, Size};
use tokio::time::Instant;

use crate::host::{Host, in_guest, patiently, pid};

/// How long to look at how they share the processors.
const LOOK: Duration = Duration::from_secs(20);

/// Processor time that a process has used, seconds.
fn used(pid: i32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
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
    let mut host = Host::open().await;
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
        if let Some(pid) = baking().filter(|pid| used(*pid) > 0.5) {
            break pid;
        }
        assert!(Instant::now() < deadline, "no machine is being baked");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let all = || (used(bake), desktops.iter().map(|desktop| used(pid(*desktop))).sum::<f64>());
    let (bake_before, desktops_before) = all();
    tokio::time::sleep(LOOK).await;
    let (bake_after, desktops_after) = all();
    let (bake, desktops_used) = (bake_after - bake_before, desktops_after - desktops_before);
    let share = bake / (bake + desktops_used);
    // By their weights it is 40 of 240 beside two, and less beside more.
    let fair = 40.0 / (40.0 + 100.0 * desktops.len() as f64);
    println!("{bake:.1} s for the bake, {desktops_used:.1} s for desktops: {share:.3}, fair is {fair:.3}");
    // A guest that boots does not use all it may; by the weight of 5 to 100 it would have 0.024.
    assert!(share > fair / 6.0, "the bake is starved: {share:.3}");
    assert!(share < fair * 2.0, "desktops are starved: {share:.3}");
    let asked = Instant::now();
    patiently(&host, desktops[0], "true").await;
    assert!(asked.elapsed() < Duration::from_secs(60), "{:?} for an answer", asked.elapsed());

    keeping.abort();
    assert!(keeping.await.unwrap_err().is_cancelled());
    host.engine().end_bakes().await.unwrap();
    host.finish().await;
}
