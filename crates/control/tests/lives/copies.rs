//! Copies of snapshots that are not on the host.

use std::path::Path;
use std::time::Duration;

use rolltop_api_types::{CopyState, ForkDesktop, SnapshotCopy};
use rolltop_control::{ControlConfig, CopiesConfig, CopyError};
use rolltop_model::{SnapshotId, SnapshotSchedule, SnapshotState};
use rolltop_sim::{Moment, Operation};
use url::Url;

use crate::fixture::{PATIENCE, Platform, has_screen, platform, platform_with, quick};

fn config(place: &Path) -> ControlConfig {
    let copies = CopiesConfig {
        url: Url::from_directory_path(place).unwrap(),
        endpoint: None,
        region: None,
        access_key_id: None,
        secret_access_key: None,
        allow_http: false,
    };
    ControlConfig { copies: Some(copies), ..quick() }
}

async fn snapshot(platform: &Platform, desktop: rolltop_model::DesktopId) -> SnapshotId {
    let access = platform.access(desktop).await;
    let id = platform.control.take_snapshot(&access, Some("before"), None).await.unwrap().id;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while platform.control.snapshot(&platform.owner, id).await.unwrap().state != SnapshotState::Ready {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    id
}

async fn over(platform: &Platform, id: SnapshotId) -> SnapshotCopy {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let all = platform.control.copies(&platform.owner).await.unwrap().items;
        let copy = all.into_iter().find(|copy| copy.id == id).unwrap();
        if matches!(copy.state, CopyState::Done | CopyState::Failed) {
            return copy;
        }
        assert!(tokio::time::Instant::now() < deadline, "{copy:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The snapshot that it has become, or why it has not.
async fn fetched(platform: &Platform, id: SnapshotId) -> Result<SnapshotId, String> {
    let begun = platform.control.fetch_copy(&platform.owner, id).await.unwrap();
    assert_eq!((begun.state, begun.fetched_as), (CopyState::Fetching, None));
    let copy = over(platform, id).await;
    copy.fetched_as.ok_or_else(|| copy.detail.unwrap())
}

/// All that lies there.
fn files(place: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(std::fs::read(entry.path()).unwrap());
        }
    }
    found
}

#[tokio::test]
async fn a_copy_outlives_desktop_snapshot_and_host() {
    let place = tempfile::tempdir().unwrap();
    let here = platform_with(config(place.path())).await;
    let id = here.running("one").await;
    let taken = snapshot(&here, id).await;
    here.control.copy_snapshot(&here.owner, taken).await.unwrap();
    let copy = over(&here, taken).await;
    assert_eq!((copy.state, copy.detail.as_deref()), (CopyState::Done, None));
    let lying = files(place.path());
    assert_eq!(lying.iter().map(|file| file.len() as u64).collect::<Vec<_>>(), [copy.bytes.unwrap()]);
    for plain in ["before", "OPENSSH PRIVATE KEY", "desktop.json"] {
        let is_there = lying[0].windows(plain.len()).any(|bytes| bytes == plain.as_bytes());
        assert!(!is_there, "{plain} is to be read there");
    }
    let again = here.control.copy_snapshot(&here.owner, taken).await.unwrap();
    assert_eq!(again.state, CopyState::Done, "it is there already");
    here.control.delete_snapshot(&here.owner, taken).await.unwrap();
    let back = fetched(&here, taken).await.unwrap();
    let back = here.control.snapshot(&here.owner, back).await.unwrap();
    assert_eq!((back.desktop_name.as_str(), back.state), ("one", SnapshotState::Ready));

    // Another host finds it by the key alone.
    let there = platform_with(config(place.path())).await;
    assert_eq!(there.control.adopt_copies().await.unwrap(), (0, 1), "not without it");
    let key = std::fs::read(here.directory.path().join("copies.key")).unwrap();
    std::fs::write(there.directory.path().join("copies.key"), key).unwrap();
    let mut there = there;
    there.kill_and_reopen(config(place.path())).await;
    assert_eq!(there.control.adopt_copies().await.unwrap(), (1, 0));
    let found = there.control.copies(&there.owner).await.unwrap().items;
    assert_eq!((found[0].name.as_str(), found[0].bytes), ("before", copy.bytes));
    let back = fetched(&there, taken).await.unwrap();
    let made = there.control.fork_snapshot(&there.owner, back, &ForkDesktop::default(), None).await.unwrap();
    there.wait(made[0].id, "running", has_screen).await;

    here.control.delete_copy(&here.owner, taken).await.unwrap();
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while !files(place.path()).is_empty() {
        assert!(tokio::time::Instant::now() < deadline, "it is not removed");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(here.control.copies(&here.owner).await.unwrap().items.is_empty());
    let gone = here.control.fetch_copy(&here.owner, taken).await;
    assert!(matches!(gone, Err(CopyError::NotFound)), "{gone:?}");
}

#[tokio::test]
async fn a_copy_is_made_after_a_kill_and_what_was_changed_is_not_believed() {
    let place = tempfile::tempdir().unwrap();
    let mut platform = platform_with(config(place.path())).await;
    let id = platform.running("one").await;
    let taken = snapshot(&platform, id).await;
    platform.engine.faults().never_answer(Operation::Export, Moment::Before);
    platform.control.copy_snapshot(&platform.owner, taken).await.unwrap();
    platform.kill_there_and_reopen(config(place.path())).await;
    assert_eq!(over(&platform, taken).await.state, CopyState::Done);

    let file = place.path().join(taken.to_string());
    let whole = std::fs::read(&file).unwrap();
    let kept = platform.control.snapshots(&platform.owner, None).await.unwrap().len();
    let mut changed = whole.clone();
    let last = changed.len() - 1;
    changed[last] ^= 1;
    for bad in [&changed[..], &whole[..whole.len() - 20], &whole[..50], b""] {
        std::fs::write(&file, bad).unwrap();
        let fetched = fetched(&platform, taken).await;
        assert!(fetched.is_err(), "{} bytes: {fetched:?}", bad.len());
    }
    std::fs::remove_file(&file).unwrap();
    let why = fetched(&platform, taken).await.unwrap_err();
    assert!(why.starts_with("The copy can't be had from where it is kept"), "{why}");
    // What is there again can be fetched again.
    std::fs::write(&file, &whole).unwrap();
    let back = fetched(&platform, taken).await.unwrap();
    platform.control.delete_snapshot(&platform.owner, back).await.unwrap();
    assert_eq!(platform.control.snapshots(&platform.owner, None).await.unwrap().len(), kept);
}

#[tokio::test]
async fn without_a_place_it_is_said_that_there_is_none() {
    let platform = platform().await;
    let id = platform.running("one").await;
    let taken = snapshot(&platform, id).await;
    let refused = platform.control.copy_snapshot(&platform.owner, taken).await;
    assert!(matches!(refused, Err(CopyError::NotConfigured)), "{refused:?}");
    assert!(
        !platform.control.has_copies()
            && platform.control.copies(&platform.owner).await.unwrap().items.is_empty()
    );
}

#[tokio::test]
async fn what_somebody_asked_for_stays_whatever_they_are_called() {
    let place = tempfile::tempdir().unwrap();
    let hour = Duration::from_millis(300);
    let platform = platform_with(ControlConfig { hour, ..config(place.path()) }).await;
    // The platform is shown by this name, too.
    let key = platform.control.api_key(Some("rolltop")).await.unwrap();
    let named_so = platform.control.authenticate(&key).await.unwrap();
    let desktop = platform.running("one").await;
    let access = platform.access(desktop).await;
    let schedule = SnapshotSchedule::new(1, 1, 0).unwrap();
    platform.control.set_snapshot_schedule(&access, Some(schedule)).await.unwrap();
    let scheduled = async || {
        let all = platform.control.snapshots(&platform.owner, Some(desktop)).await.unwrap();
        all.into_iter().filter(|one| one.is_scheduled && one.state == SnapshotState::Ready).map(|one| one.id)
    };
    let deadline = tokio::time::Instant::now() + PATIENCE;
    let first = loop {
        assert!(tokio::time::Instant::now() < deadline);
        // It may be thinned out before it is asked for: then the next will do.
        if let Some(id) = scheduled().await.next()
            && platform.control.copy_snapshot(&named_so, id).await.is_ok()
            && over(&platform, id).await.state == CopyState::Done
        {
            break id;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    while scheduled().await.any(|id| id == first) {
        assert!(tokio::time::Instant::now() < deadline);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let copy = over(&platform, first).await;
    assert_eq!((copy.state, copy.made_by.as_str()), (CopyState::Done, "rolltop"));
}
