//! Suspending, resuming, snapshots and forks of desktops that have changed much of their memory, against QEMU's
//! own ways: `migrate` to a file with mapped RAM, and internal snapshots (`savevm`, `loadvm`).
//!
//! QEMU's ways are driven through the spare monitor of another desktop's QEMU, in turn with ours. Both run the
//! same machine, and in both a program has written to as much memory; the other desktop was booted from its
//! disk, because a QEMU that was given the state of devices without a configuration section can't
//! migrate. Neither `loadvm` nor `migrate` here pays for ending a process and starting another, as
//! resuming does.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use jiff::Timestamp;
use rolltop_api_types::{CreateDesktop, CreateSnapshot, DesktopState, ForkDesktop, Snapshot, SnapshotState};
use rolltop_model::DesktopId;
use rolltop_vm_tests::{Platform, eventually};
use serde_json::{Value, json};
use tokio::task::block_in_place;

use crate::ROUNDS;
use crate::create::{banner, remove};
use crate::monitor::Monitor;
use crate::report::{against, value};
use crate::stock;

const LIMIT: Duration = Duration::from_secs(300);
/// Megabytes that a program of the guest's has written to, and the size of the desktop.
const DIRTY: [(u32, &str); 5] = [(50, "s"), (100, "s"), (500, "s"), (1000, "s"), (2000, "m")];
/// The one that the aims are set for.
const AIM: u32 = 100;
/// Forks of one request.
const FORKS: u8 = 10;

/// Times of one way, milliseconds.
#[derive(Default)]
struct Times {
    pause: Vec<f64>,
    suspend: Vec<f64>,
    resume: Vec<f64>,
    migrate: Vec<f64>,
    savevm: Vec<f64>,
    loadvm: Vec<f64>,
}

pub async fn all(platform: &Platform) -> anyhow::Result<()> {
    for (megabytes, size) in DIRTY {
        let id = dirty(platform, &format!("dirty-{megabytes}"), megabytes, size, false).await?;
        let stock = dirty(platform, &format!("stock-{megabytes}"), megabytes, size, true).await?;
        calm(platform).await?;
        let mut times = Times::default();
        for round in 0..ROUNDS {
            one_round(platform, id, stock, &mut times).await?;
            eprintln!(
                "{megabytes} MB {}/{ROUNDS}: pause {:.0?}, migrate {:.0?}, suspend {:.0?}, savevm {:.0?}, resume {:.0?}, loadvm {:.0?} ms",
                round + 1,
                times.pause.last(),
                times.migrate.last(),
                times.suspend.last(),
                times.savevm.last(),
                times.resume.last(),
                times.loadvm.last()
            );
        }
        let name = |what: &str| {
            if megabytes == AIM && what != "live_fork_pause" {
                what.to_owned()
            } else {
                format!("{what}_{megabytes}mb")
            }
        };
        against(
            &name("live_fork_pause"),
            "ms",
            &times.pause,
            "migrate file: with mapped-ram",
            &times.migrate,
        )?;
        against(&name("suspend"), "ms", &times.suspend, "savevm", &times.savevm)?;
        let loadvm = "loadvm, in a QEMU that runs";
        against(&name("resume_to_ssh_banner"), "ms", &times.resume, loadvm, &times.loadvm)?;
        remove(platform, id).await?;
        remove(platform, stock).await?;
    }
    Ok(())
}

/// A desktop in which a program has written to as much memory; booted from its disk, or forked.
async fn dirty(
    platform: &Platform,
    name: &str,
    megabytes: u32,
    size: &str,
    booted: bool,
) -> anyhow::Result<DesktopId> {
    let request = CreateDesktop {
        name: Some(name.to_owned()),
        size: Some(size.to_owned()),
        ..CreateDesktop::default()
    };
    let id = platform.client.create_desktop(&request, None).await?.id;
    platform.wait_for(id, DesktopState::Running).await?;
    if booted {
        platform.client.stop_desktop(id).await?;
        platform.wait_for(id, DesktopState::Stopped).await?;
        platform.client.start_desktop(id).await?;
        platform.wait_for(id, DesktopState::Running).await?;
    }
    platform.shell(id, &hold(megabytes)).await?;
    Ok(id)
}

/// A program that writes to so much memory and keeps it.
fn hold(megabytes: u32) -> String {
    let program = format!(
        "import time; held = b'x' * ({megabytes} * 1000000); print('held', flush=True); time.sleep(1e6)"
    );
    format!(
        "setsid python3 -c \"{program}\" > held 2>&1 < /dev/null & until grep -q held held; do sleep 0.2; done"
    )
}

async fn one_round(
    platform: &Platform,
    id: DesktopId,
    stock: DesktopId,
    times: &mut Times,
) -> anyhow::Result<()> {
    let client = &platform.client;
    let directory = platform.data().join("host/desktops").join(stock.to_string());
    let by_qemu = move |directory: PathBuf| {
        tokio::task::spawn_blocking(move || {
            let said = || std::fs::read_to_string(directory.join("qemu.log")).unwrap_or_default();
            qemus_ways(&directory).with_context(|| format!("QEMU's own ways; it said: {}", said()))
        })
    };
    settle().await?;
    let QemusWays { migrate, savevm, loadvm } = by_qemu(directory).await??;
    settle().await?;
    times.migrate.push(migrate);
    times.savevm.push(savevm);
    times.loadvm.push(loadvm);

    let taken = snapshot(platform, id).await?;
    #[expect(clippy::cast_precision_loss, reason = "milliseconds of a pause")]
    times.pause.push(taken.pause_ms.context("its pause")? as f64);
    client.delete_snapshot(taken.id).await?;
    settle().await?;

    let start = Instant::now();
    client.suspend_desktop(id).await?;
    platform.wait_for(id, DesktopState::Suspended).await?;
    times.suspend.push(start.elapsed().as_secs_f64() * 1000.0);
    let start = Instant::now();
    client.resume_desktop(id).await?;
    banner(platform, id).await?;
    times.resume.push(start.elapsed().as_secs_f64() * 1000.0);
    platform.wait_for(id, DesktopState::Running).await?;
    Ok(())
}

/// Takes a snapshot of a desktop that runs, until it is there.
pub async fn snapshot(platform: &Platform, id: DesktopId) -> anyhow::Result<Snapshot> {
    let wanted = platform.client.take_snapshot(id, &CreateSnapshot::default()).await?.id;
    eventually("a snapshot", LIMIT, || async {
        let snapshot = platform.client.snapshot(wanted).await?;
        ensure!(snapshot.state != SnapshotState::Failed, "{snapshot:?}");
        Ok((snapshot.state == SnapshotState::Ready).then_some(snapshot))
    })
    .await
}

/// Waits until the guests have nothing more to do: one that has just booted works on for a minute.
pub async fn calm(platform: &Platform) -> anyhow::Result<()> {
    let mut calm = 0;
    eventually("calm guests", LIMIT, || async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        Ok((platform.client.host().await?.cpu_busy < 0.2).then_some(()))
    })
    .await?;
    while calm < 5 {
        tokio::time::sleep(Duration::from_secs(2)).await;
        calm = if platform.client.host().await?.cpu_busy < 0.3 { calm + 1 } else { 0 };
    }
    Ok(())
}

/// Waits until what was written before is on the disk, so that nobody pays for another's.
async fn settle() -> anyhow::Result<()> {
    let synced = tokio::process::Command::new("sync").status().await?;
    ensure!(synced.success(), "sync failed");
    tokio::time::sleep(Duration::from_secs(1)).await;
    Ok(())
}

/// From the request for ten forks of a running desktop until each is entered by SSH, with the key that it is from then on
/// entered with or its origin's, and until each has an identity of its own, a network and a screen. By the platform's own
/// record of each start: another connection would cost each guest another process, and so the others their time. Against as
/// many that load what QEMU's `migrate` has written to a file, until each sshd greets, which is less than to be entered.
pub async fn ten_forks(platform: &Platform) -> anyhow::Result<()> {
    let id = dirty(platform, "origin", AIM, "s", false).await?;
    calm(platform).await?;
    let templates = platform.data().join("host/templates");
    let mut origin = block_in_place(|| stock::Origin::boot(&templates, &hold(AIM)))?;
    let (mut doors, mut running, mut stock) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let (start, asked_at) = (Instant::now(), Timestamp::now());
        let wanted = ForkDesktop { name: Some(format!("ten-{round}")), count: Some(FORKS.into()) };
        let forks = platform.client.fork_desktop(id, &wanted).await?;
        for fork in &forks {
            platform.wait_for(fork.id, DesktopState::Running).await?;
        }
        running.push(start.elapsed().as_secs_f64());
        let mut last = asked_at;
        for fork in &forks {
            let steps = platform.client.desktop(fork.id).await?.steps.unwrap_or_default();
            let door = steps.iter().find(|step| step.name == "door").and_then(|step| step.ended_at);
            last = last.max(door.context("its door was opened")?);
        }
        doors.push(last.duration_since(asked_at).as_secs_f64());
        for fork in &forks {
            platform.client.destroy_desktop(fork.id).await?;
        }
        for fork in &forks {
            platform.wait_gone(fork.id).await?;
        }
        let (took, _) = block_in_place(|| origin.fork(FORKS))?;
        stock.push(took.as_secs_f64());
        eprintln!(
            "ten_forks {}/{ROUNDS}: {:.2?} s, {:.2?} s, QEMU by itself {:.2?} s",
            round + 1,
            doors.last(),
            running.last(),
            stock.last()
        );
    }
    against("ten_forks_to_open_doors", "s", &doors, stock::WAY, &stock)?;
    value("ten_forks_to_running", "s", &running)?;
    remove(platform, id).await
}

/// Milliseconds that QEMU's own ways took.
struct QemusWays {
    migrate: f64,
    savevm: f64,
    loadvm: f64,
}

fn qemus_ways(directory: &Path) -> anyhow::Result<QemusWays> {
    let mut monitor = Monitor::connect(&directory.join("monitor2"), LIMIT)?;
    let file = directory.join("stock");
    std::fs::write(&file, b"")?;
    std::fs::set_permissions(&file, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    monitor.map_ram(true)?;
    let start = Instant::now();
    monitor.migrate("file:stock")?;
    monitor.run("cont", &json!({}))?;
    let migrate = start.elapsed().as_secs_f64() * 1000.0;
    std::fs::remove_file(&file)?;
    monitor.map_ram(false)?;

    // The state can't go into the disk itself: QEMU breaks off where that is encrypted.
    let state = directory.join("stock.qcow2");
    let arguments = ["create", "-q", "-f", "qcow2"];
    let made = std::process::Command::new("qemu-img").args(arguments).arg(&state).arg("64G").status()?;
    ensure!(made.success(), "no image for the state");
    std::fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o666))?;
    let file = json!({ "driver": "file", "filename": "stock.qcow2" });
    monitor.run("blockdev-add", &json!({ "driver": "qcow2", "node-name": "stock", "file": file }))?;
    let disks = monitor.run("query-block", &json!({}))?;
    let node = disks.pointer("/0/inserted/node-name").and_then(Value::as_str).context("its disk")?.to_owned();
    let mut job = |command: &str| -> anyhow::Result<f64> {
        let start = Instant::now();
        let save =
            json!({ "job-id": "stock", "tag": "stock", "vmstate": "stock", "devices": [node, "stock"] });
        let forget = json!({ "job-id": "stock", "tag": "stock", "devices": [node, "stock"] });
        monitor.run(command, if command == "snapshot-delete" { &forget } else { &save })?;
        monitor.finished("stock")?;
        let took = start.elapsed().as_secs_f64() * 1000.0;
        monitor.run("job-dismiss", &json!({ "id": "stock" }))?;
        Ok(took)
    };
    let savevm = job("snapshot-save")?;
    let loadvm = job("snapshot-load")?;
    job("snapshot-delete")?;
    monitor.run("blockdev-del", &json!({ "node-name": "stock" }))?;
    std::fs::remove_file(&state)?;
    monitor.run("cont", &json!({}))?;
    Ok(QemusWays { migrate, savevm, loadvm })
}
