//! A disk of many layers becomes one of a single layer, whatever comes in between.

use std::fs;

use rolltop_engine::{DiskLayer, Engine, Flattening, LayerKey, Layers, SnapshotRequest, StartRequest};
use rolltop_model::{DesktopId, LayerId, SnapshotId};
use tokio::time::{Instant, sleep};

use crate::host::{Host, PATIENCE, in_guest, patiently, pid};

const SUMS: &str = "cat first second third over | md5sum; md5sum < third; cat over";

/// The machine writes to another layer from now on; what it has been is a snapshot that goes at once.
async fn one_deeper(host: &Host, desktop: DesktopId, disk: &mut Vec<DiskLayer>) {
    let next = DiskLayer { layer: LayerId::generate(), key: LayerKey::new([7; 32]) };
    let (snapshot, key) = (SnapshotId::generate(), disk[0].key.clone());
    let request = SnapshotRequest { desktop, fence: 1, snapshot, key, next: next.clone() };
    host.engine().snapshot(&request).await.unwrap();
    host.engine().remove_snapshot(snapshot).await.unwrap();
    disk.insert(0, next);
}

async fn flat(host: &Host, desktop: DesktopId) {
    let deadline = Instant::now() + PATIENCE;
    while host.engine().flatten(desktop, 1).await.unwrap() == Flattening::Copying {
        assert!(Instant::now() < deadline, "it stays deep");
        sleep(std::time::Duration::from_millis(100)).await;
    }
}

fn exists(layer: &DiskLayer) -> bool {
    fs::exists(format!("host/layers/{}.qcow2", layer.layer)).unwrap()
}

#[tokio::test]
async fn what_is_in_any_layer_is_there_afterwards_though_all_is_killed_in_the_middle() {
    let mut host = Host::open().await;
    let request = host.fork().await;
    let (desktop, mut disk) = (request.desktop, vec![request.disk.clone()]);
    for name in ["first", "second", "third"] {
        let write = format!("head -c 30000000 /dev/urandom > {name}; echo {name} > over; sync");
        in_guest(&host.template, desktop, &write).await.unwrap();
        one_deeper(&host, desktop, &mut disk).await;
    }
    let sums = in_guest(&host.template, desktop, SUMS).await.unwrap();
    assert!(disk.iter().all(exists));

    // The machine's process is killed while it copies.
    assert_eq!(host.engine().flatten(desktop, 1).await, Ok(Flattening::Copying));
    sleep(std::time::Duration::from_millis(300)).await; // so that some of it is copied: all takes a second
    let killed = std::process::Command::new("kill").args(["-9", &pid(desktop).to_string()]).status();
    assert!(killed.unwrap().success());
    host.off(desktop).await;
    let start = |boot, disk: &[DiskLayer]| StartRequest { desktop, fence: 1, boot, disk: disk.to_vec() };
    host.engine().start(&start(2, &disk)).await.unwrap();
    assert_eq!(patiently(&host, desktop, SUMS).await, sums);

    // The host's process is gone while it copies; the machine goes on with it.
    assert_eq!(host.engine().flatten(desktop, 1).await, Ok(Flattening::Copying));
    host.die();
    host.open_again().await;
    flat(&host, desktop).await;
    assert_eq!(in_guest(&host.template, desktop, SUMS).await.unwrap(), sums);
    let left: Vec<bool> = disk.iter().map(exists).collect();
    assert_eq!(left, [true, false, false, false], "nobody needs the others");

    // All of it is in the one layer, also for a machine that is started from it.
    in_guest(&host.template, desktop, "sync").await.unwrap();
    host.engine().stop(desktop, 1, PATIENCE).await.unwrap();
    host.engine().start(&start(3, &disk[..1])).await.unwrap();
    assert_eq!(patiently(&host, desktop, SUMS).await, sums);
    one_deeper(&host, desktop, &mut disk).await;
    flat(&host, desktop).await;
    assert_eq!(in_guest(&host.template, desktop, SUMS).await.unwrap(), sums);
    host.finish().await;
}
