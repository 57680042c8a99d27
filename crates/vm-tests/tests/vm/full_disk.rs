//! A disk that is full while a machine is suspended or kept: it goes on, and nothing of the attempt is left.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use rolltop_engine::{
    DiskAllowance, DiskLayer, Engine, EngineError, LayerKey, Layers, Memory, OffReason, Power, Shortage,
    SnapshotInfo, SnapshotRequest, StartRequest, SuspendRequest, Writing,
};
use rolltop_engine_qemu::QemuConfig;
use rolltop_model::{DesktopId, LayerId, SnapshotId};
use rustix::fs::{FallocateFlags, fallocate, statvfs};
use tokio::time::Instant;

use crate::host::{Host, PATIENCE, in_guest, patiently, pid};
use crate::suspend::{BEGIN, LOOK, SUSPENDED, counts_on, path};

/// A machine, and what it is asked with.
struct Tried {
    desktop: DesktopId,
    disk: Vec<DiskLayer>,
    boot: u32,
}

impl Tried {
    async fn fork(host: &Host) -> Self {
        let request = host.fork().await;
        Self { desktop: request.desktop, disk: vec![request.disk], boot: 1 }
    }

    async fn suspend(&self, host: &Host) -> Result<(), EngineError> {
        let key = self.disk[0].key.clone();
        host.engine().suspend(&SuspendRequest { desktop: self.desktop, fence: 1, key }).await
    }

    async fn resume(&mut self, host: &Host) {
        self.boot += 1;
        let (desktop, boot, disk) = (self.desktop, self.boot, self.disk.clone());
        host.engine().resume(&StartRequest { desktop, fence: 1, boot, disk }).await.unwrap();
    }

    async fn snapshot(&mut self, host: &Host, snapshot: SnapshotId) -> Result<SnapshotInfo, EngineError> {
        let next = DiskLayer { layer: LayerId::generate(), key: LayerKey::new(rand::random()) };
        let key = self.disk[0].key.clone();
        let request = SnapshotRequest { desktop: self.desktop, fence: 1, snapshot, key, next: next.clone() };
        let taken = host.engine().snapshot(&request).await;
        let machine = host.engine().observe_one(self.desktop).await.unwrap().unwrap();
        if machine.layer == next.layer {
            self.disk.insert(0, next);
        }
        assert_eq!(machine.layer, self.disk[0].layer);
        taken
    }

    /// It runs, and has all its layers and no other.
    async fn goes_on(&self, host: &Host, before: &str) {
        assert_eq!(host.power(self.desktop).await, Power::On { quarantined: true });
        assert_eq!(patiently(host, self.desktop, LOOK).await, before);
        counts_on(host, self.desktop).await;
        for rest in ["memory.sealed", "memory.json", "memory.tmp", "desktop.tmp"] {
            assert!(!fs::exists(path(self.desktop, rest)).unwrap(), "{rest} is left");
        }
        let mut layers: Vec<String> =
            self.disk.iter().map(|layer| format!("{}.qcow2", layer.layer)).collect();
        layers.sort();
        assert_eq!(names("host/layers"), layers);
        assert_eq!(names("host/snapshots"), [""; 0]);
    }
}

fn names(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn suspending_on_a_full_disk_leaves_a_machine_that_goes_on() {
    let mut host = Host::open().await;
    let tried = Tried::fork(&host).await;
    let before = in_guest(&host.template, tried.desktop, BEGIN).await.unwrap();
    let process = pid(tried.desktop);
    // When it is written down, when the memory is written, and when its manifest is.
    for name in ["desktop.tmp", "memory.sealed", "memory.tmp"] {
        symlink("/dev/full", path(tried.desktop, name)).unwrap();
        assert_eq!(tried.suspend(&host).await, Err(EngineError::DiskFull), "{name}");
        tried.goes_on(&host, &before).await;
    }
    host.die();
    let config = host.config.clone();
    host.config = QemuConfig { min_free_disk: u64::MAX / 2, ..config.clone() };
    host.open_again().await;
    assert_eq!(tried.suspend(&host).await, Err(EngineError::DiskFull), "foreseen");
    tried.goes_on(&host, &before).await;
    host.die();
    host.config = config;
    host.open_again().await;
    assert_eq!(pid(tried.desktop), process, "the same process all the time");
    assert_eq!(tried.suspend(&host).await, Ok(()));
    assert_eq!(host.power(tried.desktop).await, SUSPENDED);
    host.finish().await;
}

#[tokio::test]
async fn a_snapshot_on_a_full_disk_leaves_a_machine_that_goes_on() {
    let host = Host::open().await;
    let mut tried = Tried::fork(&host).await;
    let before = in_guest(&host.template, tried.desktop, BEGIN).await.unwrap();
    // When it is written down, when the memory is written, its manifest, and at last what the snapshot is.
    for name in ["desktop.tmp", "memory.sealed", "memory.tmp", "snapshot.tmp"] {
        let snapshot = SnapshotId::generate();
        let directory = format!("host/snapshots/{snapshot}");
        fs::create_dir(&directory).unwrap();
        let at =
            if name == "desktop.tmp" { path(tried.desktop, name) } else { format!("{directory}/{name}") };
        symlink("/dev/full", at).unwrap();
        assert_eq!(tried.snapshot(&host, snapshot).await, Err(EngineError::DiskFull), "{name}");
        tried.goes_on(&host, &before).await;
    }
    tried.snapshot(&host, SnapshotId::generate()).await.unwrap();
    host.finish().await;
}

/// A file system of its own around the engine's directory, with as much room as is left to it.
struct SmallDisk;

impl SmallDisk {
    const IMAGE: &str = "small.img";
    const PLACE: &str = "small";
    const BYTES: u64 = 4 << 30;
    const FILLER: &str = "filler";

    /// Has the templates of the working directory, and becomes that.
    fn enter() -> Self {
        // Where an earlier run was killed.
        let _ = Command::new("umount").arg(Self::PLACE).output();
        fs::create_dir_all(Self::PLACE).unwrap();
        fs::File::create(Self::IMAGE).unwrap().set_len(Self::BYTES).unwrap();
        run("mkfs.ext4", &["-q", "-F", "-m", "0", Self::IMAGE]);
        run("mount", &["-o", "loop", Self::IMAGE, Self::PLACE]);
        fs::create_dir_all(format!("{}/host", Self::PLACE)).unwrap();
        run("cp", &["-a", "--sparse=always", "host/templates", &format!("{}/host/", Self::PLACE)]);
        std::env::set_current_dir(Self::PLACE).unwrap();
        Self
    }

    fn leave(bytes: u64) {
        let file = fs::File::create(Self::FILLER).unwrap();
        let mut filled = 0;
        for step in [1 << 28, 1 << 24, 1 << 20, 1 << 16, 1 << 12] {
            let free = || statvfs(".").map(|found| found.f_bavail * found.f_frsize).unwrap();
            while free() >= bytes + step && fallocate(&file, FallocateFlags::empty(), filled, step).is_ok() {
                filled += step;
            }
        }
    }

    fn empty() {
        fs::remove_file(Self::FILLER).unwrap();
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // After a failure its machines still run, and once it is gone nobody can tell whose they are.
        for desktop in names("host/desktops") {
            if fs::exists(format!("host/desktops/{desktop}/pid")).unwrap() {
                let process = pid(desktop.parse().unwrap());
                let _ = Command::new("kill").args(["-9", &process.to_string()]).output();
            }
        }
        std::env::set_current_dir("..").unwrap();
        run("umount", &["--lazy", Self::PLACE]);
        fs::remove_file(Self::IMAGE).unwrap();
    }
}

fn run(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn with_any_room_left_on_a_real_disk_it_goes_well_or_leaves_nothing() {
    let mut host = Host::open().await;
    // Its names, addresses and users are this engine's from here on.
    host.engine().clear().await.unwrap();
    host.die();
    let disk = SmallDisk::enter();
    assert!(Path::new("host/templates").exists());
    host.config.min_free_disk = 0;
    host.open_again().await;
    let mut tried = Tried::fork(&host).await;
    let before = in_guest(&host.template, tried.desktop, BEGIN).await.unwrap();
    let (mut kept, mut suspended) = (Vec::new(), Vec::new());
    for kib in [0, 4, 16, 64, 256, 1024, 4096, 16384, 32768, 65536, 262_144] {
        let snapshot = SnapshotId::generate();
        SmallDisk::leave(kib << 10);
        let taken = tried.snapshot(&host, snapshot).await;
        SmallDisk::empty();
        kept.push(taken.is_ok());
        match taken {
            Ok(_) => drop(host.engine().remove_snapshot(snapshot).await.unwrap()),
            Err(error) => assert_eq!(error, EngineError::DiskFull, "with {kib} KiB"),
        }
        tried.goes_on(&host, &before).await;

        SmallDisk::leave(kib << 10);
        let off = tried.suspend(&host).await;
        SmallDisk::empty();
        suspended.push(off.is_ok());
        match off {
            Ok(()) => tried.resume(&host).await,
            Err(error) => assert_eq!(error, EngineError::DiskFull, "with {kib} KiB"),
        }
        tried.goes_on(&host, &before).await;
    }
    for outcomes in [kept, suspended] {
        assert!(outcomes.is_sorted() && !outcomes[0] && outcomes[outcomes.len() - 1], "{outcomes:?}");
    }
    host.finish().await;
    drop(disk);
}

/// Waits until it may write so. What it has of the disk then.
async fn writes(host: &Host, desktop: DesktopId, wanted: Writing) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let machine = host.engine().observe_one(desktop).await.unwrap().unwrap();
        assert_eq!(machine.power, Power::On { quarantined: true });
        if machine.writing == wanted {
            return machine.disk_bytes;
        }
        assert!(Instant::now() < deadline, "{:?} instead of {wanted:?}", machine.writing);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Whether it takes more of the disk in a second than a guest does that writes nothing.
async fn takes_more(host: &Host, desktop: DesktopId) -> bool {
    let has = async || host.engine().observe_one(desktop).await.unwrap().unwrap().disk_bytes;
    let before = has().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    has().await > before + (1 << 18)
}

#[tokio::test]
async fn who_writes_is_held_back_before_the_disk_is_full_and_goes_on_when_there_is_room() {
    const RESERVE: u64 = 128 << 20;
    const MIB: u64 = 1 << 20;
    const WRITE: &str = "sudo setsid bash -c 'while :; do dd if=/dev/zero bs=64k count=16 oflag=direct conv=notrunc \
        seek=$((i++ * 16)) of=/var/tmp/big; done' > /dev/null 2>&1 &";
    let slow = |shortage| Writing::Slowly(shortage);
    let stopped = |shortage| Writing::Stopped(shortage);
    let mut host = Host::open().await;
    host.engine().clear().await.unwrap();
    host.die();
    let disk = SmallDisk::enter();
    (host.config.min_free_disk, host.config.reserve_disk) = (0, RESERVE);
    host.open_again().await;
    let mut tried = Tried::fork(&host).await;
    let desktop = tried.desktop;
    let before = in_guest(&host.template, desktop, BEGIN).await.unwrap();
    in_guest(&host.template, desktop, WRITE).await.unwrap();
    assert!(takes_more(&host, desktop).await, "the guest does not write");

    // The host's disk runs short: first it writes slowly, and what is left for others stays.
    SmallDisk::leave(2 * RESERVE + 32 * MIB);
    writes(&host, desktop, slow(Shortage::HostDisk)).await;
    let free = statvfs(".").map(|found| found.f_bavail * found.f_frsize).unwrap();
    assert!(free > RESERVE, "only {free} bytes are left");
    counts_on(&host, desktop).await;
    SmallDisk::leave(RESERVE / 2);
    writes(&host, desktop, stopped(Shortage::HostDisk)).await;
    assert!(!takes_more(&host, desktop).await, "it stands still");
    SmallDisk::empty();
    writes(&host, desktop, Writing::Freely).await;
    assert!(takes_more(&host, desktop).await, "it goes on");

    // It comes to what it was allowed.
    let has = host.engine().observe_one(desktop).await.unwrap().unwrap().disk_bytes;
    let allow = async |slow_from, stop_from| {
        host.engine().allow_disk(vec![DiskAllowance { desktop, slow_from, stop_from }]).await.unwrap();
    };
    allow(has, u64::MAX).await;
    writes(&host, desktop, slow(Shortage::Allowance)).await;
    allow(has, has).await;
    writes(&host, desktop, stopped(Shortage::Allowance)).await;
    // What is kept of one that stands still is the same moment; it goes on after that, as it may.
    tried.suspend(&host).await.unwrap();
    host.engine().allow_disk(vec![]).await.unwrap();
    tried.resume(&host).await;
    writes(&host, desktop, Writing::Freely).await;
    assert_eq!(patiently(&host, desktop, LOOK).await, before);
    assert!(takes_more(&host, desktop).await, "it goes on");

    // Another process of ours knows nothing of that, and does not leave it standing.
    host.engine().allow_disk(vec![DiskAllowance { desktop, slow_from: 0, stop_from: 0 }]).await.unwrap();
    writes(&host, desktop, stopped(Shortage::Allowance)).await;
    host.die();
    host.open_again().await;
    writes(&host, desktop, Writing::Freely).await;
    assert!(takes_more(&host, desktop).await, "it goes on");

    // One that stands still shuts down when it is asked to.
    host.engine().allow_disk(vec![DiskAllowance { desktop, slow_from: 0, stop_from: 0 }]).await.unwrap();
    writes(&host, desktop, stopped(Shortage::Allowance)).await;
    let (began, grace) = (Instant::now(), Duration::from_secs(120));
    host.engine().stop(desktop, 1, grace).await.unwrap();
    assert!(began.elapsed() < grace, "it did not hear the button");
    assert_eq!(host.power(desktop).await, Power::Off { why: OffReason::Asked });
    host.finish().await;
    drop(disk);
}
