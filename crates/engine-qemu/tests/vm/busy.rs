//! A bake beside desktops that work as hard as they can: nobody is starved. What a bake makes of little time is tested in
//! `host/settle.rs` and `process/given.rs`; a whole one would take many minutes here.

use std::fs;
use std::time::Duration;

use rolltop_model::{DesktopId, Size};
use tokio::time::Instant;

use crate::host::{Host, in_guest, patiently, pid};

/// How much a bake has to have wanted of the processors before its share of them says anything. A guest that boots waits for
/// its disk as well, and on a host with much to write that can be nearly all it does.
const WANTED: Duration = Duration::from_secs(10);
const LONGEST: Duration = Duration::from_secs(180);

/// What a process had of the processors, and how long its threads waited for one.
#[derive(Clone, Copy)]
struct Turns {
    had: Duration,
    waited: Duration,
}

impl Turns {
    fn of(pid: i32) -> Self {
        let mut all = Self { had: Duration::ZERO, waited: Duration::ZERO };
        for thread in fs::read_dir(format!("/proc/{pid}/task")).unwrap() {
            // A thread may have ended since.
            let Ok(turns) = fs::read_to_string(thread.unwrap().path().join("schedstat")) else { continue };
            let mut numbers =
                turns.split_whitespace().map(|number| Duration::from_nanos(number.parse().unwrap()));
            all.had += numbers.next().unwrap();
            all.waited += numbers.next().unwrap();
        }
        all
    }

    fn since(self, before: Self) -> Self {
        Self { had: self.had.saturating_sub(before.had), waited: self.waited.saturating_sub(before.waited) }
    }

    fn wanted(self) -> Duration {
        self.had + self.waited
    }

    /// What part of what it wanted it had.
    fn share(self) -> f64 {
        self.had.as_secs_f64() / self.wanted().as_secs_f64()
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
        if let Some(pid) = baking().filter(|pid| Turns::of(*pid).had > Duration::from_millis(500)) {
            break pid;
        }
        assert!(Instant::now() < deadline, "no machine is being baked");
        tokio::time::sleep(Duration::from_millis(100)).await;
    };
    let desktops_now = || desktops.iter().map(|desktop| Turns::of(pid(*desktop)).had).sum::<Duration>();
    let (before, desktops_before, began) = (Turns::of(bake), desktops_now(), Instant::now());
    let turns = loop {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let turns = Turns::of(bake).since(before);
        if turns.wanted() >= WANTED {
            break turns;
        }
        assert!(began.elapsed() < LONGEST, "the bake wanted only {:?}", turns.wanted());
    };
    let (passed, desktops_had) = (began.elapsed(), desktops_now() - desktops_before);
    let all = passed.as_secs_f64() * processors as f64;
    let (bake_share, desktops_share) = (turns.share(), desktops_had.as_secs_f64() / all);
    println!(
        "in {passed:?} a bake got {bake_share:.3} of what it wanted, desktops {desktops_share:.3} of the processors"
    );
    // By weight a bake has 40 of 240 of two processors beside two desktops: a third of one. More than one of its threads
    // share that. By the weight of 5 to 100 it would be a twentieth of one.
    assert!(bake_share > 0.1, "the bake is starved: {bake_share:.3}");
    assert!(desktops_share > 0.66, "desktops are starved: {desktops_share:.3}");
    let asked = Instant::now();
    patiently(&host, desktops[0], "true").await;
    assert!(asked.elapsed() < Duration::from_secs(60), "{:?} for an answer", asked.elapsed());

    keeping.abort();
    assert!(keeping.await.unwrap_err().is_cancelled());
    host.engine().end_bakes().await.unwrap();
    host.finish().await;
}
