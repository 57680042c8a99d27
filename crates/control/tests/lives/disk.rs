//! The host's disk: whose what is on it is, who may have no more, and what is told of machines that are held back.

use std::time::Duration;

use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};
use rolltop_api_types::{CreateDesktop, Desktop, DesktopState, ForkDesktop, SaveTemplate};
use rolltop_control::{
    ControlConfig, CreateError, OverDiskQuota, SavedTemplateError, SnapshotError, TransferError,
};
use rolltop_engine::{Shortage, Writing};
use rolltop_model::{DesktopId, FailReason, SnapshotId, SnapshotState};
use rolltop_sim::DoorFault;

use crate::fixture::{PATIENCE, Platform, Said, platform_with, quick};

const MIB: u64 = 1 << 20;
/// What the simulation's layers have, and the memory of a machine that runs.
const LAYER: u64 = 40 * MIB;
const MEMORY: u64 = 130 * MIB;

async fn limited(disk_limit: u64) -> Platform {
    let interval = Duration::from_millis(30);
    platform_with(ControlConfig { disk_limit: Some(disk_limit), interval, ..quick() }).await
}

async fn until(platform: &Platform, used: impl Fn(u64) -> bool) {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let has = platform.control.me(&platform.owner).await.unwrap().limits.disk_bytes_used;
        if used(has) {
            return;
        }
        assert!(tokio::time::Instant::now() < deadline, "{has} bytes");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// A snapshot that is taken.
async fn taken(platform: &Platform, id: DesktopId) -> SnapshotId {
    let taken = platform.control.take_snapshot(&platform.access(id).await, None, None).await.unwrap().id;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while platform.control.snapshot(&platform.owner, taken).await.unwrap().state != SnapshotState::Ready {
        assert!(tokio::time::Instant::now() < deadline, "it is not taken");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    taken
}

async fn happened(platform: &Platform, id: DesktopId) -> Vec<(String, Option<String>)> {
    let history = platform.control.history(&platform.access(id).await).await.unwrap();
    history.into_iter().rev().map(|entry| (entry.kind, entry.detail)).collect()
}

#[tokio::test]
async fn who_has_all_it_may_makes_nothing_more_and_is_slowed_then_paused_with_the_reason() {
    let limit = 700 * MIB;
    let platform = limited(limit).await;
    let (one, two) = (platform.running("one").await, platform.running("two").await);
    until(&platform, |used| used == 2 * LAYER).await;
    let access = platform.access(one).await;
    let taken = taken(&platform, one).await;
    until(&platform, |used| used > 3 * LAYER && used < 3 * LAYER + MEMORY).await;
    let file = platform.control.export_snapshot(&platform.owner, taken).await.unwrap();
    let file: Vec<_> = file.bytes.try_collect().await.unwrap();

    platform.engine.write_disk(one, limit);
    let slow = platform.wait(one, "slow", |view| view.why() == Some("slowed_quota")).await;
    assert_eq!(slow.state, DesktopState::Running);
    let is_over = |error: &OverDiskQuota| error.limit == limit && error.used >= limit;
    let create = platform.control.create(&platform.owner, &CreateDesktop::default(), None).await;
    assert!(matches!(&create, Err(CreateError::OverDiskQuota(over)) if is_over(over)), "{create:?}");
    let refused =
        |error: &SnapshotError| matches!(error, SnapshotError::OverDiskQuota(over) if is_over(over));
    let snapshot = platform.control.take_snapshot(&access, None, None).await.unwrap_err();
    assert!(refused(&snapshot), "{snapshot}");
    let fork = platform.control.fork(&access, &ForkDesktop::default(), None).await.unwrap_err();
    assert!(refused(&fork), "{fork}");
    let fork = platform.control.fork_snapshot(&platform.owner, taken, &ForkDesktop::default(), None).await;
    assert!(refused(&fork.unwrap_err()));
    let wanted = SaveTemplate { name: "mine".into(), ..SaveTemplate::default() };
    let template = platform.control.save_template(&access, &wanted).await;
    assert!(matches!(&template, Err(SavedTemplateError::Desktop(error)) if refused(error)), "{template:?}");
    let again = futures::stream::iter(file.into_iter().map(Ok)).boxed();
    let import = platform.control.import_snapshot(&platform.owner, again).await;
    assert!(matches!(&import, Err(TransferError::Snapshot(error)) if refused(error)), "{:?}", import.err());

    // What is on its way out is kept all the same: a way back is no new thing.
    platform.control.delete(&platform.access(two).await).await.unwrap();
    platform.wait_gone(two).await;
    platform.control.undo(&platform.owner, two).await.unwrap();

    platform.engine.write_disk(one, limit + (1 << 30));
    let paused = platform.wait(one, "paused", |view| view.why() == Some("paused_quota")).await;
    assert_eq!(paused.state, DesktopState::Running);
    platform.engine.write_disk(one, 0);
    platform.wait(one, "free", |view| view.reason.is_none()).await;
    let why = Some(FailReason::PausedQuota.as_str().to_owned());
    let history = happened(&platform, one).await;
    for kind in ["held", "went_on"] {
        let times = history.iter().filter(|entry| **entry == (kind.to_owned(), why.clone())).count();
        assert_eq!(times, 1, "{kind}: {history:?}");
    }
    platform.control.take_snapshot(&access, None, None).await.unwrap();
}

#[tokio::test]
async fn what_is_asked_for_at_the_same_time_counts_before_it_is_there() {
    let platform = limited(LAYER + 2 * MEMORY).await;
    let id = platform.running("one").await;
    until(&platform, |used| used == LAYER).await;
    let access = platform.access(id).await;
    let asked = join_all((0..8).map(|_| platform.control.take_snapshot(&access, None, None))).await;
    let (taken, refused): (Vec<_>, Vec<_>) = asked.into_iter().partition(Result::is_ok);
    assert_eq!(taken.len(), 2, "{refused:?}");
    let over =
        |error: &SnapshotError| matches!(error, SnapshotError::OverDiskQuota(over) if over.more == MEMORY);
    assert!(refused.iter().all(|answer| answer.as_ref().is_err_and(over)), "{refused:?}");
    assert!(
        taken.into_iter().all(|view| view.unwrap().memory_bytes == 0),
        "nothing is said of what is not there"
    );
    // One that could not be taken takes nothing.
    until(&platform, |used| used < LAYER + 2 * MEMORY).await;
}

#[tokio::test]
async fn who_deletes_has_room_again_and_layers_below_are_somebodys() {
    let platform = limited(1000 * MIB).await;
    let id = platform.running("one").await;
    let access = platform.access(id).await;
    let taken = taken(&platform, id).await;
    until(&platform, |used| used > 2 * LAYER && used < 2 * LAYER + MEMORY).await;
    // Its layer lies under the desktop's, and is on the disk as long as that is.
    platform.control.delete_snapshot(&platform.owner, taken).await.unwrap();
    until(&platform, |used| used == 2 * LAYER).await;
    platform.control.destroy(&access).await.unwrap();
    platform.wait_gone(id).await;
    until(&platform, |used| used == 0).await;
}

#[tokio::test]
async fn what_an_imported_desktop_is_booted_with_counts_as_long_as_it_is_there() {
    let platform = limited(700 * MIB).await;
    let id = platform.running("one").await;
    let taken = taken(&platform, id).await;
    let file = platform.control.export_snapshot(&platform.owner, taken).await.unwrap();
    let file: Vec<_> = file.bytes.try_collect().await.unwrap();
    platform.control.delete_snapshot(&platform.owner, taken).await.unwrap();
    until(&platform, |used| used == 2 * LAYER).await;
    let import = async || {
        let file = futures::stream::iter(file.clone().into_iter().map(Ok)).boxed();
        platform.control.import_snapshot(&platform.owner, file).await.unwrap().id
    };
    // The simulation's kernel and RAM disk have 9 bytes each, and are the same ones in both.
    let boot = 18;
    let (first, second) = (import().await, import().await);
    until(&platform, |used| used == 4 * LAYER + boot).await;
    let fork = platform.control.fork_snapshot(&platform.owner, first, &ForkDesktop::default(), None).await;
    let fork = fork.unwrap().remove(0).id;
    platform.wait(fork, "running", |view| view.state == DesktopState::Running).await;
    for snapshot in [first, second] {
        platform.control.delete_snapshot(&platform.owner, snapshot).await.unwrap();
    }
    until(&platform, |used| used % MIB == boot).await;
    platform.control.destroy(&platform.access(fork).await).await.unwrap();
    platform.wait_gone(fork).await;
    until(&platform, |used| used == 2 * LAYER).await;
}

/// A way back is kept by whoever has all they may, too: but not one more for each restart.
#[tokio::test]
async fn who_has_all_it_may_keeps_one_way_back_of_each_desktop() {
    let platform = limited(700 * MIB).await;
    let id = platform.running("one").await;
    let undos = async || {
        let all = platform.control.snapshots(&platform.owner, Some(id)).await.unwrap();
        all.into_iter().filter(|snapshot| snapshot.kept_until.is_some()).collect::<Vec<_>>()
    };
    let restart = async || {
        let before = platform.get(id).await.unwrap().steps().first().map(|step| step.boot);
        platform.control.restart(&platform.access(id).await).await.unwrap();
        let is_up = |view: &Desktop| {
            view.state == DesktopState::Running && view.steps().first().map(|step| step.boot) > before
        };
        platform.wait(id, "restarted", is_up).await;
    };
    restart().await;
    restart().await;
    assert_eq!(undos().await.len(), 2, "while there is room");
    platform.engine.write_disk(id, 700 * MIB);
    until(&platform, |used| used > 700 * MIB).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while undos().await.len() > 1 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", undos().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    restart().await;
    let latest = undos().await.into_iter().map(|snapshot| snapshot.created_at).max();
    while undos().await.len() > 1 {
        assert!(tokio::time::Instant::now() < deadline, "{:?}", undos().await);
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(undos().await[0].created_at, latest.unwrap(), "the latest stays");
}

#[tokio::test]
async fn one_that_stands_still_for_want_of_room_says_so_and_does_not_sleep() {
    let often = Duration::from_millis(30);
    let still = Duration::from_millis(200);
    let platform = platform_with(ControlConfig { interval: often, still, ..quick() }).await;
    let id = platform.running("one").await;
    platform.engine.faults().hold_back(Some(Writing::Slowly(Shortage::HostDisk)));
    platform.wait(id, "slow", |view| view.why() == Some("slowed_host_disk")).await;
    platform.engine.faults().hold_back(Some(Writing::Stopped(Shortage::HostDisk)));
    platform.engine.faults().busy(0);
    platform.engine.faults().door(DoorFault::Unreachable);
    platform.engine.cut_connections(id);
    platform.wait(id, "paused", |view| view.why() == Some("paused_host_disk")).await;
    // Longer than two knocks at the door of one that does nothing take.
    tokio::time::sleep(6 * still).await;
    assert_eq!(platform.get(id).await.unwrap().why(), Some("paused_host_disk"));
    // Whoever comes is told that at once, and not to try again or to restart it.
    let access = platform.access(id).await;
    let told = [
        platform.control.screenshot(&platform.access(id).await, 200).await.unwrap_err().to_string(),
        platform.control.end_processes(&access).await.unwrap_err().to_string(),
    ];
    assert_eq!(told, [FailReason::PausedHostDisk.sentence(); 2]);
    platform.engine.faults().door(DoorFault::None);
    platform.engine.faults().busy(2);
    platform.engine.faults().hold_back(None);
    platform.wait(id, "free", |view| view.reason.is_none()).await;
    let history = happened(&platform, id).await;
    let why = Some(FailReason::PausedHostDisk.as_str().to_owned());
    assert!(history.contains(&("held".to_owned(), why.clone())), "{history:?}");
    assert!(history.contains(&("went_on".to_owned(), why)), "{history:?}");
}
